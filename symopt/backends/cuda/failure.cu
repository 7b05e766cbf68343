/* Notes the first index that was found out of range, and which kernel has found it. */
static __device__ __forceinline__ void note_failure(long long *failure, long long kernel, Index index)
{
    if (atomicCAS((unsigned long long *)failure, 0ULL, (unsigned long long)kernel) == 0) failure[1] = index;
}
