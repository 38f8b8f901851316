"""An index that is written to: recall after churn, searches while cells are made anew, size and growth."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep, thread_time
from typing import Any

import numpy as np

from warmgraph.bench.index_data import Corpus, neighbours
from warmgraph.bench.index_engines import Routed
from warmgraph.bench.index_timing import recall, time_searches
from warmgraph.bench.report import percentile

__all__ = ["churn", "exponent", "grow"]

_LAPS = 5
"""Refits with searches beside them."""


def churn(corpus: Corpus, count: int, k: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Replace, or remove and add again, each vector three times; then refit while searches go on.

    Returns:
        Recall of a fresh index and after the churn, and searches in microseconds: alone, during refits, and, as a
        control, as many beside a thread that multiplies matrices and sleeps. Time in which this thread could have run,
        and other programs had the processors, does not count where the system tells it, nor that in which the other
        thread could have; waiting for that thread's locks does, the interpreter's among them. The worst search is that
        of the calmest of some laps: what a host does to a virtual machine nobody tells.
    """
    vectors, truth = corpus.vectors(count), neighbours(corpus, count, k)
    fresh = Routed(corpus.dims)
    fresh.build(vectors)
    before = recall(fresh, corpus.queries, truth, k)
    rng = np.random.default_rng(corpus.seed)
    index = fresh.index
    began = perf_counter()
    for lap in range(3):
        tell(f"churn {lap + 1} of 3: {count:,} vectors")
        order = rng.permutation(count)
        for start in range(0, count, 32):
            slots = order[start : start + 32]
            if rng.random() < 0.5:
                index.remove(slots.tolist())
            elif lap < 2:  # for a while something else is there
                index.upsert(slots, vectors[rng.permutation(slots)])
            index.upsert(slots, vectors[slots])
    spent = perf_counter() - began
    after = recall(fresh, corpus.queries, truth, k)
    return {
        "items": count,
        "recall_fresh": before,
        "recall_after_churn": after,
        "write_us": 1e6 * spent / (3 * count),
        **_search_during_refit(fresh, corpus, k, tell),
        "recall_after_refit": recall(fresh, corpus.queries, truth, k),
    }


def _search_during_refit(engine: Routed, corpus: Corpus, k: int, tell: Callable[[str], None]) -> dict[str, Any]:
    lock = threading.RLock()

    def once(number: int, other: threading.Thread | None) -> float:
        queued, behind, ran, began = _queued(), _queued(other), thread_time(), perf_counter()
        with lock:
            engine.search(corpus.queries[number % len(corpus.queries)], k)
        spent, ran = perf_counter() - began, thread_time() - ran
        queued, behind = _queued() - queued, max(_queued(other) - behind, 0.0)
        waited = max(spent - ran - queued, 0.0)  # for the other thread, which may have waited for a processor itself
        return max(spent - queued - min(behind, waited), 1e-6)

    def beside(worker: threading.Thread, most: float = float("inf")) -> list[float]:
        worker.start()
        times: list[float] = []
        while worker.is_alive() and len(times) < most:
            times.append(once(len(times), worker))
        return times

    laps: dict[str, list[list[float]]] = {"alone": [], "refit": [], "control": []}
    spent = 0.0
    gc.collect()
    gc.disable()
    try:
        for lap in range(_LAPS):
            tell(f"refit {lap + 1} of {_LAPS}, with searches beside it")
            laps["alone"].append([once(number, None) for number in range(1_000)])
            began = perf_counter()
            laps["refit"].append(beside(threading.Thread(target=engine.index.refit, args=(lock,))))
            spent += perf_counter() - began
            stop = threading.Event()
            control = threading.Thread(target=_multiply, args=(stop,))
            laps["control"].append(beside(control, most=len(laps["refit"][-1])))
            stop.set()
            control.join()
    finally:
        gc.enable()
    figures: dict[str, Any] = {"refit_s": spent / _LAPS, "searches_during_refit": sum(map(len, laps["refit"]))}
    for name, found in laps.items():
        times = [seconds for lap in found for seconds in lap]
        for label, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
            figures[f"{name}_{label}_us"] = 1e6 * percentile(times, share)
        figures[f"{name}_worst_us"] = 1e6 * min(max(lap, default=float("nan")) for lap in found)
    return figures


def _multiply(stop: threading.Event) -> None:
    """Work as numpy does, without the interpreter, and sleep by turns."""
    one, other = np.ones((128, 384), np.float32), np.ones((384, 1024), np.float32)
    while not stop.is_set():
        one @ other
        sleep(0.0005)


def grow(corpus: Corpus, sizes: list[int], k: int, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure `RoutedIndex` with vectors in a mapped file at each size.

    Returns:
        For each size recall, searches in microseconds, and bytes: as the index counts them, and as the system does.
    """
    found = []
    for count in sizes:
        tell(f"growth: {count:,} vectors")
        truth = neighbours(corpus, count, k)
        with TemporaryDirectory() as directory:
            gc.collect()
            resident = _private_bytes()
            engine = Routed(corpus.dims, Path(directory))
            began = perf_counter()
            engine.build_from(corpus.blocks(count))
            built = perf_counter() - began
            gc.collect()
            grown = None if resident is None else (_private_bytes() or 0) - resident
            reached = recall(engine, corpus.queries, truth, k)
            times = time_searches([engine], corpus.queries, k)[0]
            stats = engine.index.stats()
            found.append(
                {
                    "items": count,
                    "mode": stats.mode,
                    "nlist": stats.nlist,
                    "recall": reached,
                    "p50_us": 1e6 * median(times),
                    "p99_us": 1e6 * percentile(times, 0.99),
                    "build_s": built,
                    "ram_bytes_per_item": stats.ram_bytes_per_vector,
                    "fixed_bytes": stats.fixed_bytes,
                    "disk_bytes_per_item": stats.disk_bytes / count,
                    "resident_bytes": grown,
                }
            )
            engine.index.close()
    return found


def exponent(found: list[dict[str, Any]]) -> float:
    """Return how the median search grows: N to the power of this, by least squares over the logarithms."""
    sizes = np.log([each["items"] for each in found])
    return (
        float(np.polyfit(sizes, np.log([each["p50_us"] for each in found]), 1)[0]) if len(found) > 1 else float("nan")
    )


def _queued(thread: threading.Thread | None = None) -> float:
    """Return the seconds that a thread, or this one, has waited for a processor; 0 where the system does not say."""
    path = "/proc/thread-self/schedstat" if thread is None else f"/proc/self/task/{thread.native_id}/schedstat"
    try:
        return int(Path(path).read_bytes().split()[1]) / 1e9
    except OSError:
        return 0.0


def _private_bytes() -> int | None:
    """Return the memory of this process without what is mapped from files; `None` where the system does not say."""
    if not sys.platform.startswith("linux"):
        return None
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return None
