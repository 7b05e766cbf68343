/* The sum of the values of all threads up to this one; ``whole`` is that of all. */
template <class T> static __device__ __forceinline__ T running_sum(T value, T &whole)
{
    __shared__ T values[THREADS];
    values[threadIdx.x] = value;
    for (unsigned distance = 1; distance < THREADS; distance *= 2) {
        __syncthreads();
        const T before = threadIdx.x >= distance ? values[threadIdx.x - distance] : 0;
        __syncthreads();
        values[threadIdx.x] += before;
    }
    __syncthreads();
    const T mine = values[threadIdx.x];
    whole = values[THREADS - 1];
    __syncthreads();  /* before the next values are put there */
    return mine;
}
