/* How many of so many rows a block adds up. */
static __device__ __forceinline__ Index rows_of_chunk(Index rows)
{
    const Index share = (rows + CHUNKS - 1) / CHUNKS;
    return share > CHUNK_ROWS ? share : CHUNK_ROWS;
}
