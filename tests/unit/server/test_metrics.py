"""Figures for Prometheus."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.postgres_server import database_uri, postgres_server
from warmgraph import MemoryContext, ReflectionExecutor, WarmStore, create_memory_agent
from warmgraph.ranking import PeekRouter, RouteDecision, Signals
from warmgraph.recall import ReceiptHub, receipts
from warmgraph.server.metrics import Metrics, register_metrics

__all__ = ["database_uri", "postgres_server"]

SECRET, USER = "heliotrope", "ana-with-a-name"


def shown(metrics: Metrics, registry: CollectorRegistry) -> tuple[dict[tuple[str, str], float], str]:
    asyncio.run(metrics.refresh())
    text = generate_latest(registry).decode()
    found = {
        (sample.name, sample.labels.get("outcome", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }
    return found, text


def test_a_conversation_shows_in_the_figures_without_a_word_of_it() -> None:
    """Hits, misses, writes, bytes and latencies are counted; no text, key or user is named."""
    registry = CollectorRegistry()
    before = receipts.counts()
    with WarmStore.open(":memory:") as store:
        metrics = register_metrics(lambda: store, registry)
        agent = create_memory_agent("offline", store=store)
        for text in (f"My safe opens with the word {SECRET}.", "Which word opens my safe?", "Where is it?"):
            agent.invoke({"messages": text}, context=MemoryContext(USER))
        figures, told = shown(metrics, registry)
    hits, misses = (figures[("warmgraph_recalls_total", outcome)] for outcome in ("hit", "miss"))
    assert 3 == hits + misses - before["hit"] - before["miss"]
    assert hits == figures[("warmgraph_recall_seconds_count", "hit")]
    assert figures[("warmgraph_recall_seconds_sum", "hit")] > 0
    assert 6 == figures[("warmgraph_items", "")] == figures[("warmgraph_warm_items", "")]
    assert figures[("warmgraph_file_bytes", "")] >= 0
    assert figures[("warmgraph_warm_bytes", "")] > 0
    assert {"warmgraph_fallbacks_total", "warmgraph_evictions_total", "warmgraph_errors_total"} <= {
        name for name, _ in figures
    }
    for private in (SECRET, USER, "safe", "memories"):
        assert private not in told


def test_latencies_are_a_cumulative_histogram() -> None:
    """Each bucket holds all that took no longer, and the last one everything."""
    hub, registry = ReceiptHub(), CollectorRegistry()
    metrics = Metrics(WarmStore, hub=hub)
    registry.register(metrics)
    for milliseconds in (0.2, 0.2, 30.0, 60_000.0):
        event: Any = {"type": "memory_remember", "namespace": [], "keys": [], "milliseconds": milliseconds}
        hub.publish(event)
    [family] = [f for f in registry.collect() if f.name == "warmgraph_remember_seconds"]
    buckets = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (2, 2, 3, 3, 4) == tuple(buckets[end] for end in ("0.00025", "0.025", "0.05", "5.0", "+Inf"))


def test_jobs_that_wait_are_the_depth_of_the_queue() -> None:
    """Those of all executors of the process that are open."""
    registry = CollectorRegistry()
    metrics = register_metrics(WarmStore, registry)
    with ReflectionExecutor(lambda payload: None, ("memories", "{user_id}")) as executor:
        config: Any = {"configurable": {"user_id": USER}}
        for thread in ("1", "2"):
            executor.submit({"messages": []}, config, after_seconds=3600, thread_id=thread)
        figures, told = shown(metrics, registry)
        assert 2 == figures[("warmgraph_reflection_queue_depth", "")]
        assert USER not in told
        executor.shutdown(cancel_futures=True)


def test_a_database_shows_whether_it_is_there(database_uri: str) -> None:
    """And how often it was asked, and what waits for it."""
    registry = CollectorRegistry()
    with WarmStore.open(database_uri) as store:
        store.put(("memories", USER), "1", {"content": SECRET})
        figures, told = shown(register_metrics(lambda: store, registry), registry)
    assert (0, 0) == (figures[("warmgraph_database_away", "")], figures[("warmgraph_outbox_waiting", "")])
    assert figures[("warmgraph_database_calls_total", "")] >= 1
    assert USER not in told


@dataclass(frozen=True)
class Loss:
    value: float
    high: float
    checks: int


@dataclass(frozen=True)
class Observed:
    loss: Loss


class ObservingRouter:
    """A router that says what its warm answers lose."""

    def decide(self, signals: Signals) -> RouteDecision:
        return PeekRouter().decide(signals)

    def stats(self) -> Observed:
        return Observed(Loss(0.012, 0.02, 40))


def test_a_router_that_observes_its_loss_shows_it() -> None:
    """With the upper end of the estimate, and on how much it rests; other routers show nothing."""
    registry = CollectorRegistry()
    figures, _ = shown(register_metrics(lambda: WarmStore(router=ObservingRouter()), registry), registry)
    assert (0.012, 0.02, 40) == tuple(
        figures[(f"warmgraph_router_{name}", "")] for name in ("loss", "loss_high", "checks")
    )
    registry = CollectorRegistry()
    figures, _ = shown(register_metrics(WarmStore, registry), registry)
    assert not any("router" in name for name, _ in figures)


def test_a_store_that_fails_costs_its_own_figures_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The rest is shown, and the log says why."""
    registry = CollectorRegistry()

    def broken() -> WarmStore:
        raise OSError("no such file")

    figures, _ = shown(register_metrics(broken, registry), registry)
    assert ("warmgraph_recalls_total", "hit") in figures
    assert ("warmgraph_warm_items", "") not in figures
    assert "gave no figures" in caplog.text
