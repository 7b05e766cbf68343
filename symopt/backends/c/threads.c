/* Threads share blocks of rows in order; where one needs what another has written, all wait. */
#ifdef _OPENMP
extern int omp_get_thread_num(void), omp_get_num_threads(void);
#define THREAD omp_get_thread_num()
#define THREADS omp_get_num_threads()
#define BARRIER if (team > 1) { _Pragma("omp barrier") }
#else
#define THREAD 0
#define THREADS 1
#define BARRIER {}
#endif

/* Code of its own for one thread could have other vectors, and round differently. */
#if defined(__clang__)
#define ONE_CODE __attribute__((noinline))
#else
#define ONE_CODE __attribute__((noinline, noclone))
#endif

static inline Index share(Index blocks, int me, int team)
{
    return blocks * me / team;
}

static inline Index least(Index x, Index y)
{
    return x < y ? x : y;
}
