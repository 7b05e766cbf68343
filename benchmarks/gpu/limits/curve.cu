/* A step of Adam on the mean of (a exp(-b x) cos(c x + d) + e - y)^2 over many float32 rows, written by hand: `rows`
   reads each point once, four at a time, and leaves five sums for every block; `step`, one block, adds those up and
   moves the parameters. The state: five parameters, their two averages, and the powers of b1 and b2, in double. */

#define THREADS 256

struct alignas(16) Four { float at[4]; };  /* read at once */

__device__ static inline void both(float angle, float *sine, float *cosine)
{
#ifdef __CUDACC__
    sincosf(angle, sine, cosine);
#else  /* the tests run this on the CPU */
    *sine = sinf(angle);
    *cosine = cosf(angle);
#endif
}

__device__ static inline void add_up(double *mine, double (*shared)[THREADS])
{
    for (int i = 0; i < 5; i++)
        shared[i][threadIdx.x] = mine[i];
    for (unsigned width = THREADS / 2; width > 0; width /= 2) {
        __syncthreads();
        if (threadIdx.x < width)
            for (int i = 0; i < 5; i++)
                shared[i][threadIdx.x] += shared[i][threadIdx.x + width];
    }
    __syncthreads();
}

extern "C" __global__ void __launch_bounds__(THREADS)
    rows(const float *__restrict__ x, const float *__restrict__ y, const double *__restrict__ state,
         double *__restrict__ sums, long long count)
{
    __shared__ double shared[5][THREADS];
    const float a = (float)state[0], b = (float)state[1], c = (float)state[2], d = (float)state[3], e = (float)state[4];
    float mine[5] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
    const long long step = (long long)gridDim.x * THREADS * 4;
    for (long long first = ((long long)blockIdx.x * THREADS + threadIdx.x) * 4; first < count; first += step) {
        Four xs, ys;
        if (first + 4 <= count) {
            xs = *(const Four *)(x + first);
            ys = *(const Four *)(y + first);
        } else {
            for (int k = 0; k < 4; k++) {
                xs.at[k] = first + k < count ? x[first + k] : 0.0f;
                ys.at[k] = first + k < count ? y[first + k] : 0.0f;
            }
        }
        for (int k = 0; k < 4 && first + k < count; k++) {
            const float at = xs.at[k], to = ys.at[k];
            float sine, cosine;
            both(c * at + d, &sine, &cosine);
            const float decay = expf(-b * at), wave = decay * cosine;
            const float residual = a * wave + e - to, slope = residual * decay * sine;
            mine[0] += residual * wave;
            mine[1] += residual * wave * at;
            mine[2] += slope * at;
            mine[3] += slope;
            mine[4] += residual;
        }
    }
    double wide[5];
    for (int i = 0; i < 5; i++)
        wide[i] = mine[i];
    add_up(wide, shared);
    if (threadIdx.x < 5)
        sums[blockIdx.x * 5 + threadIdx.x] = shared[threadIdx.x][0];
}

extern "C" __global__ void __launch_bounds__(THREADS)
    step(double *__restrict__ state, const double *__restrict__ sums, int blocks, long long count, double rate,
         double b1, double b2, double epsilon)
{
    __shared__ double shared[5][THREADS];
    double mine[5] = {0.0, 0.0, 0.0, 0.0, 0.0};
    for (int block = threadIdx.x; block < blocks; block += THREADS)
        for (int i = 0; i < 5; i++)
            mine[i] += sums[block * 5 + i];
    add_up(mine, shared);
    if (threadIdx.x != 0)
        return;
    const double a = state[0], power_1 = state[15] * b1, power_2 = state[16] * b2;
    const double factors[5] = {1.0, -a, -a, -a, 1.0};
    for (int i = 0; i < 5; i++) {
        const double gradient = factors[i] * shared[i][0] * 2.0 / (double)count;
        state[5 + i] = b1 * state[5 + i] + (1.0 - b1) * gradient;
        state[10 + i] = b2 * state[10 + i] + (1.0 - b2) * gradient * gradient;
        state[i] -= rate * state[5 + i] / (1.0 - power_1) / (sqrt(state[10 + i] / (1.0 - power_2)) + epsilon);
    }
    state[15] = power_1;
    state[16] = power_2;
}
