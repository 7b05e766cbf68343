/* Steps of SGD with momentum on the mean of (U V - X)^2, for matrices of some hundred rows.

   A thread owns rows of the residual and of U, whose next values go to a second array because the other threads still
   read the old; then, behind a barrier, columns of V. The transpose of V is kept beside it. */
#include <omp.h>
#include "products.h"

enum { M = 400, K = 400, N = 784, ROWS_EACH = M / THREADS, SPLIT = N / W / THREADS * W };
enum { NL = N + 16, KL = K + 16 }; /* rows a multiple of a large power of two apart would share few sets of the cache */

#define ALIGNED __attribute__((aligned(64)))
static ALIGNED float r[M][NL], vt[N][KL], u[2][M][K];
static ALIGNED float ut[(K + ROWS - 1) / ROWS][M * ROWS]; /* U's columns in the blocks that the product for V takes */

typedef struct { const float *old; float *next, *velocity; long ld; } Parameter;

INLINE void residual(const void *x, long i, long j, int rows, int columns, Tile t)
{
    UNROLL for (int a = 0; a < rows; a++)
        UNROLL for (int b = 0; b < columns; b++)
            store(&r[i + a][j + b * W], t[a][b] - load((const float *)x + (i + a) * N + j + b * W));
}

INLINE void momentum(const void *context, long i, long j, int rows, int columns, Tile gradient)
{
    const Parameter *to = context;
    UNROLL for (int a = 0; a < rows; a++)
        UNROLL for (int b = 0; b < columns; b++) {
            long at = (i + a) * to->ld + j + b * W;
            V velocity = (float)MOMENTUM * load(to->velocity + at) - (float)(RATE * 2 / (M * N)) * gradient[a][b];
            store(to->velocity + at, velocity);
            store(to->next + at, load(to->old + at) + velocity);
        }
}

INLINE void panel_of(long j, int columns, const Parameter *to)
{
    int n = 0;
#define BLOCK(i, rows) tile_at(i, j, rows, columns, M, (Matrix){ut[n++] - (i), 1, rows}, r[0], NL, momentum, to)
    FOR_BLOCKS(0, K, BLOCK);
#undef BLOCK
}

/* V's columns from low to high; the last thread may have one vector more than the others. */
static __attribute__((noinline)) void columns_of(long low, long high, float *v, float *velocity)
{
    const Parameter to = {v, v, velocity, N};
    long j = low;
    for (; j + COLUMNS * W <= high; j += COLUMNS * W)
        panel_of(j, COLUMNS, &to);
    if (j < high)
        panel_of(j, 1, &to);
    transpose(v + low, K, high - low, N, vt[low], KL);
}

static __attribute__((noinline)) void rows_of(long first, const float *x, const float *now, float *next, const float *v,
                                              float *velocity)
{
    const Parameter to = {now, next, velocity, K};
    int n = 0;
#define BLOCK(i, rows) packed((Matrix){now + first * K, 1, K}, i, rows, ROWS_EACH, ut[n++] + first * (rows))
    FOR_BLOCKS(0, K, BLOCK);
#undef BLOCK
    product_by_panels(first, ROWS_EACH, 0, N, K, (Matrix){now, K, 1}, v, N, residual, x);
    product_by_panels(first, ROWS_EACH, 0, K, N, (Matrix){r[0], NL, 1}, vt[0], KL, momentum, &to);
}

/* a: X, U, V, velocity of U, velocity of V. */
void run(void **a, long steps)
{
    float *given = a[1], *v = a[2];
    __builtin_memcpy(u[0], given, sizeof u[0]);
    transpose(v, K, N, N, vt[0], KL);
    #pragma omp parallel num_threads(THREADS)
    {
        long me = omp_get_thread_num(), low = SPLIT * me, high = me == THREADS - 1 ? N : low + SPLIT;
        for (long step = 0; step < steps; step++) {
            float *now = u[step & 1][0], *next = u[~step & 1][0];
            rows_of(ROWS_EACH * me, a[0], now, next, v, a[3]);
            #pragma omp barrier
            columns_of(low, high, v, a[4]);
            #pragma omp barrier
        }
    }
    __builtin_memcpy(given, u[steps & 1], sizeof u[0]);
}
