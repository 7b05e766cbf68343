"""All works, by name, in the order of the table."""

from __future__ import annotations

from benchmarks.contest import Work
from benchmarks.works import (
    allocation,
    build,
    curve,
    factorization,
    graph,
    imports,
    networks,
    numexpr_network,
    numexpr_rosenbrock,
    rosenbrock,
    start,
    updates,
)

MODULES = (
    *(updates, rosenbrock, factorization, networks, curve, start),
    *(imports, build, numexpr_rosenbrock, numexpr_network, graph, allocation),  # of the numexpr backend
)
WORKS: dict[str, Work] = {work.name: work for module in MODULES for work in module.WORKS}
