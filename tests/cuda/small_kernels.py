"""Kernels written by hand, for the tests of the stand-in for CuPy."""

from typing import Any

from tests.cuda import stand_in


def kernel(body: str, parameters: str = "float* y", before: str = "") -> Any:
    """A kernel k; its body begins at line 4 if nothing is before it."""
    source = f'{before}\nextern "C" __global__ void k({parameters})\n{{\n{body}\n}}\n'
    return stand_in.RawModule(code=source).get_function("k")
