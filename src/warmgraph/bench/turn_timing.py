"""Laps of `warmgraph bench turn`: the three graphs by turns, the nodes one by one, and a profile."""

from __future__ import annotations

import asyncio
import cProfile
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, TypeAlias
from uuid import uuid4

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import PutOp

from warmgraph.bench.report import Table
from warmgraph.bench.turn_graphs import (
    NAMESPACE,
    NODES,
    InstantChatModel,
    TimedStore,
    create_bare_graph,
    create_timed_graph,
    fill,
)
from warmgraph.errors import WarmGraphError
from warmgraph.nodes.turns import message_keys
from warmgraph.prebuilt import MemoryContext, create_memory_agent
from warmgraph.steps import Io, Steps, arun, run

__all__ = ["Laps", "profile_turns", "time_nodes", "time_turns"]

_Graph: TypeAlias = CompiledStateGraph[Any, Any, Any, Any]


@dataclass(slots=True)
class Laps:
    """Seconds of each lap, by graph; at the same place, the same lap."""

    bare: list[float] = field(default_factory=list)
    bare_writes: list[float] = field(default_factory=list)  # it has none
    ram: list[float] = field(default_factory=list)
    ram_writes: list[float] = field(default_factory=list)
    file: list[float] = field(default_factory=list)
    file_writes: list[float] = field(default_factory=list)


def time_turns(runs: int, warmup: int, items: int, *, use_async: bool, checkpoints: bool) -> Laps:
    """Time the bare graph, the agent in RAM and the agent on a file, by turns.

    Args:
        runs: Laps to time.
        warmup: Laps before that.
        items: Warm memories of the user.
        use_async: Whether to run on an event loop.
        checkpoints: Whether the graphs keep checkpoints, in RAM.
    """
    model = InstantChatModel()
    saver = InMemorySaver() if checkpoints else None
    laps = Laps()
    with _stores(items) as (ram, file, question):
        agents = [
            _Runner(create_memory_agent(model, store=store, checkpointer=saver), question, store)
            for store in (ram, file)
        ]
        sample = run(agents[0].turn())[2]["recall"]
        bare = _Runner(create_bare_graph(model, sample, checkpointer=saver, use_async=use_async), question)
        graphs = (
            (bare, laps.bare, laps.bare_writes),
            (agents[0], laps.ram, laps.ram_writes),
            (agents[1], laps.file, laps.file_writes),
        )

        def all_laps() -> Steps[None]:
            for at in range(runs + warmup):
                # Which one goes first changes from lap to lap: none always pays for what another left behind.
                for place in range(len(graphs)):
                    runner, totals, writes = graphs[(at + place) % len(graphs)]
                    seconds, writing, _ = yield from runner.turn()
                    if at >= warmup:
                        totals.append(seconds)
                        writes.append(writing)

        _drive(all_laps(), use_async)
    return laps


def time_nodes(runs: int, warmup: int, items: int, *, use_async: bool, on_file: bool) -> dict[str, list[float]]:
    """Return the seconds that each node takes, by node, on a store in RAM or on a file."""
    spent: dict[str, list[float]] = {name: [] for name in NODES}
    with _stores(items) as (ram, file, question):
        store = file if on_file else ram
        runner = _Runner(create_timed_graph(InstantChatModel(), store, spent), question, store)

        def all_laps() -> Steps[None]:
            for _ in range(runs + warmup):
                yield from runner.turn()

        _drive(all_laps(), use_async)
    return {name: spent[name][warmup:] for name in NODES}


def profile_turns(runs: int, items: int, lines: int, *, use_async: bool) -> Table:
    """Return the functions of ours and of others that take most time in the agent on a store in RAM."""
    profiler = cProfile.Profile()
    with _stores(items) as (ram, _, question):
        runner = _Runner(create_memory_agent(InstantChatModel(), store=ram), question, ram)

        def all_laps() -> Steps[None]:
            yield from runner.turn()
            for _ in range(runs):
                yield from runner.turn(profiler)

        _drive(all_laps(), use_async)
    profiler.create_stats()
    rows = [
        [
            f"{_module(file)}:{line} {name}",
            f"{calls / runs:.1f}",
            f"{1000 * own / runs:.3f}",
            f"{1000 * total / runs:.3f}",
        ]
        for (file, line, name), (_, calls, own, total, _callers) in _by_own_time(profiler)[:lines]
    ]
    title = f"Where the time goes, {'async' if use_async else 'sync'} (cProfile, which slows calls down)"
    return Table(["function", "calls a turn", "own ms", "with callees ms"], rows, title=title)


class _Runner:
    """One graph, run turn after turn; what a turn wrote is deleted, so that every turn finds the same memories."""

    def __init__(self, graph: _Graph, question: str, store: TimedStore | None = None) -> None:
        self._graph, self._question, self._store = graph, question, store
        self._context = MemoryContext(user_id="ana")

    def turn(self, profiler: cProfile.Profile | None = None) -> Steps[tuple[float, float, dict[str, Any]]]:
        """Run one turn; return its seconds, of these the ones spent writing, and its result."""
        saver, store = self._graph.checkpointer, self._store
        thread = str(uuid4()) if isinstance(saver, InMemorySaver) else None
        config: Any = {"configurable": {"thread_id": thread}} if thread else None
        asked: Any = {"messages": [HumanMessage(self._question)]}
        turn = Io(
            lambda: self._graph.invoke(asked, config, context=self._context),
            lambda: self._graph.ainvoke(asked, config, context=self._context),
        )
        if profiler is not None:
            profiler.enable()
        began = perf_counter()
        result = yield turn
        seconds = perf_counter() - began
        if profiler is not None:
            profiler.disable()
        writing = store.take_writing() if store is not None else 0.0
        if isinstance(saver, InMemorySaver) and thread:
            saver.delete_thread(thread)
        if store is not None:
            if result.get("memory_errors") or result["recall"]["tier"] != "warm":
                raise WarmGraphError(f"this turn is not a warm hit: {result['recall']}, {result.get('memory_errors')}")
            forget = [PutOp(NAMESPACE, key, None) for key in message_keys(thread, result["messages"])]
            yield Io(lambda: store.batch(forget), lambda: store.abatch(forget))
            store.take_writing()
        return seconds, writing, result


@contextmanager
def _stores(items: int) -> Iterator[tuple[TimedStore, TimedStore, str]]:
    with TemporaryDirectory(prefix="warmgraph-") as folder, TimedStore.open(Path(folder) / "memory.db") as file:
        ram = TimedStore()
        for store in (ram, file):
            question = fill(store, items)
            store.recall(NAMESPACE, question)  # the first touch of a namespace is a miss
        yield ram, file, question


def _drive(laps: Steps[None], use_async: bool) -> None:
    gc.collect()
    gc.freeze()  # what is loaded by now is not walked by the collector in the middle of a lap
    try:
        if use_async:
            asyncio.run(arun(laps))
        else:
            run(laps)
    finally:
        gc.unfreeze()


def _by_own_time(profiler: cProfile.Profile) -> list[tuple[Any, Any]]:
    entries: dict[Any, Any] = vars(profiler)["stats"]
    return sorted(entries.items(), key=lambda entry: entry[1][2], reverse=True)


def _module(file: str) -> str:
    path = Path(file)
    parts = path.with_suffix("").parts
    after = max((at for at, part in enumerate(parts) if part in ("site-packages", "src")), default=-3)
    return ".".join(parts[after + 1 :]) if len(parts) > 1 else file
