"""The benchmarks there are. Each is one module that ends in a `Benchmark`; adding one is adding a line here."""

from __future__ import annotations

from warmgraph.bench.benchmark import Benchmark
from warmgraph.bench.buffer import BUFFER
from warmgraph.bench.compare import COMPARE
from warmgraph.bench.consolidate import CONSOLIDATE
from warmgraph.bench.experiments import RUN
from warmgraph.bench.imports import IMPORT
from warmgraph.bench.index import INDEX
from warmgraph.bench.inline import INLINE
from warmgraph.bench.locomo import LOCOMO
from warmgraph.bench.packing import PACKING
from warmgraph.bench.page import PAGE
from warmgraph.bench.postgres import POSTGRES
from warmgraph.bench.reflection import REFLECTION
from warmgraph.bench.replay import REPLAY
from warmgraph.bench.store import STORE
from warmgraph.bench.turn import TURN
from warmgraph.bench.upkeep import UPKEEP

__all__ = ["BENCHMARKS"]

BENCHMARKS: tuple[Benchmark, ...] = (
    TURN,
    STORE,
    INDEX,
    RUN,
    REFLECTION,
    INLINE,
    PAGE,
    BUFFER,
    LOCOMO,
    REPLAY,
    POSTGRES,
    PACKING,
    COMPARE,
    CONSOLIDATE,
    IMPORT,
    UPKEEP,
)
