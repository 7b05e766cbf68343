"""What is measured on the GPU, by whom, and what must be reached."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "symopt"
LOOP = "symopt repeat"
HAND = "CUDA by hand"
COPY = "copy"
TORCH, COMPILED, JAX, SCAN = "torch", "torch.compile", "jax jit", "jax scan"

RULES = {"adam": 7, "rmsprop": 7, "adagrad": 5}
"""The arrays that a step of each must read and write: RMSProp is centred, so it has two states, as Adam has."""
MANY = 200
"""Tensors of a model, of 1e3 to 1e6 elements each."""


@dataclass(frozen=True)
class Claim:
    """One thing to be reached.

    ``share``: the limit's time over ours is at least ``bound``. ``ratio``: our time over a contestant's is at most
    that. ``seconds`` and ``launches``: ours are at most that.
    """

    kind: str
    bound: float
    against: str = ""


@dataclass(frozen=True)
class Work:
    """A work; ``size`` is its elements, tensors or rows, ``tiny`` those where nothing is timed."""

    name: str
    size: int
    tiny: int
    contestants: tuple[str, ...]
    claims: tuple[Claim, ...]
    rtol: float = 1e-4

    @property
    def kind(self) -> str:
        """Which function of a contestant's module does it, and with what: ``update_adam``, ``network``."""
        return self.name.split(" ")[0]


def updates(rule: str) -> list[Work]:
    """The update alone; at 1e8, and over the tensors, nothing fits the cache."""
    name, everybody = f"update_{rule}", (OURS, TORCH, COMPILED, JAX)
    large = Work(name, 10**8, 3001, everybody, (Claim("share", 0.9, COPY), Claim("ratio", 1.0, TORCH)))
    many = Work(f"{name} tensors", MANY, 5, everybody, (Claim("launches", 2), Claim("ratio", 0.8, TORCH)))
    small = [Work(name, size, 100, everybody, (Claim("seconds", 10e-6),)) for size in (10**4, 10**5)]
    return [large, many, *small]


WORKS = (
    *(work for rule in RULES for work in updates(rule)),
    Work(
        name="network",
        size=65_536,  # rows: 200 MB, so that every step has a batch which is not in the cache
        tiny=256,
        contestants=(OURS, LOOP, TORCH, COMPILED, JAX, SCAN),
        claims=(Claim("ratio", 0.8, JAX), Claim("ratio", 0.5, TORCH)),
        rtol=1e-2,  # Adam's first steps are signs of gradients, and some gradients are as small as their rounding
    ),
    Work(
        name="curve",
        size=10**8,
        tiny=5000,
        contestants=(OURS, HAND, TORCH, COMPILED, JAX),
        claims=(Claim("share", 0.8, HAND),),
        rtol=1e-3,  # a sum of 1e8 float32 terms, and steps that are signs of gradients
    ),
)


def moved(work: Work, size: int) -> int | None:
    """The bytes that a step must move through memory at least; None where this is not what limits it."""
    if work.kind.startswith("update_"):
        elements = sum(lengths(size)) if work.name.endswith("tensors") else size
        return RULES[work.kind.removeprefix("update_")] * 4 * elements
    return 2 * 4 * size if work.kind == "curve" else None


def lengths(tensors: int) -> list[int]:
    """The elements of so many tensors: from 1e3 to 1e6, each longer than the one before by the same factor."""
    return [round(1e3 * 1e3 ** (i / max(1, tensors - 1))) for i in range(tensors)]
