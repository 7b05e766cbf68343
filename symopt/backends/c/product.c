/* Products of matrices in REAL: tiles of the result stay in registers while all of the sum runs by. */

#ifndef LANE_BYTES
#if defined(__AVX512F__)
#define LANE_BYTES 64
#define TILE_ROWS 14
#elif defined(__AVX__)
#define LANE_BYTES 32
#define TILE_ROWS 6
#else
#define LANE_BYTES 16
#define TILE_ROWS 6
#endif
#define NARROW 12  /* columns up to which a product is narrow */
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif

typedef REAL Vector_SUFFIX __attribute__((vector_size(LANE_BYTES), aligned(sizeof(REAL)), may_alias));
enum { LANES_SUFFIX = LANE_BYTES / sizeof(REAL) };

/* The first count elements from p on, and zeros. */
ALWAYS_INLINE Vector_SUFFIX load_SUFFIX(const REAL *p, Index count)
{
    if (count >= LANES_SUFFIX) return *(const Vector_SUFFIX *)p;
#if defined(__AVX512F__) && !defined(__clang__)
    return (Vector_SUFFIX)MASKED_LOAD(p, (Vector_SUFFIX){0}, (1u << count) - 1);
#else
    Vector_SUFFIX v = {0};
    for (Index l = 0; l < count; l++) v[l] = p[l];
    return v;
#endif
}

ALWAYS_INLINE void store_SUFFIX(REAL *p, Vector_SUFFIX v, Index count)
{
    if (count >= LANES_SUFFIX) {
        *(Vector_SUFFIX *)p = v;
        return;
    }
    for (Index l = 0; l < count; l++) p[l] = v[l];
}

/* height rows of c by width vectors, of which the last has `last` elements, are the sum over k of a * b. */
ALWAYS_INLINE void tile_SUFFIX(const int height, const int width, Index last, Index depth, int adds,
                               const REAL *restrict a, Index a_row, Index a_k,
                               const REAL *restrict b, Index b_k, REAL *restrict c, Index c_row)
{
    Vector_SUFFIX sum[TILE_ROWS][4];
    for (int r = 0; r < height; r++)
        for (int v = 0; v < width; v++)
            sum[r][v] = adds ? load_SUFFIX(c + r * c_row + v * LANES_SUFFIX, v < width - 1 ? LANES_SUFFIX : last)
                             : (Vector_SUFFIX){0};
    for (Index k = 0; k < depth; k++) {
        Vector_SUFFIX right[4];
        for (int v = 0; v < width; v++)
            right[v] = load_SUFFIX(b + k * b_k + v * LANES_SUFFIX, v < width - 1 ? LANES_SUFFIX : last);
        for (int r = 0; r < height; r++)
            for (int v = 0; v < width; v++) sum[r][v] += a[r * a_row + k * a_k] * right[v];
    }
    for (int r = 0; r < height; r++)
        for (int v = 0; v < width; v++)
            store_SUFFIX(c + r * c_row + v * LANES_SUFFIX, sum[r][v], v < width - 1 ? LANES_SUFFIX : last);
}

/* All rows of c for columns that fit into width vectors. */
ALWAYS_INLINE void panel_SUFFIX(Index rows, const int width, Index last, Index depth, int adds,
                                const REAL *restrict a, Index a_row, Index a_k,
                                const REAL *restrict b, Index b_k, REAL *restrict c, Index c_row)
{
    Index i = 0;
    for (; i + TILE_ROWS <= rows; i += TILE_ROWS)
        tile_SUFFIX(TILE_ROWS, width, last, depth, adds, a + i * a_row, a_row, a_k, b, b_k, c + i * c_row, c_row);
    if (TILE_ROWS > 8)
        for (; i + 8 <= rows; i += 8)
            tile_SUFFIX(8, width, last, depth, adds, a + i * a_row, a_row, a_k, b, b_k, c + i * c_row, c_row);
    for (; i + 4 <= rows; i += 4)
        tile_SUFFIX(4, width, last, depth, adds, a + i * a_row, a_row, a_k, b, b_k, c + i * c_row, c_row);
    for (; i < rows; i++)
        tile_SUFFIX(1, width, last, depth, adds, a + i * a_row, a_row, a_k, b, b_k, c + i * c_row, c_row);
}

/* c = a b for one row: several sums at a time hide how long one takes. */
ALWAYS_INLINE void row_SUFFIX(Index columns, Index depth, int adds, const REAL *restrict a, Index a_k,
                              const REAL *restrict b, Index b_k, REAL *restrict c)
{
    Index j = 0;
    for (; j + 4 * LANES_SUFFIX <= columns; j += 4 * LANES_SUFFIX)
        tile_SUFFIX(1, 4, LANES_SUFFIX, depth, adds, a, 0, a_k, b + j, b_k, c + j, 0);
    for (; j + LANES_SUFFIX <= columns; j += LANES_SUFFIX)
        tile_SUFFIX(1, 1, LANES_SUFFIX, depth, adds, a, 0, a_k, b + j, b_k, c + j, 0);
    if (j < columns) tile_SUFFIX(1, 1, columns - j, depth, adds, a, 0, a_k, b + j, b_k, c + j, 0);
}

