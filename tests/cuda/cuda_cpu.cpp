// Runs the threads of CUDA blocks on the CPU, for sources compiled with cuda_cpu.h: a test tool.
//
// A thread runs on a stack of its own (a fiber) until it waits; then the next one runs. A thread that ends without
// having waited leaves its stack to the next, so a kernel that never waits is a plain loop. Threads wait for their
// block or for the lanes of their warp; when nobody can go on, the report says who waits where, and for whom.
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

struct Triple { unsigned x, y, z; };

extern "C" {
Triple cuda_cpu_thread, cuda_cpu_block, cuda_cpu_block_size, cuda_cpu_grid_size;
}

namespace {

constexpr unsigned THREADS = 1024, WARP = 32, NOBODY = ~0u;
constexpr size_t STACK = 256 << 10;

enum State { FRESH, READY, AT_BLOCK, AT_WARP, DONE };
// `FAULTS` and above: a signal ended the launch.
enum Problem { FINE, RETURNED, OTHER_LINE, LANE_MISSING, NOT_IN_MASK, FAULTS = 100 };

struct Thread {
    State state;
    int line;          // of the place where it waits
    unsigned mask;     // the lanes that it waits for
    unsigned source;   // the lane whose value it asks for
    unsigned long long value, received;
    unsigned fiber;
};

struct Fiber {
    jmp_buf at;
    bool started;
};

struct Report { int problem, line, other_line; unsigned thread, other, block; };

struct Order {
    int kind;
    unsigned count, prime;
    Order(int kind, unsigned count) : kind(kind), count(count), prime(count % 7919 ? 7919 : 7907) {}
    unsigned operator()(unsigned k) const {
        if (kind == 1) return count - 1 - k;
        if (kind == 2) return unsigned((k * (unsigned long long)prime + 13) % count);
        return k;
    }
};

Thread threads[THREADS];
Fiber fibers[THREADS];
unsigned idle[THREADS], idle_count;  // fibers that wait for a thread to run
char* stacks;
jmp_buf scheduler, abandoned;
pthread_t launcher;
Report report;
void (*entry)(char*);
char* arguments;
Order order(0, 1);
unsigned position, current;  // in this sweep over the threads; the thread that runs

Triple place(unsigned i, Triple size) { return {i % size.x, i / size.x % size.y, i / size.x / size.y}; }

void select(unsigned k) {
    position = k;
    current = order(k);
    cuda_cpu_thread = place(current, cuda_cpu_block_size);
}

[[noreturn]] void fail(Problem problem, unsigned thread, unsigned other = NOBODY) {
    report.problem = problem;
    report.thread = thread;
    report.line = threads[thread].line;
    report.other = other;
    if (other != NOBODY) report.other_line = threads[other].state == DONE ? 0 : threads[other].line;
    _longjmp(abandoned, 1);
}

// What every fiber runs, for ever.
void work() {
    for (unsigned self;;) {
        self = threads[current].fiber;
        for (;;) {
            entry(arguments);
            threads[current].state = DONE;
            if (position + 1 == order.count || threads[order(position + 1)].state != FRESH) break;
            select(position + 1);
            threads[current].fiber = self;
        }
        idle[idle_count++] = self;
        if (!_setjmp(fibers[self].at)) _longjmp(scheduler, 1);
    }
}

void run() {
    Thread& thread = threads[current];
    if (thread.state == FRESH) thread.fiber = idle[--idle_count];
    Fiber& fiber = fibers[thread.fiber];
    if (_setjmp(scheduler)) return;
    if (fiber.started) _longjmp(fiber.at, 1);
    fiber.started = true;
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = stacks + thread.fiber * STACK;
    context.uc_stack.ss_size = STACK;
    context.uc_link = nullptr;
    makecontext(&context, work, 0);
    setcontext(&context);
}

void wait(State state, int line) {
    unsigned self = current;
    threads[self].state = state;
    threads[self].line = line;
    if (!_setjmp(fibers[threads[self].fiber].at)) _longjmp(scheduler, 1);
}

// The lane of a waiting thread's warp that is not there yet; NOBODY when all are. Lanes that a short last warp does
// not have are not waited for.
unsigned missing_for(unsigned i) {
    unsigned first = i / WARP * WARP;
    for (unsigned lane = 0; lane < WARP && first + lane < order.count; lane++) {
        const Thread &mine = threads[i], &its = threads[first + lane];
        bool there = its.state == AT_WARP && its.line == mine.line && its.mask == mine.mask;
        if (mine.mask >> lane & 1 && !there) return first + lane;
    }
    return NOBODY;
}

void release_lanes(unsigned i) {
    unsigned first = i / WARP * WARP, mask = threads[i].mask;
    for (unsigned lane = 0; lane < WARP && first + lane < order.count; lane++) {
        if (!(mask >> lane & 1)) continue;
        Thread& thread = threads[first + lane];
        unsigned from = first + thread.source;
        bool known = mask >> thread.source & 1 && from < order.count;
        thread.received = known ? threads[from].value : ~0ull;  // CUDA leaves it undefined
        thread.state = READY;
    }
}

// Lets those go on for whom all have come.
bool release() {
    bool released = false, all = true;
    for (unsigned i = 0; i < order.count; i++) {
        if (threads[i].state == AT_WARP && missing_for(i) == NOBODY) {
            release_lanes(i);
            released = true;
        }
        all = all && threads[i].state == AT_BLOCK && threads[i].line == threads[0].line;
    }
    for (unsigned i = 0; all && i < order.count; i++) threads[i].state = READY;
    return released || all;
}

[[noreturn]] void explain() {
    for (unsigned i = 0; i < order.count; i++)
        if (threads[i].state == AT_WARP) fail(LANE_MISSING, i, missing_for(i));
    unsigned waiting = 0;
    while (threads[waiting].state != AT_BLOCK) waiting++;
    for (unsigned i = 0; i < order.count; i++)
        if (threads[i].state == DONE) fail(RETURNED, waiting, i);
    unsigned other = waiting;
    while (threads[other].line == threads[waiting].line) other++;
    fail(OTHER_LINE, waiting, other);
}

void run_block() {
    for (unsigned i = 0; i < order.count; i++) threads[i].state = FRESH;
    for (;;) {
        for (unsigned k = 0; k < order.count; k++) {
            select(k);
            if (threads[current].state == FRESH || threads[current].state == READY) run();
            k = position;
        }
        unsigned done = 0;
        while (done < order.count && threads[done].state == DONE) done++;
        if (done == order.count) return;
        if (!release()) explain();
    }
}

void on_signal(int signal) {
    if (!pthread_equal(pthread_self(), launcher)) {  // the timer is one for the whole process
        pthread_kill(launcher, signal);
        return;
    }
    threads[current].line = 0;
    fail(Problem(FAULTS + signal), current);
}

// Signals that end the launch instead of the process: no time left, wrong addresses, a division by zero.
class Guard {
    static constexpr int SIGNALS[] = {SIGVTALRM, SIGSEGV, SIGBUS, SIGFPE};
    struct sigaction before[4];

