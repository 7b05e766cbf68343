"""Every example runs in its short form, and gives what it promises."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import symopt as so
from examples import curve, digits, factorization, rosenbrock


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def is_picture(path: str) -> bool:
    height, width = plt.imread(path).shape[:2]
    return height > 300 and width > 600


def numbers(pattern: str, text: str) -> list[float]:
    """What the group of a pattern finds, at the beginning of lines."""
    return [float(found) for found in re.findall(rf"^ *{pattern}", text, re.M)]


def test_digits_are_classified(capsys: pytest.CaptureFixture[str]) -> None:
    assert digits.main(["--short"]) == 0
    screen = capsys.readouterr().out
    softmax, network = numbers(r"validation accuracy (\S+),", screen)
    assert softmax >= 0.95
    assert network >= 0.97
    assert "W1          <- W1 - 0.003 * grad(W1) / sqrt(W1_variance' + 1e-08)" in screen
    assert len(re.findall(r"^ +\d+( +\d\.\d{4}){4}( \*)?$", screen, re.M)) == 13 + 16  # a line for each epoch


def test_digits_write_their_generated_c(capsys: pytest.CaptureFixture[str]) -> None:
    compiler = so.backends()["c"]
    if not compiler.available:
        pytest.skip(compiler.reason)
    digits.main(["--short"])
    screen = capsys.readouterr().out
    for name in ("digits_softmax_step.c", "digits_step.c"):
        text = (Path("out") / name).read_text(encoding="utf-8")
        assert str(Path("out") / name) in screen
        assert " *restrict W" in text
        assert "void epoch(" in text


def test_digits_write_their_generated_python_where_there_is_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMOPT_CC", "no-compiler-of-this-name")
    assert digits.main(["--short"]) == 0
    for name in ("digits_softmax_step.py", "digits_step.py"):
        text = (Path("out") / name).read_text(encoding="utf-8")
        compile(text, name, "exec")
        assert "W" in text
        assert "def step(" in text


def test_digits_fail_where_an_accuracy_is_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models = digits.models

    def too_hard(*arguments: object) -> list[digits.Model]:
        made = models(*arguments)
        made[0].wanted = 1.1
        return made

    monkeypatch.setattr(digits, "models", too_hard)
    assert digits.main(["--short"]) == 1
    assert capsys.readouterr().out.endswith("Not reached by: softmax regression\n")


def test_factorization_finds_sparse_factors(capsys: pytest.CaptureFixture[str]) -> None:
    assert factorization.main(["--short"]) == 0
    screen = capsys.readouterr().out
    lines = re.findall(r"^ +(\d+) +(\S+) +(\S+) +(\S+)% +(\S+)%$", screen, re.M)
    half = len(lines) // 2
    for first, last in ((lines[0], lines[half - 1]), (lines[half], lines[-1])):
        assert float(last[1]) < 0.4 * float(first[1])  # the loss
        assert float(last[4]) > 30 > 10 > float(first[4])  # the share of v that is near 0
    assert is_picture("out/factorization.png")


def test_curve_has_the_certified_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert curve.main(["--short"]) == 0
    screen = capsys.readouterr().out
    rows = re.findall(r"^(\w+) +(-?\d+\.\d) +(\S+) +(\S+)$", screen, re.M)
    assert [name for name, *_ in rows] == list(curve.PARAMETERS)
    for name, _, fitted, certified in rows:
        assert float(fitted) == pytest.approx(float(certified), rel=2e-3), name
    (sum_of_squares,) = numbers(r"sum of squares (\S+),", screen)
    assert sum_of_squares == pytest.approx(curve.CERTIFIED_SUM_OF_SQUARES, rel=1e-6)
    assert is_picture("out/curve.png")


def test_every_rule_goes_down_the_valley(capsys: pytest.CaptureFixture[str]) -> None:
    assert rosenbrock.main(["--short"]) == 0
    screen = capsys.readouterr().out
    for name in rosenbrock.RULES:
        rows = re.findall(rf"^  {name}((?: +[-+.e0-9]+)+)$", screen, re.M)
        losses = [[float(number) for number in row.split()] for row in rows]
        assert len(losses) == 2  # in 2 and in 100 dimensions
        for first, *_, last, _distance in losses:
            assert last < first / 5, name
    assert is_picture("out/rosenbrock.png")
