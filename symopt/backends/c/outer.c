/* width vectors of each of few columns, of which the last has `last` elements. */
ALWAYS_INLINE void outer_tile_SUFFIX(const int width, Index last, const int columns, Index depth,
                                  const REAL *restrict a, Index a_k,
                                  const REAL *restrict b, Index b_k, REAL *restrict c, Index c_column)
{
    Vector_SUFFIX sum[NARROW][6];
    for (int j = 0; j < columns; j++)
        for (int v = 0; v < width; v++) sum[j][v] = (Vector_SUFFIX){0};
    for (Index k = 0; k < depth; k++) {
        Vector_SUFFIX left[6];
        for (int v = 0; v < width; v++)
            left[v] = load_SUFFIX(a + k * a_k + v * LANES_SUFFIX, v < width - 1 ? LANES_SUFFIX : last);
        for (int v = 0; v < width; v++) __builtin_prefetch(a + k * a_k + (width + v) * LANES_SUFFIX);
        for (int j = 0; j < columns; j++)
            for (int v = 0; v < width; v++) sum[j][v] += b[k * b_k + j] * left[v];
    }
    for (int j = 0; j < columns; j++)
        for (int v = 0; v < width; v++)
            store_SUFFIX(c + j * c_column + v * LANES_SUFFIX, sum[j][v], v < width - 1 ? LANES_SUFFIX : last);
}

/* The sum over k of the products of row k of a with each of few elements of row k of b; one after the other in c. */
ALWAYS_INLINE void outer_SUFFIX(Index rows, const int columns, Index depth,
                             const REAL *restrict a, Index a_k,
                             const REAL *restrict b, Index b_k, REAL *restrict c)
{
    enum { SUMS = LANE_BYTES > 32 ? 24 : 10 };  /* that there are registers for */
    const int width = SUMS / columns > 6 ? 6 : SUMS / columns > 1 ? SUMS / columns : 1;
    Index i = 0;
    for (; i + width * LANES_SUFFIX <= rows; i += width * LANES_SUFFIX)
        outer_tile_SUFFIX(width, LANES_SUFFIX, columns, depth, a + i, a_k, b, b_k, c + i, rows);
    for (; i + LANES_SUFFIX <= rows; i += LANES_SUFFIX)
        outer_tile_SUFFIX(1, LANES_SUFFIX, columns, depth, a + i, a_k, b, b_k, c + i, rows);
    if (i < rows) outer_tile_SUFFIX(1, rows - i, columns, depth, a + i, a_k, b, b_k, c + i, rows);
}
