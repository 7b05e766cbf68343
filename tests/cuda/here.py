"""The arrays of the device that tests have here: CuPy's, where there is a GPU, else those of the stand-in."""

from __future__ import annotations

from typing import Any

import pytest

from symopt.backends import BACKENDS
from tests.cuda import stand_in
from tests.cuda.compiled import PROBLEM

_IS_THERE = BACKENDS["cuda"].status()[0]
xp: Any = BACKENDS["cuda"].device().xp if _IS_THERE else stand_in  # type: ignore[attr-defined]
needs_device = pytest.mark.skipif(not _IS_THERE, reason=str(PROBLEM))
