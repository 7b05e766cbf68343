/* Steps of centred RMSProp on the Rosenbrock function of N variables, with all of them and their states in registers.

   With d_i = x_(i+1) - x_i^2 the gradient is -400 x_i d_i - 2 (1 - x_i) without the last, plus 200 d_(i-1) without the
   first. */
#include "vectors.h"

#define GAIN ((float)(1 - GAMMA))

#if N == 2

static void update(float *x, float *m, float *v, float g)
{
    float distance = g - *m, gain = GAIN * distance;
    *m += gain;
    *v = (float)GAMMA * (*v + gain * distance);
    *x -= (float)RATE * g / sqrtf(*v + (float)EPSILON);
}

/* a: x, mean, variance. */
void run(void **a, long steps)
{
    float *x = a[0], *m = a[1], *v = a[2];
    float x0 = x[0], x1 = x[1], m0 = m[0], m1 = m[1], v0 = v[0], v1 = v[1];
    for (long step = 0; step < steps; step++) {
        float d = x1 - x0 * x0, g0 = -400 * x0 * d + (2 * x0 - 2);
        update(&x0, &m0, &v0, g0);
        update(&x1, &m1, &v1, 200 * d);
    }
    x[0] = x0, x[1] = x1, m[0] = m0, m[1] = m1, v[0] = v0, v[1] = v1;
}

#else

enum { VECTORS = (N + W - 1) / W };

#define NEXT(l, s) ((l) + 1)
#define LAST(l, s) ((l) + W - 1)
#define INSIDE(l, s) ((VECTORS - 1) * W + (l) < N - 1)

INLINE V above(V x, V next) { return __builtin_shuffle(x, next, (Lanes)LANES(NEXT, 0)); }
INLINE V below(V previous, V x) { return __builtin_shuffle(previous, x, (Lanes)LANES(LAST, 0)); }

/* a: x, mean, variance. */
void run(void **a, long steps)
{
    float room[3][VECTORS * W] = {{0}}; /* what lies beyond the last variable begins at 0 and stays there */
    V x[VECTORS], m[VECTORS], v[VECTORS], d[VECTORS], none = {0};
    const V inside = (V)LANES(INSIDE, 0); /* 0 for the last variable and beyond */
    for (int s = 0; s < 3; s++)
        __builtin_memcpy(room[s], a[s], N * sizeof(float));
    UNROLL for (int i = 0; i < VECTORS; i++)
        x[i] = load(room[0] + i * W), m[i] = load(room[1] + i * W), v[i] = load(room[2] + i * W);
    for (long step = 0; step < steps; step++) {
        UNROLL for (int i = 0; i < VECTORS; i++)
            d[i] = above(x[i], i + 1 < VECTORS ? x[i + 1] : none) - x[i] * x[i];
        d[VECTORS - 1] *= inside;
        UNROLL for (int i = 0; i < VECTORS; i++) {
            V slope = 2 * x[i] - 2;
            if (i == VECTORS - 1)
                slope *= inside;
            V g = slope - 400 * x[i] * d[i] + 200 * below(i ? d[i - 1] : none, d[i]);
            V distance = g - m[i], gain = GAIN * distance;
            m[i] += gain;
            v[i] = (float)GAMMA * (v[i] + gain * distance);
            x[i] -= (float)RATE * g / root(v[i] + (float)EPSILON);
        }
    }
    UNROLL for (int i = 0; i < VECTORS; i++)
        store(room[0] + i * W, x[i]), store(room[1] + i * W, m[i]), store(room[2] + i * W, v[i]);
    for (int s = 0; s < 3; s++)
        __builtin_memcpy(a[s], room[s], N * sizeof(float));
}

#endif
