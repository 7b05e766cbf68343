// What CUDA C gives a kernel, for g++ -std=c++17 on the CPU: a test tool.
//
// It includes nothing, so a source that needs a header fails here as it fails in NVRTC. Blocks, threads and waiting
// are in cuda_cpu.cpp.
#pragma once

typedef decltype(sizeof 0) size_t;

// ---------------------------------------------------------------------------------------------------- the language

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
// Blocks run one after another, in one thread of the CPU. As thread-local variables, all shared ones of a module lie
// in one piece of memory, those of templates too: it can be filled with garbage before every block.
#define __shared__ thread_local

struct uint3 { unsigned x, y, z; };
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};

extern "C" {
extern const uint3 cuda_cpu_thread, cuda_cpu_block;
extern const dim3 cuda_cpu_block_size, cuda_cpu_grid_size;
unsigned cuda_cpu_lane();
void cuda_cpu_wait_for_block(int line);
void cuda_cpu_wait_for_warp(unsigned mask, int line);
unsigned long long cuda_cpu_exchange(unsigned mask, unsigned long long value, unsigned source, int line);
}

#define threadIdx cuda_cpu_thread
#define blockIdx cuda_cpu_block
#define blockDim cuda_cpu_block_size
#define gridDim cuda_cpu_grid_size
static constexpr int warpSize = 32;

// --------------------------------------------------------------------------------------------- waiting, exchanging

namespace cuda_cpu {

template <class T> inline T exchange(unsigned mask, T value, unsigned source, int line) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "CUDA's shuffles have values of 4 and 8 bytes");
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof value);
    bits = cuda_cpu_exchange(mask, bits, source, line);
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

// Who has no lane on that side gets its own value.
inline unsigned lane_down(unsigned by) { return cuda_cpu_lane() + by < 32 ? cuda_cpu_lane() + by : cuda_cpu_lane(); }
inline unsigned lane_up(unsigned by) { return cuda_cpu_lane() < by ? cuda_cpu_lane() : cuda_cpu_lane() - by; }

}  // namespace cuda_cpu

#define __syncthreads() cuda_cpu_wait_for_block(__LINE__)
#define __syncwarp(...) cuda_cpu_wait_for_warp(0xffffffffu __VA_OPT__(& (__VA_ARGS__)), __LINE__)
#define __shfl_sync(m, v, lane) cuda_cpu::exchange(m, v, (lane) & 31, __LINE__)
#define __shfl_xor_sync(m, v, by) cuda_cpu::exchange(m, v, (cuda_cpu_lane() ^ (by)) & 31, __LINE__)
#define __shfl_down_sync(m, v, by) cuda_cpu::exchange(m, v, cuda_cpu::lane_down(by), __LINE__)
#define __shfl_up_sync(m, v, by) cuda_cpu::exchange(m, v, cuda_cpu::lane_up(by), __LINE__)
inline void __threadfence() {}
inline void __threadfence_block() {}

// ------------------------------------------------------------------------------------------------- memory, atomics

template <class T> inline T __ldg(const T* p) { return *p; }

// Threads switch only where they wait, so plain operations are atomic. Only CUDA's own types have them.
#define ATOMIC(name, T, result) \
    inline T name(T* p, T v) { T old = *p; *p = (result); return old; }
#define ATOMIC_CAS(T) \
    inline T atomicCAS(T* p, T expected, T v) { T old = *p; *p = old == expected ? v : old; return old; }
#define ATOMICS(T) \
    ATOMIC(atomicAdd, T, old + v) ATOMIC(atomicExch, T, v) ATOMIC_CAS(T) \
    ATOMIC(atomicMin, T, v < old ? v : old) ATOMIC(atomicMax, T, v > old ? v : old) \
    ATOMIC(atomicAnd, T, old & v) ATOMIC(atomicOr, T, old | v) ATOMIC(atomicXor, T, old ^ v)
ATOMICS(int) ATOMICS(unsigned) ATOMICS(unsigned long long)
ATOMIC(atomicMin, long long, v < old ? v : old) ATOMIC(atomicMax, long long, v > old ? v : old)
ATOMIC(atomicSub, int, old - v) ATOMIC(atomicSub, unsigned, old - v)
ATOMIC(atomicAdd, float, old + v) ATOMIC(atomicAdd, double, old + v) ATOMIC(atomicExch, float, v)
#undef ATOMICS
#undef ATOMIC_CAS
#undef ATOMIC

// ------------------------------------------------------------------------------------------------------- functions

