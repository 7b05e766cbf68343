/* Rows and columns of a tile of a product, and terms that are brought near at once. */
#define TILE 32

/* One tile of c = a b. Four groups of threads share the terms, and a thread has 4 x 4 sums: so it reads eight numbers for
   sixteen that it adds to, and there are tiles enough for all multiprocessors where a product is small. */
template <class T>
static __device__ __forceinline__ void product(
    Index tile, Index rows, Index columns, Index depth,
    const T *__restrict__ a, Index a_row, Index a_column,
    const T *__restrict__ b, Index b_row, Index b_column,
    T *c, Index c_row, Index c_column)
{
    __shared__ __align__(16) T memory[4 * TILE * TILE];
    T(*left)[TILE + 4] = (T(*)[TILE + 4])memory;  /* by terms: the rows of one lie side by side */
    T(*right)[TILE + 4] = left + TILE;
    const Index across = (columns + TILE - 1) / TILE;
    const Index row0 = tile / across * TILE, column0 = tile % across * TILE;
    const int x = threadIdx.x % TILE, y = threadIdx.x / TILE;
    const int group = threadIdx.x / 64, i0 = threadIdx.x % 64 / 8 * 4, j0 = threadIdx.x % 8 * 4;
    T sum[4][4] = {};
    for (Index k0 = 0; k0 < depth; k0 += TILE) {
        for (int z = y; z < TILE; z += THREADS / TILE) {
            /* Threads side by side read what lies side by side. */
            const int i = a_row == 1 ? x : z, ka = a_row == 1 ? z : x;
            const int j = b_row == 1 ? z : x, kb = b_row == 1 ? x : z;
            const bool has_a = row0 + i < rows && k0 + ka < depth, has_b = column0 + j < columns && k0 + kb < depth;
            left[ka][i] = has_a ? a[(row0 + i) * a_row + (k0 + ka) * a_column] : 0;
            right[kb][j] = has_b ? b[(k0 + kb) * b_row + (column0 + j) * b_column] : 0;
        }
        __syncthreads();
        for (int k = group; k < TILE; k += 4)
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) sum[i][j] = multiply_add(left[k][i0 + i], right[k][j0 + j], sum[i][j]);
        __syncthreads();
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) memory[(group * TILE + i0 + i) * TILE + j0 + j] = sum[i][j];
    __syncthreads();
    for (int z = y; z < TILE; z += THREADS / TILE) {
        const T *part = memory + z * TILE + x;
        const T whole = (part[0] + part[TILE * TILE]) + (part[2 * TILE * TILE] + part[3 * TILE * TILE]);
        if (row0 + z < rows && column0 + x < columns) c[(row0 + z) * c_row + (column0 + x) * c_column] = whole;
    }
}
