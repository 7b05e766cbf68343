typedef long long Index;

/* Threads of every block. */
#define THREADS 256

/* The elements of a pass that are this thread's own. */
#define FOR_EACH(i, count) \
    for (Index i = (Index)block * THREADS + threadIdx.x; i < (count); i += (Index)blocks * THREADS)