  public:
    explicit Guard(double seconds) {
        struct sigaction action = {};
        action.sa_handler = on_signal;
        action.sa_flags = SA_NODEFER | SA_ONSTACK;  // the handler is left by a jump
        for (int i = 0; i < 4; i++) sigaction(SIGNALS[i], &action, &before[i]);
        set_timer(seconds);
    }
    ~Guard() {
        set_timer(0);
        for (int i = 0; i < 4; i++) sigaction(SIGNALS[i], &before[i], nullptr);
    }
    static void set_timer(double seconds) {
        itimerval timer = {};
        timer.it_value.tv_sec = long(seconds);
        timer.it_value.tv_usec = long((seconds - double(timer.it_value.tv_sec)) * 1e6);
        setitimer(ITIMER_VIRTUAL, &timer, nullptr);
    }
};

// All fibers idle; those of a launch that failed begin anew.
void make_fibers(bool anew) {
    if (!stacks) {
        void* memory = mmap(nullptr, THREADS * STACK, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) __builtin_abort();
        stacks = (char*)memory;
    } else if (!anew) {
        return;
    }
    for (idle_count = 0; idle_count < THREADS; idle_count++) {
        idle[idle_count] = THREADS - 1 - idle_count;
        fibers[idle_count].started = false;
    }
}

struct Search { ElfW(Addr) address; size_t module, size; };

int look(dl_phdr_info* info, size_t, void* data) {
    Search& search = *(Search*)data;
    bool here = false;
    size_t size = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr)& part = info->dlpi_phdr[i];
        ElfW(Addr) begin = info->dlpi_addr + part.p_vaddr;
        if (part.p_type == PT_LOAD && search.address >= begin && search.address < begin + part.p_memsz) here = true;
        if (part.p_type == PT_TLS) size = part.p_memsz;
    }
    if (here && size) search.module = info->dlpi_tls_modid, search.size = size;
    return here;
}

}  // namespace

extern "C" {

void* __tls_get_addr(size_t*);

unsigned cuda_cpu_lane() { return current % WARP; }

void cuda_cpu_wait_for_block(int line) { wait(AT_BLOCK, line); }

unsigned long long cuda_cpu_exchange(unsigned mask, unsigned long long value, unsigned source, int line) {
    Thread& thread = threads[current];
    thread.value = value;
    thread.source = source;
    thread.mask = mask;
    thread.line = line;
    if (!(mask >> current % WARP & 1)) fail(NOT_IN_MASK, current);
    wait(AT_WARP, line);
    return thread.received;
}

void cuda_cpu_wait_for_warp(unsigned mask, int line) { cuda_cpu_exchange(mask, 0, 0, line); }

// The module (of thread-local variables) that a function is in, and the size of its shared memory.
void cuda_cpu_find_shared(void* function, size_t* module_and_size) {
    Search search = {(ElfW(Addr))function, 0, 0};
    dl_iterate_phdr(look, &search);
    module_and_size[0] = search.module;
    module_and_size[1] = search.size;
}

// Runs a kernel: 0, or a Problem that `told` describes.
int cuda_cpu_launch(void (*kernel)(char*), char* kernel_arguments, const unsigned* sizes, const size_t* module_and_size,
                    int order_kind, double seconds, Report* told) {
    cuda_cpu_grid_size = {sizes[0], sizes[1], sizes[2]};
    cuda_cpu_block_size = {sizes[3], sizes[4], sizes[5]};
    entry = kernel;
    arguments = kernel_arguments;
    order = Order(order_kind, sizes[3] * sizes[4] * sizes[5]);
    Order blocks(order_kind, sizes[0] * sizes[1] * sizes[2]);
    size_t start_of_shared[2] = {module_and_size[0], 0};
    make_fibers(report.problem != FINE);
    launcher = pthread_self();
    report = {};
    Guard guard(seconds);
    if (!_setjmp(abandoned)) {
        for (unsigned k = 0; k < blocks.count; k++) {
            report.block = blocks(k);
            cuda_cpu_block = place(report.block, cuda_cpu_grid_size);
            if (module_and_size[1]) memset(__tls_get_addr(start_of_shared), 0xff, module_and_size[1]);
            run_block();
        }
    }
    *told = report;
    return report.problem;
}
}
