/* Of two vectors, lanes that lie s apart: those without s in their number, and those with it. */
ALWAYS_INLINE void swap_SUFFIX(Vector_SUFFIX *x, Vector_SUFFIX *y, const int s)
{
    const Vector_SUFFIX a = *x, b = *y;
#if defined(__clang__)
    for (int l = 0; l < LANES_SUFFIX; l++) {
        (*x)[l] = l & s ? b[l - s] : a[l];
        (*y)[l] = l & s ? b[l] : a[l + s];
    }
#else
    Lanes_SUFFIX low, high;
    for (int l = 0; l < LANES_SUFFIX; l++) {
        low[l] = l & s ? LANES_SUFFIX + l - s : l;
        high[l] = l & s ? LANES_SUFFIX + l : l + s;
    }
    *x = __builtin_shuffle(a, b, low);
    *y = __builtin_shuffle(a, b, high);
#endif
}

/* Between vectors that lie s apart, exchanges lanes that do; nothing if there are only s lanes. */
ALWAYS_INLINE void exchange_SUFFIX(Vector_SUFFIX *x, const int s)
{
    for (int r = 0; r < LANES_SUFFIX && s < LANES_SUFFIX; r++)
        if (!(r & s)) swap_SUFFIX(x + r, x + r + s, s);
}

/* The block of LANES by LANES elements whose rows are the vectors x, transposed. */
ALWAYS_INLINE void turn_SUFFIX(Vector_SUFFIX *x)
{
    exchange_SUFFIX(x, 8);
    exchange_SUFFIX(x, 4);
    exchange_SUFFIX(x, 2);
    exchange_SUFFIX(x, 1);
}

/* Of vectors that lie s apart, adds up lanes that do; nothing if there are only s lanes. */
ALWAYS_INLINE void fold_SUFFIX(Vector_SUFFIX *x, const int s)
{
    for (int r = 0; r < s && s < LANES_SUFFIX; r++) {
        swap_SUFFIX(x + r, x + r + s, s);
        x[r] += x[r + s];
    }
}

/* The sum over the lanes of x[l] in lane l. */
ALWAYS_INLINE Vector_SUFFIX lane_sums_SUFFIX(Vector_SUFFIX *x)
{
    fold_SUFFIX(x, 8);
    fold_SUFFIX(x, 4);
    fold_SUFFIX(x, 2);
    fold_SUFFIX(x, 1);
    return x[0];
}
