/* Steps of SGD with momentum on the mean of (U V - X)^2, with U of 20 rows and 3 columns and V of 3 rows and 5 columns.

   Vectors of 8 run along the 20 rows (and 4 of nothing), so that U is kept transposed; all of it lives in registers and
   in the nearest cache. */
#include "vectors.h"

enum { M = 20, K = 3, N = 5, L = 8, VECTORS = (M + L - 1) / L };

typedef float V8 __attribute__((vector_size(4 * L), may_alias));
typedef int I8 __attribute__((vector_size(4 * L)));

#define STEP ((float)(RATE * 2 / (M * N)))

static V8 columns(const float *matrix, long width, long column, long i)
{
    V8 x = {0};
    for (int l = 0; l < L && i * L + l < M; l++)
        x[l] = matrix[(i * L + l) * width + column];
    return x;
}

static void back(float *matrix, long width, long column, long i, V8 x)
{
    for (int l = 0; l < L && i * L + l < M; l++)
        matrix[(i * L + l) * width + column] = x[l];
}

INLINE V8 halves(V8 a, V8 b)
{
    return __builtin_shuffle(a, b, (I8){0, 1, 2, 3, 8, 9, 10, 11})
         + __builtin_shuffle(a, b, (I8){4, 5, 6, 7, 12, 13, 14, 15});
}

INLINE V8 pairs(V8 a, V8 b)
{
    return __builtin_shuffle(a, b, (I8){0, 1, 8, 9, 4, 5, 12, 13})
         + __builtin_shuffle(a, b, (I8){2, 3, 10, 11, 6, 7, 14, 15});
}

INLINE V8 singles(V8 a, V8 b)
{
    return __builtin_shuffle(a, b, (I8){0, 8, 2, 10, 4, 12, 6, 14})
         + __builtin_shuffle(a, b, (I8){1, 9, 3, 11, 5, 13, 7, 15});
}

/* The sums over the lanes of 8 vectors, in lanes 0 to 7. */
INLINE V8 sums8(const V8 *x)
{
    V8 a = pairs(halves(x[0], x[4]), halves(x[2], x[6])), b = pairs(halves(x[1], x[5]), halves(x[3], x[7]));
    return singles(a, b);
}

/* a: X, U, V, velocity of U, velocity of V. */
void run(void **a, long steps)
{
    V8 x[N][VECTORS], u[K][VECTORS], du[K][VECTORS], v[2] = {{0}}, dv[2] = {{0}};
    for (int i = 0; i < VECTORS; i++) {
        for (int j = 0; j < N; j++)
            x[j][i] = columns(a[0], N, j, i);
        for (int k = 0; k < K; k++)
            u[k][i] = columns(a[1], K, k, i), du[k][i] = columns(a[3], K, k, i);
    }
    __builtin_memcpy(v, a[2], K * N * sizeof(float));
    __builtin_memcpy(dv, a[4], K * N * sizeof(float));
    for (long step = 0; step < steps; step++) {
        V8 r[N][VECTORS], shares[16];
        UNROLL for (int j = 0; j < N; j++)
            UNROLL for (int i = 0; i < VECTORS; i++) {
                r[j][i] = -x[j][i];
                UNROLL for (int k = 0; k < K; k++)
                    r[j][i] += u[k][i] * v[(k * N + j) / L][(k * N + j) % L];
            }
        UNROLL for (int k = 0; k < K; k++)
            UNROLL for (int j = 0; j < N; j++) {
                V8 share = u[k][0] * r[j][0];
                UNROLL for (int i = 1; i < VECTORS; i++)
                    share += u[k][i] * r[j][i];
                shares[k * N + j] = share;
            }
        shares[15] = (V8){0};
        UNROLL for (int k = 0; k < K; k++)
            UNROLL for (int i = 0; i < VECTORS; i++) {
                V8 g = r[0][i] * v[k * N / L][k * N % L];
                UNROLL for (int j = 1; j < N; j++)
                    g += r[j][i] * v[(k * N + j) / L][(k * N + j) % L];
                du[k][i] = (float)MOMENTUM * du[k][i] - STEP * g;
                u[k][i] += du[k][i];
            }
        UNROLL for (int h = 0; h < 2; h++) {
            dv[h] = (float)MOMENTUM * dv[h] - STEP * sums8(shares + h * L);
            v[h] += dv[h];
        }
    }
    for (int i = 0; i < VECTORS; i++)
        for (int k = 0; k < K; k++)
            back(a[1], K, k, i, u[k][i]), back(a[3], K, k, i, du[k][i]);
    __builtin_memcpy(a[2], v, K * N * sizeof(float));
    __builtin_memcpy(a[4], dv, K * N * sizeof(float));
}
