/* Products in registers: a tile of the result is summed over all k, then handed to an epilogue, which may add a bias,
   take a loss, or update a parameter by what is then its gradient, while the tile is still in registers. */
#ifndef PRODUCTS_H
#define PRODUCTS_H

#include "vectors.h"

/* The largest tile: accumulators, a row of B and one element of A, in 32 registers or in 16. */
#ifdef __AVX512F__
enum { ROWS = 14, COLUMNS = 2 };
#else
enum { ROWS = 6, COLUMNS = 2 };
#endif

/* Rows by which B is fetched ahead: it may lie in another core's cache, and each of its rows in another page. */
#ifndef AHEAD
#define AHEAD 12
#endif

/* A(i, k) is a[i * row + k * step]: a transpose is the other order of strides. */
typedef struct { const float *a; long row, step; } Matrix;
typedef V Tile[ROWS][COLUMNS];

/* Takes the finished tile at row i and column j; rows and columns (in vectors) say how much of it there is. */
typedef void Epilogue(const void *context, long i, long j, int rows, int columns, Tile tile);

INLINE void tile_at(long i, long j, int rows, int columns, long depth, Matrix A, const float *b, long ldb,
                    Epilogue *epilogue, const void *context)
{
    Tile t;
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int c = 0; c < columns; c++)
            t[r][c] = (V){0};
    const float *a = A.a + i * A.row;
    b += j;
    for (long k = 0; k < depth; k++, a += A.step, b += ldb) {
        UNROLL for (int c = 0; c < columns && AHEAD; c++)
            __builtin_prefetch(b + AHEAD * ldb + c * W);
        V x[COLUMNS];
        UNROLL for (int c = 0; c < columns; c++)
            x[c] = load(b + c * W);
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int c = 0; c < columns; c++)
                t[r][c] += a[r * A.row] * x[c];
    }
    epilogue(context, i, j, rows, columns, t);
}

/* One block of at most ROWS rows over the columns from j to end, which are whole vectors. */
INLINE void row_block(long i, int rows, long j, long end, long depth, Matrix A, const float *b, long ldb,
                      Epilogue *epilogue, const void *context)
{
    for (; j + COLUMNS * W <= end; j += COLUMNS * W)
        tile_at(i, j, rows, COLUMNS, depth, A, b, ldb, epilogue, context);
    for (; j < end; j += W)
        tile_at(i, j, rows, 1, depth, A, b, ldb, epilogue, context);
}

/* Rows of A from i, a row after the other at every step, where the rows of the block lie far apart or steps do. */
INLINE Matrix packed(Matrix A, long i, int rows, long depth, float *to)
{
    for (long k = 0; k < depth; k++)
        UNROLL for (int r = 0; r < rows; r++)
            to[k * rows + r] = A.a[(i + r) * A.row + k * A.step];
    return (Matrix){to, 1, rows};
}

/* Calls BLOCK(i, rows) for count rows from i, where count is a constant: blocks that differ by one row at most, because
   a short last block would wait for its own sums. */
#define FOR_BLOCKS(first, count, BLOCK) do { \
    const int blocks_ = ((count) + ROWS - 1) / ROWS, rows_ = (count) / blocks_, longer_ = (count) % blocks_; \
    long i_ = (first); \
    if (longer_) \
        for (int n_ = 0; n_ < longer_; n_++, i_ += rows_ + 1) { BLOCK(i_, rows_ + 1); } \
    for (int n_ = longer_; n_ < blocks_; n_++, i_ += rows_) { BLOCK(i_, rows_); } \
} while (0)

/* Rows i to i + count of the product, where count is a constant. */
INLINE void product(long first, int count, long j, long end, long depth, Matrix A, const float *b, long ldb,
                    Epilogue *epilogue, const void *context)
{
#define BLOCK(i, rows) row_block(i, rows, j, end, depth, A, b, ldb, epilogue, context)
    FOR_BLOCKS(first, count, BLOCK);
#undef BLOCK
}

/* The same, columns first: for a large B, of which a panel then stays in the cache while all rows of A pass. */
INLINE void product_by_panels(long first, int count, long j, long end, long depth, Matrix A, const float *b, long ldb,
                              Epilogue *epilogue, const void *context)
{
    for (; j + COLUMNS * W <= end; j += COLUMNS * W)
        product(first, count, j, j + COLUMNS * W, depth, A, b, ldb, epilogue, context);
    if (j < end)
        product(first, count, j, end, depth, A, b, ldb, epilogue, context);
}

#endif
