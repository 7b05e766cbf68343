/* Products of matrices round once where they multiply and add. */
static __device__ __forceinline__ float multiply_add(float x, float y, float z) { return fmaf(x, y, z); }
static __device__ __forceinline__ double multiply_add(double x, double y, double z) { return fma(x, y, z); }
template <class T> static __device__ __forceinline__ T multiply_add(T x, T y, T z) { return (T)(z + x * y); }
