/* Epochs of Adam on the network 784-256-128-10 with tanh, softmax and cross-entropy, in batches of 128 rows.

   One team of threads for the whole run. A thread owns rows of the batch from the inputs to the gradients of all
   layers' sums; then, behind a barrier, rows of the parameters, which are updated while their gradients are in the
   nearest cache. The last layer has its 10 columns padded to 16. */
#include <omp.h>
#include <string.h>
#include "adam.h"

enum { I = 784, H = 256, G = 128, O = 10, P = 16, BATCH = 128, MINE = BATCH / THREADS };
enum { HL = H + 16, GL = G + 16 }; /* rows a power of two apart would fall into the same few sets of the cache */

#define ALIGNED __attribute__((aligned(64)))
static ALIGNED float h1[BATCH][HL], h2[BATCH][GL], d1[BATCH][HL], d2[BATCH][GL], d3[BATCH][P];
static ALIGNED float w2t[G][H], w3t[P][G], w3[3][G][P], b3[3][P]; /* w3 and b3: value and averages */
static double losses[THREADS][8];                                    /* each on a cache line of its own */

INLINE void plus_bias(const float *bias, float *out, long ld, long i, long j, int rows, int columns, Tile t)
{
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int c = 0; c < columns; c++)
            store(out + (i + r) * ld + j + c * W, t[r][c] + load(bias + j + c * W));
}

INLINE void forward1(const void *bias, long i, long j, int rows, int columns, Tile t)
{
    plus_bias(bias, h1[0], HL, i, j, rows, columns, t);
}

INLINE void forward2(const void *bias, long i, long j, int rows, int columns, Tile t)
{
    plus_bias(bias, h2[0], GL, i, j, rows, columns, t);
}

INLINE void forward3(const void *bias, long i, long j, int rows, int columns, Tile t)
{
    plus_bias(bias, d3[0], P, i, j, rows, columns, t);
}

/* A gradient goes back through tanh, whose derivative is 1 - h^2. */
INLINE void through_tanh(const float *h, float *out, long ld, long i, long j, int rows, int columns, Tile t)
{
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int c = 0; c < columns; c++) {
            long at = (i + r) * ld + j + c * W;
            V value = load(h + at);
            store(out + at, t[r][c] - t[r][c] * value * value);
        }
}

INLINE void back2(const void *none, long i, long j, int rows, int columns, Tile t)
{
    (void)none;
    through_tanh(h2[0], d2[0], GL, i, j, rows, columns, t);
}

INLINE void back1(const void *none, long i, long j, int rows, int columns, Tile t)
{
    (void)none;
    through_tanh(h1[0], d1[0], HL, i, j, rows, columns, t);
}

static void tanh_all(float *x, long n)
{
    for (long i = 0; i < n; i++)
        x[i] = tanhf(x[i]);
}

/* The gradient of the mean cross-entropy in the place of the logits; returns the sum of the losses of the rows. */
static double softmax(long first, const long *labels)
{
    ALIGNED float t[P][MINE], top[MINE], total[MINE];
    double loss = 0;
    transpose(d3[first], MINE, P, P, t[0], MINE);
    memcpy(top, t[0], sizeof top);
    for (int c = 1; c < O; c++)
        for (int r = 0; r < MINE; r++)
            top[r] = t[c][r] > top[r] ? t[c][r] : top[r];
    for (int r = 0; r < MINE; r++)
        loss += top[r] - t[labels[first + r]][r], total[r] = 0;
    for (int c = 0; c < O; c++)
        for (int r = 0; r < MINE; r++)
            total[r] += t[c][r] = expf(t[c][r] - top[r]);
    for (int r = 0; r < MINE; r++)
        top[r] = logf(total[r]), total[r] = 1 / (BATCH * total[r]);
    for (int c = 0; c < O; c++)
        for (int r = 0; r < MINE; r++)
            t[c][r] *= total[r];
    for (int r = 0; r < MINE; r++)
        loss += top[r], t[labels[first + r]][r] -= 1.0f / BATCH;
    for (int c = O; c < P; c++)
        memset(t[c], 0, sizeof t[c]);
    transpose(t[0], P, MINE, MINE, d3[first], P);
    return loss;
}

