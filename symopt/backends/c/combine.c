/* Adds up what blocks have left, one column after the other, for some of all rows. */
ALWAYS_INLINE void combine_SUFFIX(Index low, Index rows, Index all, const int columns, Index blocks,
                               const REAL *restrict parts, REAL *restrict c, Index c_row, Index c_column)
{
    for (Index i = low; i < low + rows; i += LANES_SUFFIX) {
        const Index count = low + rows - i < LANES_SUFFIX ? low + rows - i : LANES_SUFFIX;
        for (int j = 0; j < columns; j += LANES_SUFFIX) {
            Vector_SUFFIX x[LANES_SUFFIX];
            for (int l = 0; l < LANES_SUFFIX; l++) {
                x[l] = (Vector_SUFFIX){0};
                for (Index block = 0; block < blocks && j + l < columns; block++) {
                    const REAL *part = parts + (block * columns + j + l) * all + i;
                    __builtin_prefetch(part + LANES_SUFFIX);  /* it may lie in another core's cache */
                    x[l] += load_SUFFIX(part, count);
                }
            }
            if (c_row == 1) {
                for (int l = 0; l < LANES_SUFFIX && j + l < columns; l++)
                    store_SUFFIX(c + i + (j + l) * c_column, x[l], count);
                continue;
            }
            turn_SUFFIX(x);
            for (Index l = 0; l < LANES_SUFFIX; l++)
                if (l < count) store_SUFFIX(c + (i + l) * c_row + j, x[l], columns - j);
        }
    }
}
