/* Steps of Adam on the mean of (a exp(-b x) cos(c x + d) + e - y)^2 over many rows.

   Short blocks, so that the loops with sin, with cos and with exp each vectorize and their results stay in the nearest
   cache. Every thread adds up all shares itself, in one order: one barrier a step, and the same bits everywhere. */
#include <omp.h>
#include "vectors.h"

enum { BLOCK = 512, PARAMETERS = 5 };

static double shares[2][THREADS][8]; /* two sets in turn: a thread may be a step ahead of another that still reads */

static __attribute__((noinline)) void rows_of(long low, long high, const double *x, const double *y, const double *p,
                                              double *share)
{
    double a = p[0], b = p[1], c = p[2], d = p[3], e = p[4];
    double sa = 0, sb = 0, sc = 0, sd = 0, se = 0;
    for (; low < high; low += BLOCK, x += BLOCK, y += BLOCK) {
        long n = high - low < BLOCK ? high - low : BLOCK;
        double decay[BLOCK], sine[BLOCK], cosine[BLOCK];
        #pragma omp simd
        for (long i = 0; i < n; i++)
            sine[i] = sin(c * x[i] + d);
        #pragma omp simd
        for (long i = 0; i < n; i++)
            cosine[i] = cos(c * x[i] + d);
        #pragma omp simd
        for (long i = 0; i < n; i++)
            decay[i] = exp(-b * x[i]);
        #pragma omp simd reduction(+ : sa, sb, sc, sd, se)
        for (long i = 0; i < n; i++) {
            double wave = decay[i] * cosine[i], residual = a * wave + e - y[i];
            double slope = residual * decay[i] * sine[i];
            sa += residual * wave;
            sb += residual * wave * x[i];
            sc += slope * x[i];
            sd += slope;
            se += residual;
        }
    }
    share[0] = sa, share[1] = -a * sb, share[2] = -a * sc, share[3] = -a * sd, share[4] = se;
}

/* a: x, y, parameters, their two averages, steps so far (double). */
void run(void **a, long steps)
{
    double *given = a[2], *given_m = a[3], *given_v = a[4], *done = a[5];
    #pragma omp parallel num_threads(THREADS)
    {
        long me = omp_get_thread_num(), low = N * me / THREADS, high = N * (me + 1) / THREADS;
        double p[PARAMETERS], m[PARAMETERS], v[PARAMETERS];
        double b1 = __builtin_pow(B1, *done), b2 = __builtin_pow(B2, *done);
        for (int i = 0; i < PARAMETERS; i++)
            p[i] = given[i], m[i] = given_m[i], v[i] = given_v[i];
        for (long step = 0; step < steps; step++) {
            double (*share)[8] = shares[step & 1];
            rows_of(low, high, (double *)a[0] + low, (double *)a[1] + low, p, share[me]);
            b1 *= B1, b2 *= B2;
            #pragma omp barrier
            for (int i = 0; i < PARAMETERS; i++) {
                double gradient = 0;
                for (int other = 0; other < THREADS; other++)
                    gradient += share[other][i] * (2.0 / N);
                m[i] = B1 * m[i] + (1 - B1) * gradient;
                v[i] = B2 * v[i] + (1 - B2) * gradient * gradient;
                p[i] -= RATE / (1 - b1) * m[i] / (sqrt(v[i] / (1 - b2)) + EPSILON);
            }
        }
        #pragma omp barrier
        if (me == 0)
            for (int i = 0; i < PARAMETERS; i++)
                given[i] = p[i], given_m[i] = m[i], given_v[i] = v[i];
    }
    *done += (double)steps;
}
