/* Epochs of Adam on logistic regression, 784 features and 10 classes, in batches of 128 rows; the last may be shorter.

   The weights are kept transposed, so that vectors run along the features and no lane is wasted on a thin output. A
   thread takes half of a batch all the way to its share of the gradient, while those rows are in its cache; behind a
   barrier the shares are added, and each thread updates its half of the features. It is bound by memory, and so the
   next batch is fetched all the while: half of it by the logits, half by the gradient. */
#include <omp.h>
#include <string.h>
#define AHEAD 0  /* here B are the rows that have just been read */
#include "adam.h"

enum { I = 784, O = 10, P = 16, BATCH = 128, MINE = BATCH / THREADS };
enum { PAIR = 2 };  /* rows taken together: PAIR * O sums in registers where there are 32 */
enum { SPLIT = I / W / THREADS * W };  /* the features of every thread but the last */

#define ALIGNED __attribute__((aligned(64)))
static ALIGNED float w[3][O][I], b[3][P];  /* value and averages, transposed and padded */
static ALIGNED float share[THREADS][O][I], share_b[THREADS][P];
static double losses[THREADS][8];  /* each on a cache line of its own */

/* The logits of some rows. */
INLINE void logits(const float *x, int rows, float (*z)[P])
{
#ifdef __AVX512F__
    enum { AT_ONCE = O };
#else
    enum { AT_ONCE = O / 2 };
#endif
    for (int c0 = 0; c0 < O; c0 += AT_ONCE) {
        V t[PAIR][W];
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int c = 0; c < W; c++)
                t[r][c] = (V){0};
        for (long k = 0; k < I; k += W) {
            __builtin_prefetch(x + BATCH * I + k, 0, 2); /* half of the next batch, while this one is worked on */
            UNROLL for (int c = 0; c < AT_ONCE; c++) {
                V weights = load(&w[0][c0 + c][k]);
                UNROLL for (int r = 0; r < rows; r++)
                    t[r][c] += load(x + r * I + k) * weights;
            }
        }
        UNROLL for (int r = 0; r < rows; r++) {
            float all[W];
            store(all, sums(t[r]));
            for (int c = 0; c < AT_ONCE; c++)
                z[r][c0 + c] = all[c] + b[0][c0 + c];
        }
    }
}

/* The gradients of a batch's mean loss by the logits, classes first; returns the sum of the losses. */
INLINE double softmax(long rows, long batch, float (*z)[P], const long *labels, float (*d)[MINE])
{
    ALIGNED float top[MINE], total[MINE];
    double loss = 0;
    transpose(z[0], MINE, P, P, d[0], MINE);
    memcpy(top, d[0], sizeof top);
    for (int c = 1; c < O; c++)
        for (int r = 0; r < MINE; r++)
            top[r] = d[c][r] > top[r] ? d[c][r] : top[r];
    for (int r = 0; r < rows; r++)
        loss += top[r] - d[labels[r]][r];
    memset(total, 0, sizeof total);
    for (int c = 0; c < O; c++)
        for (int r = 0; r < MINE; r++)
            total[r] += d[c][r] = expf(d[c][r] - top[r]);
    for (int r = 0; r < MINE; r++)
        top[r] = logf(total[r]), total[r] = 1 / ((float)batch * total[r]);
    for (int c = 0; c < O; c++)
        for (int r = 0; r < MINE; r++)
            d[c][r] *= total[r];
    for (int r = 0; r < rows; r++)
        loss += top[r], d[labels[r]][r] -= 1.0f / (float)batch;
    return loss;
}

/* A thread's share of the gradient, from its rows of a batch. */
static __attribute__((noinline)) double share_of(long me, long rows, long batch, const float *x, const long *labels)
{
    ALIGNED float z[MINE][P], d[P][MINE];
    long r = 0;
    memset(z, 0, sizeof z);
    for (; r + PAIR <= rows; r += PAIR)
        logits(x + r * I, PAIR, z + r);
    for (; r < rows; r++)
        logits(x + r * I, 1, z + r);
    double loss = softmax(rows, batch, z, labels, d);
    const Adam to = {.gradient = share[me][0], .ld = I};
    for (long j = 0; j < I; j += COLUMNS * W) {
        for (r = 1; r < rows; r += PAIR) /* the other half of the next batch */
            for (int c = 0; c < COLUMNS; c++)
                __builtin_prefetch(x + (r + BATCH) * I + j + c * W, 0, 2);
        product(0, O, j, j + COLUMNS * W < I ? j + COLUMNS * W : I, rows, (Matrix){d[0], MINE, 1}, x, I, keep, &to);
    }
    for (int c = 0; c < O; c++) {
        float sum = 0;
        for (r = 0; r < rows; r++)
            sum += d[c][r];
        share_b[me][c] = sum;
    }
    return loss;
}

/* The updates of a thread's features. */
static void updates_of(long me, float c1, float c2)
{
    long low = SPLIT * me, high = me == THREADS - 1 ? I : low + SPLIT;
    Adam weights = {w[0][0], w[1][0], w[2][0], c1, c2, 0, 0}, bias = {b[0], b[1], b[2], c1, c2, 0, 0};
    for (int c = 0; c < O; c++)
        for (long j = low; j < high; j += W) {
            V gradient = load(&share[0][c][j]);
            for (int other = 1; other < THREADS; other++)
                gradient += load(&share[other][c][j]);
            adam_vector(&weights, c * I + j, gradient);
        }
    if (me == 0)
        for (int c = 0; c < P; c += W) {
            V gradient = load(share_b[0] + c);
            for (int other = 1; other < THREADS; other++)
                gradient += load(share_b[other] + c);
            adam_vector(&bias, c, gradient);
        }
}

/* Copies between the parameters' own arrays (from a[4]: value and averages of weights and bias) and those used here. */
static void parameters(void **a, int in)
{
    for (int s = 0; s < 3; s++) {
        float *weights = a[4 + s], *bias = a[7 + s];
        for (int c = 0; c < O; c++) {
            for (int i = 0; i < I; i++)
                *(in ? &w[s][c][i] : &weights[i * O + c]) = *(in ? &weights[i * O + c] : &w[s][c][i]);
            *(in ? &b[s][c] : &bias[c]) = *(in ? &bias[c] : &b[s][c]);
        }
    }
}

/* a: inputs, labels, mean loss (double), steps so far (double), then value and averages of the weights and the bias. */
void run(void **a, long epochs)
{
    const float *x = a[0];
    const long *labels = a[1];
    double *steps = a[3];
    parameters(a, 1);
    #pragma omp parallel num_threads(THREADS)
    {
        long me = omp_get_thread_num();
        Powers powers = {__builtin_pow(B1, *steps), __builtin_pow(B2, *steps)};
        float c1, c2;
        double loss = 0;
        for (long epoch = 0; epoch < epochs; epoch++) {
            loss = 0;
            for (long i = 0; i < TOTAL; i += BATCH) {
                long batch = TOTAL - i < BATCH ? TOTAL - i : BATCH;
                long low = batch * me / THREADS, high = batch * (me + 1) / THREADS;
                loss += share_of(me, high - low, batch, x + (i + low) * I, labels + i + low);
                advance(&powers, &c1, &c2);
                #pragma omp barrier
                updates_of(me, c1, c2);
                #pragma omp barrier
            }
        }
        losses[me][0] = loss;
    }
    double loss = 0;
    for (int i = 0; i < THREADS; i++)
        loss += losses[i][0];
    *(double *)a[2] = loss / TOTAL;
    *steps += (double)epochs * ((TOTAL + BATCH - 1) / BATCH);
    parameters(a, 0);
}
