/* height rows of few columns of c; rows to come are fetched from memory meanwhile. */
ALWAYS_INLINE void deep_tile_SUFFIX(const int height, const int columns, Index depth,
                                 const REAL *restrict a, Index a_row,
                                 const REAL *restrict b, Index b_column, REAL *restrict c, Index c_row)
{
    enum { AHEAD = 4 };
    Vector_SUFFIX sum[2][NARROW + LANES_SUFFIX];
    for (int r = 0; r < height; r++)
        for (int j = 0; j < NARROW + LANES_SUFFIX; j++) sum[r][j] = (Vector_SUFFIX){0};
    Index k = 0;
    for (; k + LANES_SUFFIX <= depth; k += LANES_SUFFIX) {
        for (int r = 0; r < height; r++) __builtin_prefetch(a + (r + AHEAD) * a_row + k);
        for (int j = 0; j < columns; j++) {
            const Vector_SUFFIX right = *(const Vector_SUFFIX *)(b + j * b_column + k);
            for (int r = 0; r < height; r++) sum[r][j] += *(const Vector_SUFFIX *)(a + r * a_row + k) * right;
        }
    }
    for (int j = 0; j < columns && k < depth; j++) {
        const Vector_SUFFIX right = load_SUFFIX(b + j * b_column + k, depth - k);
        for (int r = 0; r < height; r++) sum[r][j] += load_SUFFIX(a + r * a_row + k, depth - k) * right;
    }
    for (int r = 0; r < height; r++)
        for (int j = 0; j < columns; j += LANES_SUFFIX)
            store_SUFFIX(c + r * c_row + j, lane_sums_SUFFIX(sum[r] + j), columns - j);
}

/* c = a b for few columns and long sums, where the rows of a and the columns of b lie side by side. */
ALWAYS_INLINE void deep_SUFFIX(Index rows, const int columns, Index depth,
                            const REAL *restrict a, Index a_row,
                            const REAL *restrict b, Index b_column, REAL *restrict c, Index c_row)
{
    Index i = 0;
    for (; LANE_BYTES > 32 && i + 2 <= rows; i += 2)
        deep_tile_SUFFIX(2, columns, depth, a + i * a_row, a_row, b, b_column, c + i * c_row, c_row);
    for (; i < rows; i++)
        deep_tile_SUFFIX(1, columns, depth, a + i * a_row, a_row, b, b_column, c + i * c_row, c_row);
}
