/* Functions that the vector library of C has too, where there is one. */
#ifdef SYMOPT_VECTOR_MATH
#define VECTOR __attribute__((simd("notinbranch"), const))
#else
#define VECTOR __attribute__((const))
#endif
