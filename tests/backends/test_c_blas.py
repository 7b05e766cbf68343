"""Products left to SciPy's BLAS: the same results, and a clear word where that is not to be had."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import symopt as so
from tests.agreement import assert_agree

pytestmark = pytest.mark.skipif(not so.backends()["c"].available, reason="there is no C compiler that works")


@pytest.fixture
def blas(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy", reason="SciPy is not installed")
    monkeypatch.setenv("SYMOPT_PRODUCTS", "blas")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("blas")
def test_products_by_a_blas_agree_with_the_reference(dtype: str) -> None:
    a, b = so.input("a", ("n", 40), dtype), so.input("b", (40, 30), dtype)
    ab = a @ b
    stacked = so.reshape(so.concatenate([a, a]), (2, a.shape[0], 40)) @ b
    outputs = [ab, a.T @ a, b.T @ a.T, ab.T @ a, so.tanh(ab) @ b.T, a @ b[:, 0], b[1] @ b.T, stacked]
    # A product with few columns and long sums reads both factors along those, which a BLAS is not told.
    outputs.append(so.concatenate([ab] * 8, axis=1) @ so.concatenate([b[:, :5]] * 6))
    rng = np.random.default_rng(0)
    given = [rng.standard_normal((50, 40)).astype(dtype), rng.standard_normal((40, 30)).astype(dtype)]
    f = so.function([a, b], outputs, backend="c")
    wanted = so.function([a, b], outputs, backend="numpy")(*given)
    for one, other in zip(wanted, f(*given), strict=True):
        assert_agree(one, other, 4000)
    assert "blas_f" in f.source


@pytest.mark.usefixtures("blas")
def test_without_scipy_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    a = so.input("a", ("n", 40))
    f = so.function([a], a.T @ a, backend="c")
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)
    with pytest.raises(so.Unsupported, match=r"pip install 'symopt-compiler\[c\]'"):
        f(np.ones((50, 40)))


def test_another_word_for_products_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMOPT_PRODUCTS", "mkl")
    with pytest.raises(so.Unsupported, match=r"'own' .*'blas'"):
        so.emit([], so.parameter([1.0], "w") * 2, backend="c")
