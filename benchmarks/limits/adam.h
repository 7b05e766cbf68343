/* Adam on a vector of gradients, or on rows of a parameter whose gradient is a product. */
#ifndef ADAM_H
#define ADAM_H

#include "products.h"

/* A parameter with its two averages, the two factors of the step, and room for gradients. */
typedef struct { float *p, *m, *v, c1, c2, *gradient; long ld; } Adam;

/* b1 and b2 to the power t, kept in double precision. */
typedef struct { double b1, b2; } Powers;

INLINE void advance(Powers *powers, float *c1, float *c2)
{
    powers->b1 *= B1;
    powers->b2 *= B2;
    *c1 = (float)(RATE / (1 - powers->b1));
    *c2 = (float)(1 / sqrt(1 - powers->b2));
}

INLINE void adam_vector(const Adam *to, long at, V gradient)
{
    V m = (float)B1 * load(to->m + at) + (float)(1 - B1) * gradient;
    V v = (float)B2 * load(to->v + at) + (float)(1 - B2) * gradient * gradient;
    store(to->m + at, m);
    store(to->v + at, v);
    store(to->p + at, load(to->p + at) - to->c1 * m / (to->c2 * root(v) + (float)EPSILON));
}

INLINE void keep(const void *to, long i, long j, int rows, int columns, Tile t)
{
    const Adam *at = to;
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int c = 0; c < columns; c++)
            store(at->gradient + (i + r) * at->ld + j + c * W, t[r][c]);
}

/* Updates some rows of a parameter, whose gradient is a product over the rows of a batch. The gradient of a block of
   rows stays in the nearest cache, and the update runs over it flat: dividing and rooting, it is slower in tiles. */
INLINE void adam_rows(long first, int count, int columns, int batch, Matrix A, const float *d, long ldd, Adam to)
{
    __attribute__((aligned(64))) float gradient[ROWS * columns], rows_of_a[ROWS * batch];
    to.gradient = gradient;
    to.ld = columns;
#define BLOCK(i, rows) \
    row_block(0, rows, 0, columns, batch, packed(A, i, rows, batch, rows_of_a), d, ldd, keep, &to); \
    for (long at = 0; at < (rows) * columns; at += W) \
        adam_vector(&to, (i) * columns + at, load(gradient + at))
    FOR_BLOCKS(first, count, BLOCK);
#undef BLOCK
}

#endif
