"""Exported trainers: built by the C compiler, they give what the function gives in Python, to the last bit."""

import random
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.graph.traversal import topological
from tests.backends.c_ways import small_blocks
from tests.backends.exported import (
    PLAIN,
    STRICT,
    assert_export_agrees,
    compiler,
    lines_of,
    network,
    next_numbers,
    runs,
    same_flags,
)
from tests.backends.random_nodes import random_case


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [8, 700])
def test_example_trains_a_network_as_python_does(tmp_path: Path, dtype: str, hidden: int) -> None:
    inputs, loss, _, updates = network(dtype, hidden)
    f = so.function(inputs, [loss], updates=updates, backend="c")
    n = 21
    written = f.export(tmp_path, outputs=["loss"], sizes={"n": n})
    assert ("trainer_values.c" in [path.name for path in written]) == (hidden == 700)
    lines = lines_of(tmp_path, (*same_flags(), *STRICT))
    numbers = next_numbers()
    xs = np.array([next(numbers) / 2**23 - 1 for _ in range(n * 6)], dtype).reshape(n, 6)
    ys = np.array([next(numbers) >> 12 & 1 for _ in range(n)])
    expected = [f"step {number}, loss {f(xs, ys)[0]:.{9 if dtype == 'float32' else 17}g}" for number in range(1, 11)]
    expected.append(f"epoch, loss {f.epoch([xs, ys], (n + 1) // 2)[0]:.17g}")
    assert lines == expected


def test_example_is_built_by_the_lines_in_its_head(tmp_path: Path) -> None:
    inputs, loss, _, updates = network()
    so.function(inputs, [loss], updates=updates, backend="numpy").export(tmp_path, "net")
    text = (tmp_path / "net.h").read_text(encoding="utf-8").replace(" \\\n *", "")
    lines = [line[2:].strip() for line in text.splitlines() if line.startswith((" *     cc ", " *     gcc "))]
    assert len(lines) == 2
    if "-lmvec" not in compiler().libraries or "-march=native" not in compiler().flags or not shutil.which("gcc"):
        lines = lines[:1]
    for line in lines:
        subprocess.run([*shlex.split(line), *STRICT], cwd=tmp_path, check=True)
        assert "step 10" in subprocess.run([tmp_path / "net"], capture_output=True, text=True, check=True).stdout


ORDERED = """
#include "trainer.h"
static const float x[] = {X};
static const long long y[] = {Y}, order[] = {ORDER};
int main(void)
{
    struct trainer *t = trainer_new(16);
    double mean;
    float loss;
    if (trainer_step(t, x, y, 17, &loss) != TRAINER_BAD_SIZE) return 1;
    if (trainer_epoch(t, x, y, 50, 16, order, &mean)) return 2;
    print64("mean", &mean, 1);
    t->learning_rate = 0.5;
    t->threads = 2;
    if (trainer_steps(t, 3, x, y, 7, &loss)) return 3;
    print32("loss", &loss, 1);
    for (int i = 0; i < TRAINER_VALUES; i++) {
        const struct trainer_value value = trainer_value(t, i);
        if (value.size == sizeof(float)) print32(value.name, value.data, value.count);
    }
    if (t->w != trainer_value(t, 0).data || t->iteration != 11 || TRAINER_COUNT_w != 48) return 4;
    if (trainer_value(t, TRAINER_VALUES).name || trainer_value(t, -1).name) return 5;
    trainer_reset(t);
    print32("again", t->v, TRAINER_COUNT_v);
    trainer_free(t);
    return 0;
}
"""


def test_example_of_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    code, main, line = (re.search(f"```{kind}\n(.*?)```", page, re.S)[1] for kind in ("python", "c", "sh"))
    names: dict[str, Any] = {}
    exec(code, names)
    names["f"].export("fit", name="fit", outputs=["loss"])
    (tmp_path / "fit" / "main.c").write_text(main, encoding="utf-8")
    build, run, said = re.fullmatch(r"(.*)\n(.*?) +# (.*)\n", line).groups()
    assert f" {build}\n" in (tmp_path / "fit" / "fit.h").read_text(encoding="utf-8")
    subprocess.run([*compiler().command, *shlex.split(build)[1:], *STRICT], cwd="fit", check=True)
    done = subprocess.run([run], cwd="fit", capture_output=True, text=True, check=True)
    assert done.stdout == f"{said}\n"


