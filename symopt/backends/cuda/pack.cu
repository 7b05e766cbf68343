#define PACK 4

/* Four elements side by side, which are read and written at once: 16 bytes at a time, if they are of 4 or 8. */
template <class T> struct alignas(PACK * sizeof(T) < 16 ? PACK * sizeof(T) : 16) Pack {
    T at[PACK];
};

template <class T> static __device__ __forceinline__ bool is_aligned(const T *memory)
{
    return (unsigned long long)memory % alignof(Pack<T>) == 0;
}

template <class T> static __device__ __forceinline__ Pack<T> pack(const T *memory, Index p)
{
    return ((const Pack<T> *)memory)[p];
}

template <class T> static __device__ __forceinline__ void put(T *memory, Index p, const Pack<T> &values)
{
    ((Pack<T> *)memory)[p] = values;
}
