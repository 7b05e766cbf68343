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
        for (int v = 0; v < width; v++) __builtin_prefetch(a + k * a_k + (width + v) * LANES_SUFFIX);
        for (int j = 0; j < columns; j++)
            for (int v = 0; v < width; v++) sum[j][v] += b[k * b_k + j] * left[v];
    }
    for (int v = 0; v < width; v++) {
        const Index count = v < width - 1 ? LANES_SUFFIX : last;
        for (int j = 0; j < columns; j += LANES_SUFFIX) {
            Vector_SUFFIX block[LANES_SUFFIX];
            for (int l = 0; l < LANES_SUFFIX; l++) block[l] = j + l < columns ? sum[j + l][v] : (Vector_SUFFIX){0};
            turn_SUFFIX(block);
            for (Index l = 0; l < LANES_SUFFIX; l++)
                if (l < count) store_SUFFIX(c + (v * LANES_SUFFIX + l) * c_row + j, block[l], columns - j);
        }
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
