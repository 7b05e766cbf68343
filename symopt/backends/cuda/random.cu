static __device__ __forceinline__ void random_words(
    unsigned words[4], Index place, unsigned long long seed, unsigned stream, unsigned call)
{
    words[0] = (unsigned)place;
    words[1] = (unsigned)((unsigned long long)place >> 32);
    words[2] = stream;
    words[3] = call;
    philox(words, (unsigned)seed, (unsigned)(seed >> 32));
}

/* Numbers in (0, 1): 23 random bits each, of one word. */
static __device__ __forceinline__ void draw(
    unsigned block, unsigned blocks, Index count, unsigned long long seed, unsigned stream, unsigned call, float *out)
{
    FOR_EACH(four, (count + 3) / 4) {
        unsigned words[4];
        random_words(words, four, seed, stream, call);
        for (int w = 0; w < 4 && 4 * four + w < count; w++)
            out[4 * four + w] = ((float)(words[w] >> 9) + 0.5f) * 0x1p-23f;
    }
}

/* Numbers in (0, 1): 52 random bits each, of two words. */
static __device__ __forceinline__ void draw(
    unsigned block, unsigned blocks, Index count, unsigned long long seed, unsigned stream, unsigned call, double *out)
{
    FOR_EACH(two, (count + 1) / 2) {
        unsigned words[4];
        random_words(words, two, seed, stream, call);
        for (int w = 0; w < 2 && 2 * two + w < count; w++) {
            const unsigned long long bits = (unsigned long long)words[2 * w] << 20 | words[2 * w + 1] >> 12;
            out[2 * two + w] = ((double)bits + 0.5) * 0x1p-52;
        }
    }
}
