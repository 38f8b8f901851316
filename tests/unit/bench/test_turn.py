"""`warmgraph bench turn` measures what it says it measures. How fast anything is, is no matter of tests."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from warmgraph.bench import BENCHMARKS
from warmgraph.bench.turn import TURN
from warmgraph.bench.turn_graphs import NAMESPACE, InstantChatModel, TimedStore, create_bare_graph, fill
from warmgraph.bench.turn_timing import profile_turns, time_nodes, time_turns
from warmgraph.prebuilt import MemoryContext, create_memory_agent


@pytest.mark.parametrize("use_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("checkpoints", [False, True], ids=["no-checkpointer", "checkpointer"])
def test_every_lap_runs_each_graph_once(use_async: bool, checkpoints: bool) -> None:
    """Laps after the warm-up are kept for all three graphs, and only the agents write."""
    laps = time_turns(3, 1, 40, use_async=use_async, checkpoints=checkpoints)

    assert [3] * 5 == [len(laps.bare), len(laps.ram), len(laps.file), len(laps.ram_writes), len(laps.file_writes)]
    assert [0.0] * 3 == laps.bare_writes
    assert all(0 < write < turn for write, turn in zip(laps.file_writes, laps.file, strict=True))
    assert all(0 < write < turn for write, turn in zip(laps.ram_writes, laps.ram, strict=True))


@pytest.mark.parametrize("use_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("on_file", [False, True], ids=["ram", "file"])
def test_every_node_on_the_way_of_a_hit_is_timed(use_async: bool, on_file: bool) -> None:
    """A warm hit visits all nodes but the fallback, each once."""
    spent = time_nodes(2, 1, 40, use_async=use_async, on_file=on_file)

    assert {"recall": 2, "warm_hit": 2, "pack_context": 2, "agent": 2, "remember": 2} == {
        name: len(seconds) for name, seconds in spent.items()
    }


def test_the_bare_graph_takes_the_same_way() -> None:
    """Both graphs have the same nodes, edges, input and output, and visit the same nodes in the same order."""
    store = TimedStore()
    question = fill(store, 40)
    agent = create_memory_agent(InstantChatModel(), store=store)
    asked: Any = {"messages": [HumanMessage(question)]}
    ana = MemoryContext(user_id="ana")
    sample = agent.invoke(asked, context=ana)["recall"]
    bare = create_bare_graph(InstantChatModel(), sample)
    abare = create_bare_graph(InstantChatModel(), sample, use_async=True)

    async def way_of_abare() -> list[str]:
        return [name async for step in abare.astream(asked, context=ana) for name in step]

    way = [name for step in agent.stream(asked, context=ana) for name in step]

    assert way == [name for step in bare.stream(asked, context=ana) for name in step]
    assert way == asyncio.run(way_of_abare())
    assert agent.get_graph().draw_mermaid() == bare.get_graph().draw_mermaid()
    assert agent.get_output_jsonschema()["properties"].keys() == bare.get_output_jsonschema()["properties"].keys()
    assert agent.invoke(asked, context=ana).keys() - {"memory_errors"} == bare.invoke(asked, context=ana).keys() - {
        "memory_errors"
    }


def test_every_turn_finds_the_same_memories(tmp_path: Path) -> None:
    """The made-up memories are the same for the same seed, and the question finds the one that it was made from."""
    with TimedStore.open(tmp_path / "memory.db") as store:
        question = fill(store, 60)

        assert question == fill(TimedStore(), 60)
        assert question != fill(TimedStore(), 60, seed=1)
        assert "turn-30" == store.recall_long_term(NAMESPACE, question).items[0].key
        assert store.take_writing() > 0
        assert 0.0 == store.take_writing()


def test_the_profile_names_functions_of_ours() -> None:
    """A profile lists as many functions as asked for, by module and without a path of this machine."""
    table = profile_turns(2, 40, 150, use_async=False)

    names = [row[0] for row in table.rows]
    assert 150 == len(names)
    assert any(name.startswith("warmgraph.") for name in names)
    assert [] == [name for name in names if "/" in name]


def test_the_report_says_whether_the_bar_is_met() -> None:
    """The report holds a figure for each mode, and a conclusion about the worst of them."""
    parser = argparse.ArgumentParser()
    TURN.configure(parser)
    told: list[str] = []

    report = TURN.run(parser.parse_args(["--runs", "2", "--warmup", "1", "--items", "30"]), told.append)

    assert TURN in BENCHMARKS
    assert {"sync_checkpointer_none", "sync_checkpointer_memory", "async_checkpointer_none"} < report.figures.keys()
    assert report.figures["sync_ram_nodes_ms"].keys() == report.figures["async_file_nodes_ms"].keys()
    assert "the bar of 25%" in report.conclusion
    assert "--runs 2 --warmup 1 --items 30" in report.settings["command"]
    assert 8 == len(told)
