"""Several inputs in one object: what they are called, and that they are equally long."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from symopt.errors import DataError

Names = tuple[Hashable, ...] | None


def unpack(inputs: object) -> tuple[list[object], Names]:
    """Return the inputs as a list, and their names if they are a dict.

    What is no list, tuple or dict is one input.

    Examples
    --------
    >>> unpack({"x": 1, "y": 2})
    ([1, 2], ('x', 'y'))
    >>> unpack(3)
    ([3], None)
    """
    if isinstance(inputs, Mapping):
        return list(inputs.values()), tuple(inputs)
    return (list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]), None


def labels(count: int, names: Names) -> list[str]:
    """Return how messages name the inputs.

    Examples
    --------
    >>> labels(2, ("x", "y")), labels(2, None), labels(1, None)
    (["input 'x'", "input 'y'"], ['input 0', 'input 1'], ['the input'])
    """
    if names is not None:
        return [f"input {str(name)!r}" for name in names]
    return [f"input {position}" for position in range(count)] if count > 1 else ["the input"] * count


def check_lengths(lengths: Sequence[int], names: Names, axis: int, label: str) -> None:
    """Check that all inputs have the same number of rows.

    Raises
    ------
    DataError : they have not; the message has each input with its length.
    """
    if len(set(lengths)) > 1:
        pairs = zip(labels(len(lengths), names), lengths, strict=True)
        listed = ", ".join(f"{entry} has {length}" for entry, length in pairs)
        raise DataError(
            f"{label} have different lengths along axis {axis}: {listed}; give each the same number of rows"
        )
