"""Building and running what was exported, and holding it against the function in Python."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.backends import checked_arrays
from symopt.backends.c.build import program_of
from symopt.backends.c.compiler import Compiler, find_compiler
from symopt.backends.cfamily.spelling import c_type
from symopt.graph.dimensions import resolve_shape
from symopt.graph.evaluate import bind_sizes

STRICT = ("-Wall", "-Wextra", "-Werror")
PLAIN = ("-std=gnu11", "-O1", "-g", "-ffp-contract=off", "-fopenmp-simd", *STRICT)
SANITIZED = (*PLAIN, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
PRINT = """
#include <stdio.h>
#include <stdlib.h>
static void print32(const char *name, const float *x, size_t count)
{
    printf("%s", name);
    for (size_t i = 0; i < count; i++) printf(" %a", (double)x[i]);
    printf("\\n");
}
static void print64(const char *name, const double *x, size_t count)
{
    printf("%s", name);
    for (size_t i = 0; i < count; i++) printf(" %a", x[i]);
    printf("\\n");
}
void (*unused32)(const char *, const float *, size_t) = print32;
void (*unused64)(const char *, const double *, size_t) = print64;
"""


def compiler() -> Compiler:
    found, reason = find_compiler()
    if found is None:
        pytest.skip(reason)
    return found


def same_flags() -> tuple[str, ...]:
    """The flags of the backend c, for a program: then all bits are the same."""
    return tuple(flag for flag in compiler().flags if flag not in ("-shared", "-fPIC", "-fno-semantic-interposition"))


def build_and_run(folder: Path, flags: tuple[str, ...], given: bytes = b"") -> bytes:
    """Build all C of a folder into one program and run it; what it prints."""
    target = folder / "program"
    sources = sorted(str(path) for path in folder.glob("*.c"))
    command = [*compiler().command, *flags, *sources, "-o", str(target), *compiler().libraries]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, ""), f"{shlex.join(command)}\n{built.stderr}"
    done = subprocess.run([str(target)], input=given, capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout


def lines_of(folder: Path, flags: tuple[str, ...]) -> list[str]:
    """The lines that the program prints."""
    return build_and_run(folder, flags).decode().splitlines()


def runs(folder: Path, main: str) -> dict[str, np.ndarray]:
    """What a program prints with print32 and print64, by name; also with sanitizers, which must find nothing."""
    (folder / "main.c").write_text(PRINT + main, encoding="utf-8")
    build_and_run(folder, SANITIZED)
    lines = lines_of(folder, (*same_flags(), *STRICT))
    words = [line.split() for line in lines]
    return {name: np.array([float.fromhex(one) for one in numbers]) for name, *numbers in words}


def next_numbers() -> Iterator[int]:
    """The numbers of the example."""
    state = 1
    while True:
        state = (state * 1664525 + 1013904223) % 2**32
        yield state >> 8


def network(dtype: str = "float32", hidden: int = 8) -> tuple[list[Any], Any, list[Any], Any]:
    """A network, with inputs, loss, parameters and the updates of Adam."""
    x, y = so.input("x", shape=("n", 6), dtype=dtype), so.input("y", shape=("n",), dtype="int64")
    rng = np.random.default_rng(3)
    w = so.parameter(rng.normal(size=(6, hidden)).astype(dtype), name="w")
    b = so.parameter(np.zeros(hidden, dtype), name="b")
    v = so.parameter(rng.normal(size=(hidden, 3)).astype(dtype), name="v")
    loss = so.cross_entropy(so.tanh(x @ w + b) @ v, y).mean()
    return [x, y], loss, [w, b, v], so.Adam(learning_rate=0.01).get_updates(loss, [w, b, v])


def driver(f: so.Function, calls: list[list[np.ndarray]], outputs: list[np.ndarray]) -> str:
    """A program that reads the inputs of each call, and writes its outputs, then all values."""
    program = program_of(f.task)
    sizes = [bind_sizes(program.inputs, arrays) for arrays in calls]
    room = [str(max(one[name] for one in sizes)) for name in program.sizes]
    lines = [f"struct trainer *t = trainer_new({', '.join(room)});", "if (!t) return 1;"]
    for arrays, given in zip(calls, sizes, strict=True):
        shapes = [resolve_shape(node.shape, given) for node in f.task.outputs]
        made = [f"{c_type(x.dtype)} x{k}[{max(x.size, 1)}];" for k, x in enumerate(arrays)]
        made += [f"{c_type(y.dtype)} y{k}[{max(np.prod(shapes[k], dtype=int), 1)}];" for k, y in enumerate(outputs)]
        reads = [f"if (fread(x{k}, {x.itemsize}, {x.size}, stdin) != {x.size}) return 2;" for k, x in enumerate(arrays)]
        texts = ["t", *(f"x{k}" for k in range(len(arrays))), *(str(given[name]) for name in program.sizes)]
        texts += [f"y{k}" for k in range(len(outputs))]
        counts = [int(np.prod(shape)) for shape in shapes]
        writes = [f"fwrite(y{k}, {y.itemsize}, {counts[k]}, stdout);" for k, y in enumerate(outputs)]
        lines += ["{", *made, *reads, f"if (trainer_step({', '.join(texts)})) return 3;", *writes, "}"]
    lines += ["for (int i = 0; i < TRAINER_VALUES; i++) {", "const struct trainer_value v = trainer_value(t, i);"]
    lines += ["fwrite(v.data, v.size, v.count, stdout);", "}", "trainer_free(t);", "return 0;"]
    return "\n".join(['#include "trainer.h"', "#include <stdio.h>", "int main(void)", "{", *lines, "}"]) + "\n"


def assert_export_agrees(f: so.Function, calls: list[list[np.ndarray]], folder: Path) -> None:
    """Steps of the export against those in Python, bit by bit but for NaN; sanitizers find nothing in either."""
    program = program_of(f.task)
    ready = [[*checked_arrays(program.inputs, arrays)] for arrays in calls]
    f.export(folder, sizes=bind_sizes(f.task.inputs, ready[0]))
    results = [[np.asarray(one) for one in f(*arrays)] for arrays in calls]
    (folder / "main.c").write_text(driver(f, ready, results[0]), encoding="utf-8")
    given = b"".join(x.tobytes() for arrays in ready for x in arrays)
    build_and_run(folder, SANITIZED, given)
    written = memoryview(build_and_run(folder, (*same_flags(), *STRICT), given))
    after = {variable.name: variable.value for variable, _ in f.task.updates}
    for outputs in results:
        for node, expected in zip(f.task.outputs, outputs, strict=True):
            found = np.frombuffer(written[: expected.nbytes], expected.dtype).reshape(expected.shape)
            np.testing.assert_array_equal(found, expected, repr(node))
            written = written[expected.nbytes :]
    listed = re.findall(
        r'return \(struct trainer_value\)\{"(\w+)", "\w+", "(\w+)", [^,]+, (\d+)', (folder / "trainer.c").read_text()
    )
    for name, dtype, count in listed:
        size = int(count) * np.dtype(dtype).itemsize
        if name in after:
            np.testing.assert_array_equal(np.frombuffer(written[:size], dtype), after[name].reshape(-1), name)
        written = written[size:]
    assert not len(written)
    assert len(listed) >= len(after)
