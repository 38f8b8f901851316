"""Recall and time of indexes, side by side."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from time import perf_counter
from typing import Any

import numpy as np

from warmgraph.bench.index_data import Corpus, Floats, neighbours
from warmgraph.bench.index_engines import Engine
from warmgraph.bench.report import percentile

__all__ = ["Outcome", "compare", "recall", "time_searches"]

_ROUNDS = 5
_WRITES = 256
_SECONDS = 20.0
"""Time for the searches of one engine in one round; slow ones get fewer queries."""


@dataclass(slots=True)
class Outcome:
    """What was measured of one engine at one size.

    Attributes:
        name: The engine.
        level: Its setting.
        recall: Share of the true best k found.
        p50_us: Median search; the best of some rounds for each query, microseconds.
        p99_us: The search that one in a hundred is slower than.
        build_s: Seconds to take in all vectors.
        insert_us: Mean of one insert into the live index, in the best of some rounds, microseconds; NaN where it
            cannot.
        update_us: The same for replacing a vector.
        delete_us: The same for removing one.
        bytes_per_item: RAM.
    """

    name: str
    level: int
    recall: float
    p50_us: float
    p99_us: float
    build_s: float
    insert_us: float
    update_us: float
    delete_us: float
    bytes_per_item: float

    def figures(self) -> dict[str, Any]:
        """Return all of it for a file."""
        return asdict(self)


def compare(
    corpus: Corpus,
    count: int,
    engines: Sequence[Engine],
    *,
    k: int,
    target: float,
    tell: Callable[[str], None],
) -> list[Outcome]:
    """Build each engine, set it so that it reaches a recall, and time searches by turns, then writes.

    Args:
        corpus: What to store and to ask.
        count: Vectors to store.
        engines: Not built yet.
        k: Hits wanted.
        target: Recall wanted; an engine that cannot reach it is measured at its most thorough.
        tell: Takes a line of progress.
    """
    vectors = corpus.vectors(count)
    truth = neighbours(corpus, count, k)
    built, levels, recalls = [], [], []
    for engine in engines:
        tell(f"{count:,}: building {engine.name}")
        began = perf_counter()
        engine.build(vectors)
        built.append(perf_counter() - began)
        for level in engine.levels:
            engine.set_level(level)
            reached = recall(engine, corpus.queries, truth, k)
            if reached >= target:
                break
        levels.append(level)
        recalls.append(reached)
    tell(f"{count:,}: searching")
    times = time_searches(engines, corpus.queries, k)
    outcomes = []
    for at, engine in enumerate(engines):
        tell(f"{count:,}: writing to {engine.name}")
        inserts, updates, deletes = _time_writes(engine, corpus, count)
        outcomes.append(
            Outcome(
                engine.name,
                levels[at],
                recalls[at],
                1e6 * median(times[at]),
                1e6 * percentile(times[at], 0.99),
                built[at],
                inserts,
                updates,
                deletes,
                engine.bytes_per_item(count),
            )
        )
    return outcomes


def recall(engine: Engine, queries: Floats, truth: Sequence[set[int]], k: int) -> float:
    """Return the share of the true best that is found."""
    return fmean(
        len(best.intersection(engine.search(query, k).tolist())) / k for query, best in zip(queries, truth, strict=True)
    )


def time_searches(engines: Sequence[Engine], queries: Floats, k: int) -> list[list[float]]:
    """Return the seconds of each query, by engine: the best of some rounds, in which the engines take turns.

    The best of rounds, because the machine may do other things meanwhile; by turns, because it does so for minutes.
    """
    best = [np.full(len(queries), np.inf) for _ in engines]
    gc.collect()
    gc.disable()
    try:
        for turn in range(_ROUNDS):
            for place in range(len(engines)):
                at = (turn + place) % len(engines)
                began = perf_counter()
                for number, query in enumerate(queries):
                    before = perf_counter()
                    engines[at].search(query, k)
                    after = perf_counter()
                    best[at][number] = min(best[at][number], after - before)
                    if after - began > _SECONDS / _ROUNDS:
                        break
    finally:
        gc.enable()
    return [times[np.isfinite(times)].tolist() for times in best]


def _time_writes(engine: Engine, corpus: Corpus, count: int) -> tuple[float, float, float]:
    """Return the mean microseconds of an insert, an update and a delete, one at a time; the last leaves what was.

    The mean, because some writes do the work that others have put off; the best of some rounds, as with searches. No
    name is used twice: to add what was removed is not an insert everywhere.
    """
    rng = np.random.default_rng(1)
    rows = corpus.queries[rng.integers(0, len(corpus.queries), 2 * _WRITES)]
    rows = rows + 0.3 * rng.standard_normal(rows.shape).astype(np.float32) / corpus.dims**0.5
    rows /= np.linalg.norm(rows, axis=1)[:, None]

    def timed(write: Callable[[int, int], None], first: int) -> float:
        began = perf_counter()
        try:
            for at in range(_WRITES):
                write(first + at, at)
        except NotImplementedError:
            return float("nan")
        return 1e6 * (perf_counter() - began) / _WRITES

    rounds = []
    began = perf_counter()
    for turn in range(_ROUNDS):
        first = count + turn * _WRITES
        rounds.append(
            (
                timed(lambda name, at: engine.insert(name, rows[at]), first),
                timed(lambda name, at: engine.insert(name, rows[_WRITES + at]), first),
                timed(lambda name, at: engine.remove(name), first),
            )
        )
        if perf_counter() - began > _SECONDS:
            break
    inserts, updates, deletes = (min(times) for times in zip(*rounds, strict=True))
    return inserts, updates, deletes