def test_parameters_states_and_epochs_in_an_order(tmp_path: Path) -> None:
    inputs, loss, _, updates = network()
    f = so.function(inputs, loss, updates=updates, backend="c")
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(50, 6)).astype("float32"), rng.integers(0, 3, 50)
    order = rng.permutation(50)
    f.epoch([xs, ys], 16)  # the export goes on from here
    f.export(tmp_path, outputs=["loss"])
    texts = [
        f"{{{', '.join(one)}}}" for one in (map(float.hex, xs.reshape(-1).tolist()), map(str, ys), map(str, order))
    ]
    main = ORDERED.replace("{X}", texts[0]).replace("{Y}", texts[1]).replace("{ORDER}", texts[2])
    before = [variable.value for variable, _ in updates if variable.name == "v"]
    found = runs(tmp_path, main)
    np.testing.assert_array_equal(found["again"], before[0].reshape(-1))
    np.testing.assert_array_equal(found["mean"], f.epoch([xs, ys], 16, order))
    nodes = topological([node for _, node in updates])
    (rate,) = [node for node in nodes if getattr(node, "name", "") == "learning_rate"]
    rate.value = 0.5
    np.testing.assert_array_equal(found["loss"], f.repeat(3, xs[:7], ys[:7]))
    for variable, _ in updates:
        if variable.dtype == np.float32:
            np.testing.assert_array_equal(found[variable.name], variable.value.reshape(-1), variable.name)


def test_rosenbrock_without_inputs(tmp_path: Path) -> None:
    x = so.parameter(np.linspace(-1, 1, 100), name="x")
    loss = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    f = so.function([], loss, updates=so.RMSProp(learning_rate=1e-3).get_updates(loss, [x]), backend="c")
    f.export(tmp_path, "valley", outputs="loss")
    main = """
    #include "valley.h"
    int main(void)
    {
        struct valley *t = valley_new();
        double loss;
        if (valley_steps(t, 0, &loss) != VALLEY_BAD_SIZE || valley_steps(t, 1000, &loss)) return 1;
        print64("loss", &loss, 1);
        print64("x", t->x, VALLEY_COUNT_x);
        if (t->calls != 1000 || valley_step(t, NULL)) return 2;
        valley_free(t);
        return 0;
    }
    """
    found = runs(tmp_path, main)
    np.testing.assert_array_equal(found["loss"], f.repeat(1000))
    np.testing.assert_array_equal(found["x"], x.value)


def test_index_out_of_range_is_an_error_that_changes_nothing(tmp_path: Path) -> None:
    rows, table = so.input("rows", shape=("n",), dtype="int64"), so.parameter(np.arange(12.0).reshape(4, 3), name="e")
    loss = so.square(table[rows]).mean()
    f = so.function([rows], loss, updates=so.SGD(learning_rate=0.1).get_updates(loss, [table]), backend="c")
    f.export(tmp_path, outputs=["loss"])
    main = """
    #include "trainer.h"
    int main(void)
    {
        const long long bad[] = {1, 4, 2}, good[] = {1, 3, 2}, order[] = {0, 3, 1};
        struct trainer *t = trainer_new(3);
        double loss = -1;
        if (trainer_step(t, bad, 3, &loss) != TRAINER_BAD_INDEX || t->bad_index != 4 || !t->bad_where) return 1;
        if (loss != -1 || t->calls) return 2;
        print64("kept", t->e, TRAINER_COUNT_e);
        if (trainer_epoch(t, bad, 3, 3, 0, &loss) != TRAINER_BAD_INDEX || loss != -1) return 3;
        if (trainer_epoch(t, good, 3, 2, order, &loss) != TRAINER_BAD_INDEX || t->bad_index != 3) return 4;
        if (trainer_step(t, good, 3, &loss)) return 5;
        print64("loss", &loss, 1);
        print64("e", t->e, TRAINER_COUNT_e);
        trainer_free(t);
        return 0;
    }
    """
    found = runs(tmp_path, main)
    np.testing.assert_array_equal(found["kept"], table.value.reshape(-1))
    np.testing.assert_array_equal(found["loss"], f(np.array([1, 3, 2])))
    np.testing.assert_array_equal(found["e"], table.value.reshape(-1))


@pytest.mark.parametrize("count", [5, 3000])
def test_only_rows_that_were_read_are_updated(tmp_path: Path, count: int) -> None:
    rows = so.input("rows", shape=("n",), dtype="int64")
    table = so.parameter(np.linspace(-1, 1, 4 * count).reshape(count, 4), name="table")
    loss = so.square(table[rows]).sum()
    f = so.function([rows], [loss], updates=so.AdaGrad(learning_rate=0.1).get_updates(loss, [table]), backend="c")
    assert_export_agrees(f, [[np.array(one)] for one in ([1, 3, 1, 4], [0], [count - 1, 2, 2])], tmp_path)


