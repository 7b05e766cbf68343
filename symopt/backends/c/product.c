/* Products of matrices in REAL: tiles of the result stay in registers while all of the sum runs by. */

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
    enum { AHEAD = 12 };  /* b may lie in another core's cache, and in a page of memory for every k */
    for (Index k = 0; k < depth; k++) {
        for (int v = 0; v < width; v++) __builtin_prefetch(b + (k + AHEAD) * b_k + v * LANES_SUFFIX);
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

/* c = a b for rows by depth and depth by columns; the columns of b and c lie side by side. */
ALWAYS_INLINE void product_SUFFIX(Index rows, Index columns, Index depth,
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
        for (; j + WIDE <= columns; j += WIDE)
            panel_SUFFIX(rows, 2, LANES_SUFFIX, some, adds, left, a_row, a_k, right + j, b_k, c + j, c_row);
        for (; j + LANES_SUFFIX <= columns; j += LANES_SUFFIX)
            panel_SUFFIX(rows, 1, LANES_SUFFIX, some, adds, left, a_row, a_k, right + j, b_k, c + j, c_row);
        if (j < columns)
            panel_SUFFIX(rows, 1, columns - j, some, adds, left, a_row, a_k, right + j, b_k, c + j, c_row);
    }
}
