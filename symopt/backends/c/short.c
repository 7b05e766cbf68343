/* Loops are short: vectors of half the width have less to set up. */
#if defined(__AVX512F__) && !defined(__clang__)
#pragma GCC target("prefer-vector-width=256")
#endif
