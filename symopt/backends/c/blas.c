/* Products by a BLAS, whose matrices lie column by column: it is given the transposed product. */
typedef void Gemm_SUFFIX(const char *, const char *, const int *, const int *, const int *, const REAL *, const REAL *,
                         const int *, const REAL *, const int *, const REAL *, REAL *, const int *);
static Gemm_SUFFIX *gemm_SUFFIX;

void set_gemm_SUFFIX(void *gemm)
{
    gemm_SUFFIX = (Gemm_SUFFIX *)gemm;
}

static inline void blas_SUFFIX(Index rows, Index columns, Index depth, const REAL *a, Index a_row, Index a_k,
                            const REAL *b, Index b_k, REAL *c, Index c_row)
{
    const int m = (int)columns, n = (int)rows, k = (int)depth;
    const int b_step = (int)b_k, a_step = (int)(a_k == 1 ? a_row : a_k), c_step = (int)c_row;
    const REAL one = 1, zero = 0;
    gemm_SUFFIX("n", a_k == 1 ? "n" : "t", &m, &n, &k, &one, b, &b_step, a, &a_step, &zero, c, &c_step);
}