def test_random_draws_go_on_where_python_was(tmp_path: Path) -> None:
    x = so.input("x", shape=("n",), dtype="float32")
    total = so.state(np.zeros(3, "float32"), name="total")
    drawn = so.random.normal(("n",), seed=5, dtype="float32") + so.random.uniform((3,), seed=2, dtype="float32").sum()
    f = so.function([x], (x * drawn).sum(), updates=[(total, total + drawn[:3])], backend="c")
    xs = np.arange(9, dtype="float32")
    f(xs)
    f.export(tmp_path)
    main = """
    #include "trainer.h"
    int main(void)
    {
        static const float x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
        struct trainer *t = trainer_new(9);
        float output;
        if (t->calls != 1 || trainer_step(t, x, 9, NULL) || trainer_step(t, x, 9, &output)) return 1;
        if (trainer_step(t, x, 2, NULL) != TRAINER_BAD_SIZE) return 2;
        print32("output", &output, 1);
        print32("total", t->total, TRAINER_COUNT_total);
        trainer_free(t);
        return 0;
    }
    """
    found = runs(tmp_path, main)
    f(xs)
    np.testing.assert_array_equal(found["output"], f(xs))
    np.testing.assert_array_equal(found["total"], total.value)


def test_two_trainers_in_one_program(tmp_path: Path) -> None:
    inputs, loss, _, updates = network()
    first = so.function(inputs, loss, updates=updates, backend="c")
    x = so.parameter([3.0, 4.0], name="x")
    square = so.square(x).sum()
    second = so.function([], square, updates=so.Adam().get_updates(square, [x]), backend="c")
    first.export(tmp_path, "left")
    second.export(tmp_path, "right")
    main = """
    #include "left.h"
    #include "right.h"
    int main(void)
    {
        const float x[12] = {1, 2, 3};
        const long long y[2] = {0, 2};
        float loss;
        double square;
        void *memory = aligned_alloc(64, left_bytes(2));
        struct left *a = left_place(memory, 2);
        struct right *b = right_new();
        if (left_step(a, x, y, 2, &loss) || right_step(b, &square)) return 1;
        print32("loss", &loss, 1);
        print64("square", &square, 1);
        if (left_new(-1) || left_new(1LL << 60) || left_bytes(1LL << 62)) return 2;
        free(memory);
        right_free(b);
        return 0;
    }
    """
    found = runs(tmp_path, main)
    xs = np.zeros((2, 6), "float32")
    xs[0, :3] = 1, 2, 3
    np.testing.assert_array_equal(found["loss"], first(xs, np.array([0, 2])))
    np.testing.assert_array_equal(found["square"], second())


def test_nothing_without_the_prefix_is_visible(tmp_path: Path) -> None:
    if not shutil.which("nm"):
        pytest.skip("nm is not there")
    inputs, loss, _, updates = network(hidden=700)
    so.function(inputs, loss, updates=updates).export(tmp_path, "net")
    for name in ("net", "net_values"):
        command = [*compiler().command, *PLAIN, "-c", str(tmp_path / f"{name}.c"), "-o", str(tmp_path / "one.o")]
        subprocess.run(command, check=True)
        listed = subprocess.run(["nm", "-g", tmp_path / "one.o"], capture_output=True, text=True, check=True).stdout
        defined = [line.split()[2] for line in listed.splitlines() if line.split()[-2] != "U"]
        assert defined
        assert [symbol for symbol in defined if not symbol.startswith("net_")] == []


# ------------------------------------------------------------------------------------------- every kind of function


def test_outputs_of_every_kind(tmp_path: Path) -> None:
    x, y = so.input("x", shape=("n", 4)), so.input("y", shape=("m", "n"), dtype="int64")
    w = so.parameter([[0.5, -1.5]], name="w")
    views = [x.T, x[::-1, 1:], (2 * x).T.reshape(-1), y, so.broadcast_to(w.sum(), (2, 2))]
    fixed = [
        so.arange(5) + 0,
        so.arange(7)[::2],
        so.constant(np.linspace(0, 1, 100)),
        so.constant([1.0, 2.5]).reshape(2, 1),
    ]
    fixed += [so.constant(np.linspace(0, 1, 100)) * x.sum()]
    odd = so.parameter(np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 0.1]), name="odd")
    others = [
        w,
        w * 2,
        odd,
        1 / odd,
        x > 0,
        so.constant(3.5) * 2,
        y.astype("int32"),
        x.mean(axis=0).reshape(1, 4),
        x.sum(),
    ]
    f = so.function([x, y], [*views, *fixed, *others], updates=[(w, w + x.sum())], backend="c")
    calls = [[np.linspace(-1, 2, 4 * n).reshape(n, 4), np.arange(2 * n).reshape(2, n)] for n in (3, 1, 7)]
    assert_export_agrees(f, calls, tmp_path)


