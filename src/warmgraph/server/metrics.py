"""Figures for Prometheus: hits, misses, fallbacks, evictions, latencies, jobs that wait, what routing costs, bytes.

They are registered where LangGraph's server has its own, so one request for `/metrics` answers with both. No label
names a user, a namespace or a text.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from langgraph.store.base import BaseStore

from warmgraph.errors import MissingDependencyError
from warmgraph.recall import ReceiptHub, receipts
from warmgraph.recall.hub import BUCKETS, Kind, Latencies
from warmgraph.reflection.executor import open_executors
from warmgraph.store import RoutedStats, RoutedStore, WarmStats, WarmStore
from warmgraph.store.postgres import PostgresLongTerm

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

__all__ = ["Metrics", "register_metrics"]

_logger = logging.getLogger(__name__)
_registered: Metrics | None = None


class _Database(NamedTuple):
    """Of a PostgreSQL database: whether it is away, how many batches of writes wait for it, how often it was asked."""

    away: bool
    waiting: int
    calls: int


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What had to be asked for: of a disk, or of a server."""

    warm: WarmStats | None = None
    long_term: RoutedStats | None = None
    database: _Database | None = None
    router: Any = None
    jobs: int | None = None


class Metrics:
    """A collector of Prometheus' client.

    Collecting itself waits for nothing, as it happens on an event loop; `refresh` asks before what has to be asked for.

    Args:
        store: Returns the store; called in a thread.
        hub: The receipts that are counted.
        reflection: Name of the graph that reflects on this server.
    """

    def __init__(self, store: Callable[[], BaseStore], *, hub: ReceiptHub = receipts, reflection: str = "reflect"):
        self._store, self._hub, self._reflection = store, hub, reflection
        self._seen = _Snapshot()

    async def refresh(self) -> None:
        """Ask the store and the queues for their figures. What fails is left out until the next time."""
        seen = await asyncio.to_thread(self._look)
        waiting = await _busy_threads(self._reflection)
        if waiting is not None:
            seen = replace(seen, jobs=(seen.jobs or 0) + waiting)
        self._seen = seen

    def describe(self) -> list[Metric]:
        """Name nothing in advance."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all figures."""
        yield from _of_receipts(self._hub.counts(), self._hub.latencies())
        seen = self._seen
        if seen.warm is not None:
            yield from _of_warm(seen.warm)
        if seen.long_term is not None:
            yield from _of_long_term(seen.long_term)
        if seen.database is not None:
            yield from _of_database(seen.database)
        if seen.router is not None:
            yield from _of_router(seen.router)
        if seen.jobs is not None:
            yield _gauge("reflection_queue_depth", "Reflection jobs that wait or run", seen.jobs)

    def _look(self) -> _Snapshot:
        warm = long_term = database = router = None
        try:
            store = self._store()
            if isinstance(store, WarmStore):
                warm = store.stats()
                router = _router_stats(store.router)
                store = store.long_term or store
            if isinstance(store, RoutedStore):
                long_term = store.stats()
            elif isinstance(store, PostgresLongTerm):
                database = _Database(store.away is not None, store.waiting, store.calls)
        except Exception:
            _logger.warning("the store gave no figures", exc_info=True)
        return _Snapshot(warm, long_term, database, router, _waiting_jobs())


def register_metrics(store: Callable[[], BaseStore], registry: CollectorRegistry | None = None) -> Metrics:
    """Register the figures of this process, once.

    Args:
        store: Returns the store; called in a thread.
        registry: Where; by default where LangGraph's server has its own, and shows them at `/metrics`.

    Raises:
        MissingDependencyError: The extra `server` is not installed.

    Example:
        >>> from prometheus_client import CollectorRegistry, generate_latest
        >>> registry = CollectorRegistry()
        >>> metrics = register_metrics(WarmStore, registry)
        >>> asyncio.run(metrics.refresh())
        >>> "warmgraph_warm_items 0.0" in generate_latest(registry).decode()
        True
    """
    global _registered
    try:
        from prometheus_client import REGISTRY
    except ImportError:
        raise MissingDependencyError("prometheus-client", extra="server") from None
    metrics = Metrics(store)
    if registry is None or registry is REGISTRY:
        if _registered is not None:
            REGISTRY.unregister(_registered)
        _registered, registry = metrics, REGISTRY
    registry.register(metrics)
    return metrics


