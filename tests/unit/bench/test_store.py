"""`warmgraph bench store` measures what it says it measures. How fast anything is, is no matter of tests."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warmgraph.bench import BENCHMARKS, Report
from warmgraph.bench.race import Timing
from warmgraph.bench.store import STORE
from warmgraph.bench.store_corpus import Corpus, Scale
from warmgraph.bench.store_outcome import Bar, Outcome, bars_table, judged
from warmgraph.bench.store_peers import IN_MEMORY, RAM, ROUTED, SQLITE, Peers
from warmgraph.bench.store_search import FLOOR, search_alone
from warmgraph.errors import WarmGraphError

_PEERS = ("langgraph.store.sqlite", "langgraph.store.postgres", "pysqlite3", "warm_memory")
_COMPARISONS = {
    "alone": ["search_8", "search_40"],
    "crowd": ["search_one_of_many", "search_prefix"],
    "access": ["get", "put"],
    "writes": ["write_single", "write_batch", "write_concurrent"],
    "reopen": ["reopen"],
    "memory": [],
}


def _report(*args: str) -> Report:
    parser = argparse.ArgumentParser()
    STORE.configure(parser)
    return STORE.run(parser.parse_args(["--quick", *args]), lambda _: None)


@pytest.mark.parametrize("part", _COMPARISONS)
def test_every_part_runs(part: str) -> None:
    """A quick look runs all of a part, with whatever peers are installed, and passes no verdict."""
    report = _report("--select", part)

    assert STORE in BENCHMARKS
    assert {"not judged"} >= {bar["verdict"] for bar in report.figures["bars"]}
    assert set(_COMPARISONS[part]) == {bar["comparison"] for bar in report.figures["bars"]}
    assert f"warmgraph bench store --select {part} --quick" == report.settings["command"]
    assert json.dumps(report.to_json())
    for name in _COMPARISONS[part]:
        assert all(0 < timing["p50_us"] <= timing["p90_us"] for timing in report.figures[name].values())


def test_peers_that_are_not_installed_are_named_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any peer the stores are measured all the same, and the report says what is missing."""
    for module in _PEERS:
        monkeypatch.setitem(sys.modules, module, None)

    report = _report("--select", "writes")

    assert [ROUTED] == list(report.figures["write_single"])
    assert "Left out: SqliteStore (langgraph-checkpoint-sqlite is not installed)." in report.render()
    assert [True] * 3 == [np.isnan(bar["measured"]) for bar in report.figures["bars"]]


def test_ram_is_told_by_its_parts() -> None:
    """An indexed item is the item, its words and its vector, and a vector is no smaller than its numbers."""
    ram = _report("--select", "memory").figures["ram_bytes_per_item"]

    assert ram["warm_item"] > 0
    assert ram["warm_item_words"] > 0
    assert ram["warm_item_vector"] > 16 * 4
    assert ram["warm_item_with_index"] == pytest.approx(
        ram["warm_item"] + ram["warm_item_words"] + ram["warm_item_vector"]
    )
    assert ram["own_routed_vector"] >= 16 * 4


def test_a_chart_is_drawn_of_what_was_measured(tmp_path: Path) -> None:
    """The chart shows every runner of a comparison."""
    pytest.importorskip("matplotlib")

    report = _report("--select", "reopen", "--chart", str(tmp_path / "store.svg"))

    chart = (tmp_path / "store.svg").read_text(encoding="utf-8")
    assert [] == [name for name in report.figures["reopen"] if name not in chart]


def test_the_same_seed_gives_the_same_corpus() -> None:
    """Texts, questions and vectors come again with their seed; all texts differ, and vectors have length 1."""
    one, same, other = Corpus(50, 20, 8), Corpus(50, 20, 8), Corpus(50, 20, 8, seed=1)

    assert (one.texts, one.queries) == (same.texts, same.queries)
    assert one.texts != other.texts
    assert 50 == len(set(one.texts))
    np.testing.assert_array_equal(one.vectors, same.vectors)
    np.testing.assert_allclose(np.linalg.norm(one.query_vectors, axis=1), 1, rtol=1e-5)