@pytest.mark.parametrize("seed", range(6))
def test_random_functions(tmp_path: Path, seed: int) -> None:
    case = random_case(random.Random(seed), ("float32", "float64")[seed % 2])
    assert case is not None
    with small_blocks():  # so that there are several, and zeros around arrays
        f = so.function(case.inputs, case.outputs, case.updates, backend="c")
        assert_export_agrees(f, case.calls, tmp_path)


# --------------------------------------------------------------------------------------------------- files and names


def test_memory_may_be_the_callers_alone(tmp_path: Path) -> None:
    x = so.parameter([3.0, 4.0], name="x")
    f = so.function([], so.square(x).sum(), updates=[(x, x * 0.5)], backend="c")
    f.export(tmp_path, outputs=["norm"])
    main = """
    #include "trainer.h"
    int main(void)
    {
        static _Alignas(64) unsigned char memory[4096];
        double norm;
        if (trainer_bytes() > sizeof memory || trainer_place(NULL)) return 1;
        struct trainer *t = trainer_place(memory);
        if (trainer_steps(t, 2, &norm)) return 2;
        print64("norm", &norm, 1);
        return 0;
    }
    """
    (tmp_path / "trainer.h").write_text("#define TRAINER_NO_MALLOC\n" + (tmp_path / "trainer.h").read_text())
    assert runs(tmp_path, main)["norm"] == f.repeat(2)
    assert (
        "alloc" not in subprocess.run(["nm", tmp_path / "program"], capture_output=True, text=True, check=True).stdout
    )


def test_header_is_read_by_cpp(tmp_path: Path) -> None:
    if not shutil.which("g++"):
        pytest.skip("g++ is not there")
    inputs, loss, _, updates = network()
    so.function(inputs, loss, updates=updates).export(tmp_path, "net")
    (tmp_path / "use.cpp").write_text('#include "net.h"\nint main() { net_free(net_new(3)); }\n', encoding="utf-8")
    subprocess.run(["g++", *STRICT, "-pedantic", "-fsyntax-only", str(tmp_path / "use.cpp")], check=True)


@pytest.mark.parametrize("name", ["", "2fast", "a-b", "while", "class", "_x", "größe", "a/b"])
def test_name_that_is_no_identifier_is_refused(tmp_path: Path, name: str) -> None:
    f = so.function([], so.parameter(1.0, name="x") * 2)
    with pytest.raises(so.DataError, match="identifier"):
        f.export(tmp_path / "new", name)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("outputs", [["a"], ["a", "a"], ["a", "b c"], "ab"])
def test_names_of_outputs_are_checked(tmp_path: Path, outputs: Any) -> None:
    x = so.parameter(1.0, name="x")
    with pytest.raises(so.DataError, match="2 names"):
        so.function([], [x * 2, x * 3]).export(tmp_path, outputs=outputs)


def test_names_that_c_has_for_itself_are_changed(tmp_path: Path) -> None:
    x, t = so.input("double", shape=("while",)), so.input("t", shape=("while",))
    w = so.parameter(np.array([2.0]), name="layer 1.w")
    v, calls = so.parameter(3.0, name="try"), so.state(1.0, name="calls")
    f = so.function(
        [x, t], ((x + t) * w * v).sum(), updates=[(w, w + calls), (v, v * 2), (calls, calls + 1)], backend="c"
    )
    f.export(tmp_path)
    lines = lines_of(tmp_path, (*same_flags(), *STRICT))
    assert len(lines) == 11


def test_our_files_are_replaced_others_are_not(tmp_path: Path) -> None:
    x = so.parameter([1.0], name="x")
    f = so.function([], x.sum())
    assert sorted(path.name for path in f.export(tmp_path, "one")) == ["main.c", "one.c", "one.h"]
    (tmp_path / "main.c").write_text("mine", encoding="utf-8")
    x.value = [7.0]
    assert sorted(path.name for path in f.export(tmp_path, "one")) == ["one.c", "one.h"]
    assert "{\n    7.0\n}" in (tmp_path / "one.c").read_text(encoding="utf-8")
    assert (tmp_path / "main.c").read_text(encoding="utf-8") == "mine"
    (tmp_path / "two.c").write_text("mine", encoding="utf-8")
    with pytest.raises(so.DataError, match=r"two\.c is there"):
        f.export(tmp_path, "two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["main.c", "one.c", "one.h", "two.c"]


def test_text_is_the_same_every_time(tmp_path: Path) -> None:
    inputs, loss, _, updates = network()
    f = so.function(inputs, loss, updates=updates)
    texts = []
    for folder in ("a", "b"):
        texts.append([path.read_text(encoding="utf-8") for path in f.export(tmp_path / folder)])
    assert texts[0] == texts[1]
