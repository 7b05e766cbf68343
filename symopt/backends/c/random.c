/* Numbers in (0, 1): 23 random bits each, of one word. */
static inline void draw_float32(
    Index count, unsigned long long seed, unsigned stream, unsigned call, float *restrict out)
{
    for (Index i = 0; i < count; i += 4) {
        const unsigned long long block = (unsigned long long)i / 4;
        unsigned words[4] = {(unsigned)block, (unsigned)(block >> 32), stream, call};
        philox(words, (unsigned)seed, (unsigned)(seed >> 32));
        for (Index w = 0; w < 4 && i + w < count; w++)
            out[i + w] = ((float)(words[w] >> 9) + 0.5f) * 0x1p-23f;
    }
}

/* Numbers in (0, 1): 52 random bits each, of two words. */
static inline void draw_float64(
    Index count, unsigned long long seed, unsigned stream, unsigned call, double *restrict out)
{
    for (Index i = 0; i < count; i += 2) {
        const unsigned long long block = (unsigned long long)i / 2;
        unsigned words[4] = {(unsigned)block, (unsigned)(block >> 32), stream, call};
        philox(words, (unsigned)seed, (unsigned)(seed >> 32));
        for (Index w = 0; w < 2 && i + w < count; w++) {
            const unsigned long long bits = (unsigned long long)words[2 * w] << 20 | words[2 * w + 1] >> 12;
            out[i + w] = ((double)bits + 0.5) * 0x1p-52;
        }
    }
}
