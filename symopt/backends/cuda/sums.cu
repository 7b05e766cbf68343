/* The threads of a warp that share a row with this one, LANES of them. */
template <unsigned LANES> static __device__ __forceinline__ unsigned lanes_of()
{
    return (0xffffffffu >> (32 - LANES)) << (threadIdx.x % 32 / LANES * LANES);
}

struct Add {
    template <class T> static __device__ __forceinline__ T of(T x, T y) { return x + y; }
};

struct Multiply {
    template <class T> static __device__ __forceinline__ T of(T x, T y) { return x * y; }
};

struct Max {  /* NaN wins */
    template <class T> static __device__ __forceinline__ T of(T x, T y) { return x > y || x != x ? x : y; }
};

struct Min {  /* NaN wins */
    template <class T> static __device__ __forceinline__ T of(T x, T y) { return x < y || x != x ? x : y; }
};

/* The values of LANES threads side by side, a power of two, combined for each of them. */
template <class Op, unsigned LANES, class T> static __device__ __forceinline__ T lanes_reduce(T value)
{
    const unsigned mask = lanes_of<LANES>();
    for (unsigned distance = LANES / 2; distance > 0; distance /= 2)
        value = Op::of(value, (T)__shfl_xor_sync(mask, value, distance));
    return value;
}

/* The values of all threads of a block combined that are the same number modulo ACROSS, a power of two: for the first
   ACROSS threads. */
template <class Op, unsigned ACROSS, class T> static __device__ __forceinline__ T reduce(T value)
{
    __shared__ T values[THREADS];
    values[threadIdx.x] = value;
    for (unsigned half = THREADS / 2; half >= ACROSS; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) values[threadIdx.x] = Op::of(values[threadIdx.x], values[threadIdx.x + half]);
    }
    const T whole = values[threadIdx.x];
    __syncthreads();  /* before the next values are put there */
    return whole;
}

/* The second pass of a sum: what blocks have left is combined in a fixed order, ACROSS columns to a block. */
template <class Op, unsigned ACROSS, class All, class From, class To>
static __device__ __forceinline__ void combine(
    unsigned block, Index parts, Index size, All nothing, const From *__restrict__ from, To *to)
{
    const Index column = (Index)block * ACROSS + threadIdx.x % ACROSS;
    All all = nothing;
    if (column < size)
        for (Index part = threadIdx.x / ACROSS; part < parts; part += THREADS / ACROSS)
            all = Op::of(all, (All)from[part * size + column]);
    all = reduce<Op, ACROSS>(all);
    if (threadIdx.x < ACROSS && column < size) to[column] = (To)all;
}
