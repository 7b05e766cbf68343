/* One function with everything in it would take the compiler longer. */
#define KERNEL __attribute__((noinline))
