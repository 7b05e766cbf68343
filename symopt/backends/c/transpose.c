/* Some rows of to, whose elements lie side by side, from columns of from. */
ALWAYS_INLINE void transpose_SUFFIX(Index rows, Index columns, const REAL *restrict from, Index from_row,
                                 REAL *restrict to, Index to_row)
{
    for (Index i = 0; i < rows; i += LANES_SUFFIX) {
        const Index some = rows - i < LANES_SUFFIX ? rows - i : LANES_SUFFIX;
        for (Index j = 0; j < columns; j += LANES_SUFFIX) {
            const Index count = columns - j < LANES_SUFFIX ? columns - j : LANES_SUFFIX;
            Vector_SUFFIX x[LANES_SUFFIX];
            for (Index l = 0; l < LANES_SUFFIX; l++)
                x[l] = l < count ? load_SUFFIX(from + (j + l) * from_row + i, some) : (Vector_SUFFIX){0};
            turn_SUFFIX(x);
            for (Index l = 0; l < LANES_SUFFIX; l++)
                if (l < some) store_SUFFIX(to + (i + l) * to_row + j, x[l], count);
        }
    }
}