// Every function has three spellings: exp(double), expf(float) and exp(float).
#define REAL1(name) \
    extern "C" double name(double); extern "C" float name##f(float); \
    inline float name(float x) { return name##f(x); }
#define REAL2(name) \
    extern "C" double name(double, double); extern "C" float name##f(float, float); \
    inline float name(float x, float y) { return name##f(x, y); }
REAL1(sqrt) REAL1(cbrt) REAL1(exp) REAL1(exp2) REAL1(exp10) REAL1(expm1) REAL1(log) REAL1(log2) REAL1(log10) REAL1(log1p)
REAL1(sin) REAL1(cos) REAL1(tan) REAL1(asin) REAL1(acos) REAL1(atan) REAL1(sinh) REAL1(cosh) REAL1(tanh) REAL1(asinh)
REAL1(acosh) REAL1(atanh) REAL1(erf) REAL1(erfc) REAL1(lgamma) REAL1(tgamma) REAL1(floor) REAL1(ceil) REAL1(trunc)
REAL1(round) REAL1(rint) REAL1(nearbyint) REAL1(fabs) REAL1(logb)
REAL2(pow) REAL2(atan2) REAL2(fmod) REAL2(remainder) REAL2(fmin) REAL2(fmax) REAL2(fdim) REAL2(hypot) REAL2(copysign)
REAL2(nextafter)
#undef REAL1
#undef REAL2
extern "C" double fma(double, double, double);
extern "C" float fmaf(float, float, float);
inline float fma(float x, float y, float z) { return fmaf(x, y, z); }
extern "C" double ldexp(double, int);
extern "C" float ldexpf(float, int);
extern "C" double nan(const char*);
extern "C" float nanf(const char*);

inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double normcdf(double x) { return 0.5 * erfc(x * -0.70710678118654752); }
inline float normcdff(float x) { return 0.5f * erfcf(x * -0.70710678118654752f); }

#define CLASSES(T) \
    inline bool isnan(T x) { return __builtin_isnan(x); } \
    inline bool isinf(T x) { return __builtin_isinf(x); } \
    inline bool isfinite(T x) { return __builtin_isfinite(x); } \
    inline bool signbit(T x) { return __builtin_signbit(x); }
CLASSES(float) CLASSES(double)
#undef CLASSES

#define ORDERED(T) \
    inline T min(T x, T y) { return y < x ? y : x; } \
    inline T max(T x, T y) { return x < y ? y : x; }
ORDERED(int) ORDERED(unsigned) ORDERED(long) ORDERED(unsigned long) ORDERED(long long) ORDERED(unsigned long long)
#undef ORDERED
inline float min(float x, float y) { return fminf(x, y); }
inline float max(float x, float y) { return fmaxf(x, y); }
inline double min(double x, double y) { return fmin(x, y); }
inline double max(double x, double y) { return fmax(x, y); }

extern "C" int abs(int);
extern "C" long long llabs(long long);
inline long long abs(long long x) { return llabs(x); }
inline float abs(float x) { return fabsf(x); }
inline double abs(double x) { return fabs(x); }

inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)((unsigned long long)x * y >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
    return (unsigned long long)((unsigned __int128)x * y >> 64);
}

// Rounded on their own: nvcc makes no fma of them.
#define ROUNDED(name, T, op) \
    inline T name(T x, T y) { return x op y; }
ROUNDED(__fadd_rn, float, +) ROUNDED(__fsub_rn, float, -) ROUNDED(__fmul_rn, float, *) ROUNDED(__fdiv_rn, float, /)
ROUNDED(__dadd_rn, double, +) ROUNDED(__dsub_rn, double, -) ROUNDED(__dmul_rn, double, *) ROUNDED(__ddiv_rn, double, /)
#undef ROUNDED

#define BITS(name, To, From) \
    inline To name(From x) { To y; __builtin_memcpy(&y, &x, sizeof y); return y; }
BITS(__int_as_float, float, int) BITS(__float_as_int, int, float)
BITS(__uint_as_float, float, unsigned) BITS(__float_as_uint, unsigned, float)
BITS(__longlong_as_double, double, long long) BITS(__double_as_longlong, long long, double)
#undef BITS

// ------------------------------------------------------------------------------------- what stand_in.py calls

namespace cuda_cpu {

// The character that NumPy has for a type; V is any other.
template <class T> constexpr char letter = 'V';
template <class T> constexpr char letter<const T> = letter<T>;
#define LETTER(T, c) template <> inline constexpr char letter<T> = c;
LETTER(bool, '?') LETTER(char, 'b') LETTER(signed char, 'b') LETTER(unsigned char, 'B') LETTER(short, 'h')
LETTER(unsigned short, 'H') LETTER(int, 'i') LETTER(unsigned, 'I') LETTER(long, 'l') LETTER(unsigned long, 'L')
LETTER(long long, 'q') LETTER(unsigned long long, 'Q') LETTER(float, 'f') LETTER(double, 'd')
#undef LETTER

template <class T> struct Parameter { static constexpr char kind = '.', type = letter<T>; };
template <class T> struct Parameter<T*> { static constexpr char kind = '*', type = letter<T>; };

// Two characters for each parameter: a pointer or a value, and of what.
template <class... A> const char* parameters(void (*)(A...)) {
    static constexpr char text[] = {(Parameter<A>::kind)..., (Parameter<A>::type)..., 0};
    return text;
}

template <unsigned... I> struct Indices {};
template <class... A, unsigned... I> inline void call(void (*kernel)(A...), char* arguments, Indices<I...>) {
    kernel(*(A*)(arguments + 8 * I)...);
}
template <class... A> inline void call(void (*kernel)(A...), char* arguments) {
    call(kernel, arguments, Indices<__integer_pack(unsigned(sizeof...(A)))...>{});
}

}  // namespace cuda_cpu

#define CUDA_CPU_VISIBLE extern "C" __attribute__((visibility("default")))
#define CUDA_CPU_EXPORT(name) \
    CUDA_CPU_VISIBLE void name##_thread(char* arguments) { cuda_cpu::call(name, arguments); } \
    CUDA_CPU_VISIBLE const char* name##_parameters() { return cuda_cpu::parameters(name); }
