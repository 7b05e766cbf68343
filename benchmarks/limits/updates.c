/* Updates alone, of parameters whose gradients come from outside: ADAM, RMSPROP or ADAGRAD is defined. One fused loop,
   on two threads where that pays; a branch of its own for small sizes, as OpenMP's if clause alone costs 2 us. */
#include <omp.h>
#include "vectors.h"

enum { SMALL = 32768 };

#if defined ADAM
#define UPDATE \
    m[i] = (float)B1 * m[i] + (float)(1 - B1) * g[i]; \
    v[i] = (float)B2 * v[i] + (float)(1 - B2) * (g[i] * g[i]); \
    p[i] -= c1 * m[i] / (c2 * sqrtf(v[i]) + (float)EPSILON);
#elif defined RMSPROP
#define UPDATE \
    float distance = g[i] - m[i], gain = (float)(1 - GAMMA) * distance; \
    m[i] += gain; \
    v[i] = (float)GAMMA * (v[i] + gain * distance); \
    p[i] -= (float)RATE * g[i] / sqrtf(v[i] + (float)EPSILON);
#elif defined ADAGRAD
#define UPDATE \
    v[i] += g[i] * g[i]; \
    p[i] -= (float)RATE * g[i] / (sqrtf(v[i]) + (float)EPSILON);
#endif

INLINE void span(long low, long high, float *restrict p, const float *restrict g, float *restrict m, float *restrict v,
                 float c1, float c2)
{
    (void)m, (void)c1, (void)c2;
    #pragma omp simd
    for (long i = low; i < high; i++) {
        UPDATE
    }
}

/* a: parameter, gradient, first and second state, and Adam's b1 and b2 to the power of the steps so far (doubles). */
void run(void **a, long steps)
{
    double *powers = a[4];
    for (long step = 0; step < steps; step++) {
        float c1 = 0, c2 = 0;
#ifdef ADAM
        powers[0] *= B1, powers[1] *= B2;
        c1 = (float)(RATE / (1 - powers[0])), c2 = (float)(1 / sqrt(1 - powers[1]));
#endif
        if (N < SMALL) {
            span(0, N, a[0], a[1], a[2], a[3], c1, c2);
            continue;
        }
        #pragma omp parallel num_threads(THREADS)
        {
            long me = omp_get_thread_num();
            span(N * me / THREADS, N * (me + 1) / THREADS, a[0], a[1], a[2], a[3], c1, c2);
        }
    }
    (void)powers;
}