/* From the inputs to the gradients of all sums, for the rows of one thread. */
static __attribute__((noinline)) double rows_of(long first, const float *x, const long *labels, float *const *p)
{
    product(first, MINE, 0, H, I, (Matrix){x, I, 1}, p[0], H, forward1, p[3]);
    tanh_all(h1[first], MINE * HL);
    product(first, MINE, 0, G, H, (Matrix){h1[0], HL, 1}, p[6], G, forward2, p[9]);
    tanh_all(h2[first], MINE * GL);
    product(first, MINE, 0, P, G, (Matrix){h2[0], GL, 1}, w3[0][0], P, forward3, b3[0]);
    double loss = softmax(first, labels);
    product(first, MINE, 0, G, O, (Matrix){d3[0], P, 1}, w3t[0], G, back2, 0);
    product(first, MINE, 0, H, G, (Matrix){d2[0], GL, 1}, w2t[0], H, back1, 0);
    return loss;
}

/* The columns from low to high of a bias, whose gradient is the sum of the rows. */
static void bias_of(const float *d, long ld, long low, long high, Adam bias)
{
    for (long j = low; j < high; j += W) {
        V even = {0}, odd = {0};
        for (long i = 0; i < BATCH; i += 2)
            even += load(d + i * ld + j), odd += load(d + (i + 1) * ld + j);
        adam_vector(&bias, j, even + odd);
    }
}

/* The updates of the parameters' rows that one thread owns. */
static __attribute__((noinline)) void updates_of(long me, const float *x, float *const *p, float c1, float c2)
{
    enum { R1 = I / THREADS, R2 = H / THREADS, R3 = G / THREADS };
    Adam a1 = {p[0], p[1], p[2], c1, c2, 0, 0}, a2 = {p[6], p[7], p[8], c1, c2, 0, 0};
    Adam a3 = {w3[0][0], w3[1][0], w3[2][0], c1, c2, 0, 0};
    adam_rows(R1 * me, R1, H, BATCH, (Matrix){x, 1, I}, d1[0], HL, a1);
    adam_rows(R2 * me, R2, G, BATCH, (Matrix){h1[0], 1, HL}, d2[0], GL, a2);
    adam_rows(R3 * me, R3, P, BATCH, (Matrix){h2[0], 1, GL}, d3[0], P, a3);
    transpose(p[6] + R2 * me * G, R2, G, G, w2t[0] + R2 * me, H);
    transpose(w3[0][R3 * me], R3, P, P, w3t[0] + R3 * me, G);
    bias_of(d1[0], HL, R2 * me, R2 * (me + 1), (Adam){p[3], p[4], p[5], c1, c2, 0, 0});
    bias_of(d2[0], GL, R3 * me, R3 * (me + 1), (Adam){p[9], p[10], p[11], c1, c2, 0, 0});
    if (me == 0)
        bias_of(d3[0], P, 0, P, (Adam){b3[0], b3[1], b3[2], c1, c2, 0, 0});
}

/* Copies the last layer between the parameters' own arrays and the padded ones. */
static void last_layer(float *const *p, int in)
{
    for (int s = 0; s < 3; s++)
        for (int i = 0; i <= G; i++) {
            float *padded = i < G ? w3[s][i] : b3[s], *own = i < G ? p[12 + s] + i * O : p[15 + s];
            memcpy(in ? padded : own, in ? own : padded, O * sizeof(float));
        }
}

/* a: inputs, labels, mean loss (double), steps so far (double), then value and averages of w1, b1, w2, b2, w3, b3. */
void run(void **a, long epochs)
{
    float *const *p = (float *const *)(a + 4);
    const float *x = a[0];
    const long *labels = a[1];
    double *steps = a[3];
    last_layer(p, 1);
    transpose(p[6], H, G, G, w2t[0], H);
    transpose(w3[0][0], G, P, P, w3t[0], G);
    #pragma omp parallel num_threads(THREADS)
    {
        long me = omp_get_thread_num();
        Powers powers = {__builtin_pow(B1, *steps), __builtin_pow(B2, *steps)};
        float c1, c2;
        for (long epoch = 0; epoch < epochs; epoch++) {
            double loss = 0;
            for (long i = 0; i < TOTAL; i += BATCH) {
                loss += rows_of(MINE * me, x + i * I, labels + i, p);
                advance(&powers, &c1, &c2);
                #pragma omp barrier
                updates_of(me, x + i * I, p, c1, c2);
                #pragma omp barrier
            }
            losses[me][0] = loss;
        }
    }
    double loss = 0;
    for (int i = 0; i < THREADS; i++)
        loss += losses[i][0];
    *(double *)a[2] = loss / TOTAL;
    *steps += (double)epochs * (TOTAL / BATCH);
    last_layer(p, 0);
}
