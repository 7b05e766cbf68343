/* The row of a table whose blocks this one is of. */
template <class Row> static __device__ __forceinline__ const Row *row_of(const Row *rows, int count, unsigned block)
{
    int low = 0, high = count - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (rows[middle].first <= block)
            low = middle;
        else
            high = middle - 1;
    }
    return rows + low;
}
