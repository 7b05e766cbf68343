"""What came of a work, and whether that is what must be reached."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from benchmarks.gpu.works import COPY, HAND, OURS, Claim, Work, moved


@dataclass
class Outcome:
    """The answers of all contestants at one work; ``bandwidth`` is that of a copy, in bytes a second."""

    work: Work
    size: int
    bandwidth: float | None
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def median(self, name: str) -> float | None:
        """The seconds of a step; None where there is no figure, or a wrong result."""
        said = self.answers.get(name, {})
        return statistics.median(said["figures"]) if said.get("figures") and not said.get("wrong") else None

    def copying(self) -> float | None:
        """The seconds in which a copy moves what a step must move."""
        count = moved(self.work, self.size)
        return None if count is None or self.bandwidth is None else count / self.bandwidth

    def limit(self) -> tuple[float, str] | None:
        """The seconds of the limit, and what it is: what is written by hand counts where it is slower than a copy."""
        limits = {COPY: self.copying(), HAND: self.median(HAND)}
        known = {name: seconds for name, seconds in limits.items() if seconds is not None}
        return max((seconds, name) for name, seconds in known.items()) if known else None

    def reached(self, claim: Claim) -> float | None:
        """The number that a claim bounds; None where it cannot be told."""
        ours = self.median(OURS)
        if claim.kind == "launches":
            return self.answers.get(OURS, {}).get("launches")
        if ours is None or claim.kind == "seconds":
            return ours
        if claim.kind == "ratio":
            other = self.median(claim.against)
            return None if other is None else ours / other
        limit = self.limit()
        return None if limit is None else limit[0] / ours

    def met(self, claim: Claim) -> bool | None:
        """Whether it is reached; None where that cannot be told."""
        value = self.reached(claim)
        if value is None:
            return None
        return value >= claim.bound if claim.kind == "share" else value <= claim.bound

    def verdict(self) -> str:
        """Of all claims together."""
        if self.answers.get(OURS, {}).get("wrong"):
            return "WRONG"
        met = [self.met(claim) for claim in self.work.claims]
        return "MISS" if False in met else "-" if None in met else "ok"

    def notes(self) -> list[str]:
        """What failed, and which results are wrong."""
        found = []
        for name, said in self.answers.items():
            if problem := said.get("error") or said.get("wrong"):
                kind = "failed" if said.get("error") else "is wrong, and so is not counted"
                found.append(f"{self.work.name} {self.size}: {name} {kind}: {problem}")
        return found

    def raw(self) -> dict[str, object]:
        """All of it, for a file."""
        claims = [
            {"kind": c.kind, "bound": c.bound, "against": c.against, "reached": self.reached(c), "met": self.met(c)}
            for c in self.work.claims
        ]
        limit = self.limit()
        said = {"work": self.work.name, "size": self.size, "limit": limit, "claims": claims, "verdict": self.verdict()}
        return said | {"contestants": self.answers}
