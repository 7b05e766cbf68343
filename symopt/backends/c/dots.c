/* c = a b for one column, where a row of a lies side by side. */
static inline void dots_SUFFIX(Index rows, Index depth, const REAL *restrict a, Index a_row,
                            const REAL *restrict b, REAL *restrict c, Index c_row)
{
    for (Index i = 0; i < rows; i++) {
        double sum = 0;
#pragma omp simd reduction(+:sum)
        for (Index k = 0; k < depth; k++) sum += (double)a[i * a_row + k] * b[k];
        c[i * c_row] = (REAL)sum;
    }
}