def test_a_lookup_hands_out_new_rows_unless_told_that_they_are_ready() -> None:
    """What a store holds of a text is its own, as with a model; a question's vector costs nothing."""
    corpus = Corpus(2, 2, 4)
    text, question = corpus.texts[0], corpus.queries[0]
    lists, arrays, ready = corpus.lookup(), corpus.lookup(arrays=True), corpus.lookup(ready=True)

    assert corpus.vectors[0].tolist() == lists.embed_documents([text])[0]
    assert lists.embed_query(text) is not lists.embed_query(text)
    assert lists.embed_query(question) is lists.embed_query(question)
    assert ready.embed_query(text) is ready.embed_query(text)
    assert isinstance(arrays.embed_query(question), np.ndarray)
    assert not np.shares_memory(arrays.embed_query(text), corpus.vectors)


def test_a_store_that_answers_otherwise_is_not_compared(tmp_path: Path) -> None:
    """Two stores that find different items do different work, and their times say nothing."""

    class Forgetful(Peers):
        def open(self, name: str, corpus: Corpus, *, capacity: int, ready: bool = False) -> Any:
            return super().open(name, corpus, capacity=capacity if name != RAM else 4, ready=ready)

    with pytest.raises(WarmGraphError, match="WarmStore, file"):
        search_alone(Forgetful(tmp_path), Scale.quick(), 20, (8.0, 4.0))


def test_bars_are_met_or_missed() -> None:
    """At least so many times as fast, at most so many times as long, at most so many seconds."""
    timings = {
        RAM: Timing(calls=[1.0], laps=[1.0], cpu=[1.0]),
        IN_MEMORY: Timing(calls=[10.0], laps=[10.0], cpu=[10.0]),
        FLOOR: Timing(calls=[0.2], laps=[0.2], cpu=[0.2]),
    }
    bars = [
        Bar(RAM, IN_MEMORY, least=8),
        Bar(RAM, IN_MEMORY, least=12),
        Bar(RAM, FLOOR, most=4),
        Bar(RAM, most=1),
        Bar(RAM, SQLITE, least=1),
    ]
    outcome = Outcome("search", "search", timings, bars)

    found = judged([outcome], apply=True)

    assert ["met", "missed", "missed", "met", "not judged"] == [bar["verdict"] for bar in found]
    assert [10.0, 10.0, 5.0, 1.0] == [bar["measured"] for bar in found[:4]]
    assert {"not judged"} == {bar["verdict"] for bar in judged([outcome], apply=False)}
    assert "WarmStore, RAM / InMemoryStore" in bars_table(found, {"search": "search"}).render()


def test_what_happens_in_ram_is_judged_by_the_less_favourable_clock() -> None:
    """Calls that were interrupted, or that waited for each other, do not make a bar easier to meet."""
    timings = {
        RAM: Timing(calls=[1.0], laps=[1.0], cpu=[0.5]),
        IN_MEMORY: Timing(calls=[40.0], laps=[40.0], cpu=[5.0]),
        FLOOR: Timing(calls=[0.5], laps=[0.5], cpu=[0.125]),
    }
    bars = [Bar(RAM, IN_MEMORY, least=20), Bar(RAM, FLOOR, most=3)]

    in_ram = judged([Outcome("search", "search", timings, bars)], apply=True)
    on_disk = judged([Outcome("write", "write", timings, bars, waits=True)], apply=True)

    assert [("missed", 10.0, 40.0), ("missed", 4.0, 2.0)] == [
        (bar["verdict"], bar["measured"], bar["on_the_wall"]) for bar in in_ram
    ]
    assert [("met", 40.0), ("met", 2.0)] == [(bar["verdict"], bar["measured"]) for bar in on_disk]


def test_a_write_of_many_is_told_by_the_item() -> None:
    """A batch of a hundred that takes a second costs an item 10 milliseconds."""
    outcome = Outcome("batch", "batch", {ROUTED: Timing(calls=[1.0, 1.0], laps=[1.0, 1.0], cpu=[1.0, 1.0])}, items=100)

    assert {ROUTED: (10_000.0, 10_000.0)} == outcome.microseconds
    assert "us an item" in outcome.table().render()