def _of_receipts(counts: dict[Kind, int], latencies: dict[Kind, Latencies]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    recalls = CounterMetricFamily("warmgraph_recalls", "Recalls of graphs, by what answered", labels=["outcome"])
    took = HistogramMetricFamily("warmgraph_recall_seconds", "Time of a recall, over all nodes", labels=["outcome"])
    for outcome in ("hit", "miss"):
        recalls.add_metric([outcome], counts.get(outcome, 0))
        _add(took, [outcome], latencies.get(outcome))
    yield recalls
    yield took
    for kind, does in (("remember", "the write of a turn"), ("summarize", "a summary")):
        histogram = HistogramMetricFamily(f"warmgraph_{kind}_seconds", f"Time of {does}", labels=[])
        _add(histogram, [], latencies.get(kind))  # type: ignore[call-overload]
        yield histogram
    yield _counter("reflections_scheduled", "Reflections that turns asked for", counts.get("schedule_reflection", 0))
    yield _counter("errors", "Failures of memory, none of which cost an answer", counts.get("error", 0))


def _of_warm(stats: WarmStats) -> Iterator[Metric]:
    yield _counter("warm_recalls", "Recalls of the warm tier", stats.recalls)
    yield _counter("fallbacks", "Recalls of the long-term tier", stats.fallbacks)
    yield _counter("gets", "Reads by key", stats.gets)
    yield _counter("get_hits", "Reads by key that were answered from RAM", stats.get_hits)
    yield _counter("evictions", "Items that had to make room in the warm tier", stats.evictions)
    yield _gauge("warm_items", "Warm items", stats.items)
    yield _gauge("warm_namespaces", "Namespaces in RAM", stats.namespaces)
    yield _gauge("warm_bytes", "Bytes of the warm items", stats.bytes + stats.arena_bytes)


def _of_long_term(stats: RoutedStats) -> Iterator[Metric]:
    yield _gauge("items", "Items in the file", stats.items)
    yield _gauge("file_bytes", "Bytes of the file and its log", stats.file_bytes)
    yield _gauge("lexical_index_bytes", "RAM of the word indexes", stats.lexical_bytes)
    yield _gauge("vector_index_bytes", "RAM of the vector indexes", stats.vector_bytes)
    yield _gauge("vector_disk_bytes", "Disk of the vectors of large namespaces, mapped", stats.vector_disk_bytes)
    yield _counter("refits", "Times that codes and cells were made", stats.refits)
    yield _counter("failed_refits", "Of these, those that failed", stats.failed_refits)
    yield _gauge("loaded_namespaces", "Namespaces whose index is in RAM", stats.namespaces_loaded)
    yield _gauge("ranks_by_words", "Whether vectors are of another model and not compared", int(stats.ranks_by_words))
    yield _counter("sweeps", "Rounds of the sweeper", stats.sweeps)
    yield _counter("failed_sweeps", "Rounds of the sweeper that failed", stats.failed_sweeps)


def _of_database(database: _Database) -> Iterator[Metric]:
    yield _gauge("database_away", "Whether the database cannot be asked", int(database.away))
    yield _gauge("outbox_waiting", "Batches of writes that wait for the database", database.waiting)
    yield _counter("database_calls", "Times that the database was asked for somebody", database.calls)


def _of_router(stats: Any) -> Iterator[Metric]:
    loss = stats.loss
    yield _gauge("router_loss", "Observed share that warm answers miss of what the long-term tier has", loss.value)
    yield _gauge("router_loss_high", "Upper end of its 95% interval", loss.high)
    yield _gauge("router_checks", "Compared recalls that it rests on", loss.checks)


def _router_stats(router: Any) -> Any:
    """Return the figures of a router that observes what its warm answers lose."""
    stats = getattr(router, "stats", None)
    found = stats() if callable(stats) else None
    return found if hasattr(found, "loss") else None


def _waiting_jobs() -> int | None:
    executors = open_executors()
    if not executors:
        return None
    return sum(job.state != "dead" for executor in executors for job in executor.jobs())


async def _busy_threads(graph: str) -> int | None:
    """Return how many threads of a graph have runs that wait or run, where this is a LangGraph server."""
    if "langgraph_api.server" not in sys.modules:
        return None
    from langgraph_sdk import get_client

    try:
        async with get_client() as client:
            return int(await client.threads.count(metadata={"graph_id": graph}, status="busy"))
    except Exception:
        _logger.warning("the server did not say how many reflections wait", exc_info=True)
        return None


def _add(histogram: Any, labels: list[str], latencies: Latencies | None) -> None:
    counts = latencies.counts if latencies is not None else (0,) * (len(BUCKETS) + 1)
    total, buckets = 0, []
    for end, count in zip([*map(str, BUCKETS), "+Inf"], counts, strict=True):
        total += count
        buckets.append((end, total))
    histogram.add_metric(labels, buckets, sum_value=0.0 if latencies is None else latencies.seconds)


def _counter(name: str, about: str, value: float) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    return CounterMetricFamily(f"warmgraph_{name}", about, value=value)


def _gauge(name: str, about: str, value: float) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"warmgraph_{name}", about, value=value)
