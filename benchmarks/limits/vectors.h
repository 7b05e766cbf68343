/* Vectors of the hardware's width, and glibc's vector mathematics.

   math.h declares the vector variants under -ffast-math only, which the limits do without (NaN, infinities and denormal
   numbers stay what they are); a prototype with the simd attribute is enough for gcc to use them. */
#ifndef VECTORS_H
#define VECTORS_H

#include <immintrin.h>

#ifdef __AVX512F__
enum { W = 16 };
#define LANES(f, s) {f(0, s), f(1, s), f(2, s), f(3, s), f(4, s), f(5, s), f(6, s), f(7, s), \
                     f(8, s), f(9, s), f(10, s), f(11, s), f(12, s), f(13, s), f(14, s), f(15, s)}
#else
enum { W = 8 };
#define LANES(f, s) {f(0, s), f(1, s), f(2, s), f(3, s), f(4, s), f(5, s), f(6, s), f(7, s)}
#endif

typedef float V __attribute__((vector_size(4 * W), may_alias));
typedef float Loose __attribute__((vector_size(4 * W), may_alias, aligned(4))); /* wherever it begins */
typedef int Lanes __attribute__((vector_size(4 * W)));

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")

INLINE V load(const float *p) { return *(const Loose *)p; }
INLINE void store(float *p, V x) { *(Loose *)p = x; }

INLINE V root(V x)
{
#ifdef __AVX512F__
    return (V)_mm512_sqrt_ps((__m512)x);
#else
    return (V)_mm256_sqrt_ps((__m256)x);
#endif
}

#define SIMD __attribute__((simd("notinbranch")))
SIMD extern float expf(float);
SIMD extern float logf(float);
SIMD extern float tanhf(float);
SIMD extern double exp(double);
SIMD extern double sin(double);
SIMD extern double cos(double);
extern float sqrtf(float);
extern double sqrt(double);

/* Of two rows of a matrix that lie s apart, the blocks of s lanes that belong to the first, and to the second, row of
   the transpose. */
#define FIRST(l, s) ((l) & (s) ? W + (l) - (s) : (l))
#define SECOND(l, s) ((l) & (s) ? W + (l) : (l) + (s))
#define MERGE(a, b, s) \
    (__builtin_shuffle(a, b, (Lanes)LANES(FIRST, s)) + __builtin_shuffle(a, b, (Lanes)LANES(SECOND, s)))

#define SWAP(s) \
    UNROLL for (int r = 0; r < W; r++) \
        if (!(r & (s))) { \
            V a = x[r], b = x[r + (s)]; \
            x[r] = __builtin_shuffle(a, b, (Lanes)LANES(FIRST, s)); \
            x[r + (s)] = __builtin_shuffle(a, b, (Lanes)LANES(SECOND, s)); \
        }

/* A block of W rows and W columns, transposed. */
INLINE void transpose_block(const float *from, long ld_from, float *to, long ld_to)
{
    V x[W];
    UNROLL for (int r = 0; r < W; r++)
        x[r] = load(from + r * ld_from);
#ifdef __AVX512F__
    SWAP(8)
#endif
    SWAP(4)
    SWAP(2)
    SWAP(1)
    UNROLL for (int r = 0; r < W; r++)
        store(to + r * ld_to, x[r]);
}

/* Rows and columns are multiples of W. */
INLINE void transpose(const float *from, long rows, long columns, long ld_from, float *to, long ld_to)
{
    for (long i = 0; i < rows; i += W)
        for (long j = 0; j < columns; j += W)
            transpose_block(from + i * ld_from + j, ld_from, to + j * ld_to + i, ld_to);
}

#define HALVE(s) \
    UNROLL for (int r = 0; r < (s); r++) \
        x[r] = MERGE(x[r], x[r + (s)], s);

/* The sums over the lanes of W vectors, the sum of x[l] in lane l. */
INLINE V sums(V x[W])
{
#ifdef __AVX512F__
    HALVE(8)
#endif
    HALVE(4)
    HALVE(2)
    HALVE(1)
    return x[0];
}

#endif
