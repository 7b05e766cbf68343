"""Comparisons of systems, and the page that is made of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import symopt as so
from symopt.optimizers.compare import having

ROOT = Path(__file__).resolve().parents[2]


def test_a_table_marks_what_differs() -> None:
    assert str(so.compare("AdaGrad", ["torch", "mxnet_1_9", "mxnet_2_0"])).split("\n") == [
        "symopt: learning_rate=0.01, rms_regularizer=1e-08",
        "    w_squares <- w_squares + grad(w)**2",
        "    w         <- w - 0.01 * grad(w) / (sqrt(w_squares') + 1e-08)",
        "torch: lr=0.01, eps=1e-10",
        "  = w_sum     <- w_sum + grad(w)**2",
        "  ~ w         <- w - 0.01 * grad(w) / (sqrt(w_sum') + 1e-10)",
        "mxnet_1_9: learning_rate=0.01, eps=1e-07",
        "  = w_history <- w_history + grad(w)**2",
        "  ! w         <- w - 0.01 * grad(w) / sqrt(w_history' + 1e-07)",
        "mxnet_2_0: learning_rate=0.01, use_fused_step=True, epsilon=1e-06",
        "  = w_history <- w_history + grad(w)**2",
        "  ~ w         <- w - 0.01 * grad(w) / (sqrt(w_history') + 1e-06)",
    ]


def test_systems_that_are_the_same_share_a_block() -> None:
    assert "\ndownhill_0_4_0, downhill_0_5_0pre: " in str(
        so.compare("adagrad", ["downhill_0_4_0", "downhill_0_5_0pre"])
    )


def test_an_exponent_is_no_number_that_may_differ() -> None:
    comparison = so.compare("adam", ["torch"])
    assert comparison.marks(comparison.variants[1])[:2] == ["=", "="]
    assert comparison.marks(comparison.variants[0]) == ["="] * 3


@pytest.mark.parametrize("name", so.OPTIMIZERS)
def test_every_optimizer_is_compared_with_all_that_have_it(name: str) -> None:
    comparison = so.compare(name)
    assert [variant.system for variant in comparison.variants] == ["symopt", *having(name)]
    assert all(len(comparison.marks(variant)) == len(variant.equations) > 0 for variant in comparison.variants)


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="did you mean 'rmsprop'"):
        so.compare("rmspropp", ["torch"])
    with pytest.raises(TypeError, match="there is no system 'torhc'; did you mean 'torch'"):
        so.compare("rmsprop", ["torhc"])
    with pytest.raises(TypeError, match="torch has no lion"):
        so.compare("lion", ["torch"])


def test_the_page_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs" / "write_comparison.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