/* c = a b for rows by depth and depth by columns; the columns of b and c lie side by side. Where there are many rows, what
   they share of b is brought together first: then it is in few pages of memory. */
ALWAYS_INLINE void product_SUFFIX(const int many, Index rows, Index columns, Index depth,
                                  const REAL *restrict a, Index a_row, Index a_k,
                                  const REAL *restrict b, Index b_k, REAL *restrict c, Index c_row)
{
    enum { DEPTH = 256, WIDE = 2 * LANES_SUFFIX };  /* what is read of b in one go stays in the nearest caches */
    if (depth == 0)
        for (Index i = 0; i < rows; i++)
            for (Index j = 0; j < columns; j++) c[i * c_row + j] = 0;
    for (Index k = 0; k < depth; k += DEPTH) {
        const Index some = depth - k < DEPTH ? depth - k : DEPTH;
        const REAL *left = a + k * a_k, *right = b + k * b_k;
        const int adds = k > 0;
        if (rows == 1) {
            row_SUFFIX(columns, some, adds, left, a_k, right, b_k, c);
            continue;
        }
        Index j = 0;
        if (many && rows >= 4 * TILE_ROWS) {
            REAL near[DEPTH * WIDE];
            for (; j + WIDE <= columns; j += WIDE) {
                for (Index l = 0; l < some; l++)
                    __builtin_memcpy(near + l * WIDE, right + l * b_k + j, sizeof(REAL) * WIDE);
                panel_SUFFIX(rows, 2, LANES_SUFFIX, some, adds, left, a_row, a_k, near, WIDE, c + j, c_row);
            }
        }
        for (; j + WIDE <= columns; j += WIDE)
            panel_SUFFIX(rows, 2, LANES_SUFFIX, some, adds, left, a_row, a_k, right + j, b_k, c + j, c_row);
        for (; j + LANES_SUFFIX <= columns; j += LANES_SUFFIX)
            panel_SUFFIX(rows, 1, LANES_SUFFIX, some, adds, left, a_row, a_k, right + j, b_k, c + j, c_row);
        if (j < columns)
            panel_SUFFIX(rows, 1, columns - j, some, adds, left, a_row, a_k, right + j, b_k, c + j, c_row);
    }
}

/* width vectors down each of few columns of c, of which the last has `last` elements. */
ALWAYS_INLINE void narrow_tile_SUFFIX(const int width, Index last, const int columns, Index depth,
                                      const REAL *restrict a, Index a_k,
                                      const REAL *restrict b, Index b_k, REAL *restrict c, Index c_row)
{
    Vector_SUFFIX sum[NARROW][2];
    for (int j = 0; j < columns; j++)
        for (int v = 0; v < width; v++) sum[j][v] = (Vector_SUFFIX){0};
    for (Index k = 0; k < depth; k++) {
        Vector_SUFFIX left[2];
        for (int v = 0; v < width; v++)
            left[v] = load_SUFFIX(a + k * a_k + v * LANES_SUFFIX, v < width - 1 ? LANES_SUFFIX : last);
        for (int j = 0; j < columns; j++)
            for (int v = 0; v < width; v++) sum[j][v] += b[k * b_k + j] * left[v];
    }
    for (int v = 0; v < width; v++) {
        REAL column[NARROW][LANES_SUFFIX];
        for (int j = 0; j < columns; j++) *(Vector_SUFFIX *)column[j] = sum[j][v];
        const Index count = v < width - 1 ? LANES_SUFFIX : last;
        for (Index l = 0; l < count; l++)
            for (int j = 0; j < columns; j++) c[(v * LANES_SUFFIX + l) * c_row + j] = column[j][l];
    }
}

/* c = a b for few columns, where the columns of a lie side by side. */
ALWAYS_INLINE void narrow_SUFFIX(Index rows, const int columns, Index depth,
                                 const REAL *restrict a, Index a_k,
                                 const REAL *restrict b, Index b_k, REAL *restrict c, Index c_row)
{
    Index i = 0;
    for (; LANE_BYTES > 32 && i + 2 * LANES_SUFFIX <= rows; i += 2 * LANES_SUFFIX)
        narrow_tile_SUFFIX(2, LANES_SUFFIX, columns, depth, a + i, a_k, b, b_k, c + i * c_row, c_row);
    for (; i + LANES_SUFFIX <= rows; i += LANES_SUFFIX)
        narrow_tile_SUFFIX(1, LANES_SUFFIX, columns, depth, a + i, a_k, b, b_k, c + i * c_row, c_row);
    if (i < rows) narrow_tile_SUFFIX(1, rows - i, columns, depth, a + i, a_k, b, b_k, c + i * c_row, c_row);
}

/* c = a b for one column, where a row of a lies side by side. */
ALWAYS_INLINE void dots_SUFFIX(Index rows, Index depth, const REAL *restrict a, Index a_row,
                               const REAL *restrict b, REAL *restrict c, Index c_row)
{
    for (Index i = 0; i < rows; i++) {
        double sum = 0;
#pragma omp simd reduction(+:sum)
        for (Index k = 0; k < depth; k++) sum += (double)a[i * a_row + k] * b[k];
        c[i * c_row] = (REAL)sum;
    }
}
