/* Vectors of REAL. */

#ifndef LANE_BYTES
#if defined(__AVX512F__)
#define LANE_BYTES 64
#define TILE_ROWS 14
#elif defined(__AVX__)
#define LANE_BYTES 32
#define TILE_ROWS 6
#else
#define LANE_BYTES 16
#define TILE_ROWS 6
#endif
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif

typedef REAL Vector_SUFFIX __attribute__((vector_size(LANE_BYTES), aligned(sizeof(REAL)), may_alias));
typedef INTEGER Lanes_SUFFIX __attribute__((vector_size(LANE_BYTES)));
enum { LANES_SUFFIX = LANE_BYTES / sizeof(REAL) };

/* The first count elements from p on, and zeros. */
ALWAYS_INLINE Vector_SUFFIX load_SUFFIX(const REAL *p, Index count)
{
    if (count >= LANES_SUFFIX) return *(const Vector_SUFFIX *)p;
#if defined(__AVX512F__) && !defined(__clang__)
    return (Vector_SUFFIX)__builtin_ia32_loaduFORM(p, (Vector_SUFFIX){0}, (1u << count) - 1);
#else
    Vector_SUFFIX v = {0};
    for (Index l = 0; l < count; l++) v[l] = p[l];
    return v;
#endif
}

/* The first count elements, to p on. */
ALWAYS_INLINE void store_SUFFIX(REAL *p, Vector_SUFFIX v, Index count)
{
    if (count >= LANES_SUFFIX) {
        *(Vector_SUFFIX *)p = v;
        return;
    }
#if defined(__AVX512F__) && !defined(__clang__)
    __builtin_ia32_storeuFORM(p, v, (1u << count) - 1);
#else
    for (Index l = 0; l < count; l++) p[l] = v[l];
#endif
}
