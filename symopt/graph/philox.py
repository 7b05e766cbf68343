"""Philox 4x32-10: random numbers as a function of a key and a counter (Salmon et al., 2011, SC'11).

The key is the seed; the counter is (block, ordinal of the draw in its function, iteration). So every backend draws the
same numbers, and nothing has to be remembered.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def philox(counter: np.ndarray[Any, Any], key: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Four random 32-bit words for each counter of four words, shape (blocks, 4)."""
    c0, c1, c2, c3 = counter.astype(np.uint64).T
    k0, k1 = key
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (
            (p1 >> _SHIFT) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _SHIFT) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def words(blocks: int, seed: int, ordinal: int, iteration: int) -> np.ndarray[Any, Any]:
    """Random 32-bit words, shape (blocks, 4)."""
    index = np.arange(blocks, dtype=np.uint64)
    counter = np.empty((blocks, 4), np.uint64)
    counter[:, 0], counter[:, 1] = index & _LOW, index >> _SHIFT
    counter[:, 2], counter[:, 3] = ordinal & 0xFFFFFFFF, iteration & 0xFFFFFFFF
    return philox(counter, (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF))


def uniform(
    shape: tuple[int, ...], dtype: np.dtype[Any], seed: int, ordinal: int, iteration: int
) -> np.ndarray[Any, Any]:
    """Numbers in the open interval (0, 1): 23 random bits in float32 (one word each), 52 in float64 (two words)."""
    count = int(np.prod(shape))
    if dtype == np.float32:
        drawn = words(-(-count // 4), seed, ordinal, iteration).reshape(-1)[:count]
        # The half keeps both ends out; 24 bits and the half would not fit in float32.
        result = ((drawn >> np.uint32(9)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)
    else:
        pairs = words(-(-count // 2), seed, ordinal, iteration).reshape(-1, 2)[:count].astype(np.uint64)
        bits = (pairs[:, 0] << np.uint64(20)) | (pairs[:, 1] >> np.uint64(12))
        result = (bits.astype(np.float64) + 0.5) * 2.0**-52
    return result.reshape(shape)
