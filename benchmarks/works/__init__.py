"""All works, by name, in the order of the table."""

from __future__ import annotations

from benchmarks.contest import Work
from benchmarks.works import allocation, build, graph, imports, network, rosenbrock, updates

WORKS: dict[str, Work] = {
    work.name: work
    for module in (imports, build, updates, rosenbrock, network, graph, allocation)
    for work in module.WORKS
}
