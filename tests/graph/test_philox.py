"""Philox 4x32-10 against its published vectors, and the numbers made of its words."""

from __future__ import annotations

import numpy as np
import pytest

import symopt.tensor as so
from symopt.graph.evaluate import evaluate
from symopt.graph.philox import philox, uniform, words

# The known answers of Random123 (kat_vectors): counter, key, result.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def numbers(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_published_vectors(counter, key, result):
    drawn = philox(np.array([numbers(counter)]), tuple(numbers(key)))
    assert drawn.dtype == np.uint32
    assert drawn.tolist() == [numbers(result)]


def test_the_counter_is_block_ordinal_and_iteration_and_the_key_is_the_seed():
    drawn = words(3, seed=0x299F31D0_A4093822, ordinal=0x13198A2E, iteration=0x03707344)
    counters = np.array([[block, 0, 0x13198A2E, 0x03707344] for block in range(3)])
    assert drawn.tolist() == philox(counters, (0xA4093822, 0x299F31D0)).tolist()
    assert words(1, 0, 0, 0).tolist() == [numbers(KNOWN_ANSWERS[0][2])]


def test_float32_takes_the_upper_23_bits_of_each_word():
    drawn = uniform((6,), np.dtype("float32"), seed=3, ordinal=1, iteration=2)
    bits = words(2, 3, 1, 2).ravel()[:6] >> 9
    assert drawn.dtype == np.float32
    assert drawn.tolist() == ((bits + 0.5) / 2**23).tolist()


def test_float64_takes_52_bits_of_two_words():
    drawn = uniform((3,), np.dtype("float64"), seed=3, ordinal=1, iteration=2)
    pairs = words(2, 3, 1, 2).reshape(-1, 2)[:3].astype(object)
    assert drawn.tolist() == [((high << 20 | low >> 12) + 0.5) / 2**52 for high, low in pairs]


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 23), ("float64", 52)])
def test_neither_zero_nor_one_can_be_drawn(dtype, bits):
    kind = np.dtype(dtype).type
    low, high = kind(0.5) * kind(2.0**-bits), (kind(2**bits - 1) + kind(0.5)) * kind(2.0**-bits)
    assert 0 < low < high < 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments_of_many_draws(dtype):
    drawn = uniform((1000, 200), np.dtype(dtype), seed=0, ordinal=0, iteration=0).astype("float64")
    assert abs(drawn.mean() - 1 / 2) < 3e-3
    assert abs(drawn.var() - 1 / 12) < 1e-3
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.1


def test_the_place_of_a_draw_is_its_order_of_appearance_or_what_is_given():
    first, second = so.random.uniform((4,), seed=9), so.random.uniform((4,), seed=9)
    together = evaluate([first, second], {}, iteration=5)
    assert [drawn.tolist() for drawn in together] == [
        uniform((4,), np.dtype("float64"), 9, place, 5).tolist() for place in (0, 1)
    ]
    (alone,) = evaluate([second], {}, iteration=5, streams={second: 1})
    assert alone.tolist() == together[1].tolist()


def test_one_draw_used_twice_is_drawn_once():
    draw = so.random.uniform((4,))
    assert (draw - draw).eval().tolist() == [0, 0, 0, 0]
