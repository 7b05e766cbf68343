/* Philox 4x32-10 (Salmon et al., 2011): four words from a counter of four and a key of two. */
INLINE void philox(unsigned c[4], unsigned k0, unsigned k1)
{
    for (int turn = 0; turn < 10; turn++) {
        const unsigned long long p0 = 0xD2511F53ULL * c[0], p1 = 0xCD9E8D57ULL * c[2];
        const unsigned c1 = c[1], c3 = c[3];
        c[0] = (unsigned)(p1 >> 32) ^ c1 ^ k0;
        c[1] = (unsigned)p1;
        c[2] = (unsigned)(p0 >> 32) ^ c3 ^ k1;
        c[3] = (unsigned)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}
