"""A long-term store for tests whose calls wait where a test says, so that the order of events is the test's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langgraph.store.base import BaseStore, Op, Result
from langgraph.store.memory import InMemoryStore

__all__ = ["NS", "WAIT", "Gate", "GatedStore", "value"]

NS = ("memories", "ana")
WAIT = 30.0


class Gate:
    """A place where one call waits until a test lets it go on."""

    def __init__(self, applies: Callable[[Sequence[Op]], bool], *, after: bool) -> None:
        self.applies = applies
        self.after = after
        self._arrived = threading.Event()
        self._opened = threading.Event()

    def wait_for_arrival(self) -> None:
        """Wait until a call stands at the gate."""
        assert self._arrived.wait(WAIT)

    def open(self) -> None:
        """Let it go on."""
        self._opened.set()

    def pass_through(self) -> None:
        """Stand at the gate."""
        self._arrived.set()
        assert self._opened.wait(WAIT)


class GatedStore(BaseStore):
    """LangGraph's in-memory store, with gates before and after what it does."""

    def __init__(self) -> None:
        self.inner = InMemoryStore()
        self.gates: list[Gate] = []
        self.broken = False

    @contextmanager
    def gate(self, kind: type[Any], *, after: bool = False) -> Iterator[Gate]:
        """Hold the next call with an op of a kind, before or after it was done; open the gate at the end."""
        gate = Gate(lambda ops: any(isinstance(op, kind) for op in ops), after=after)
        self.gates.append(gate)
        try:
            yield gate
        finally:
            gate.open()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute ops, waiting at the gates."""
        ops = list(ops)
        held = next((gate for gate in self.gates if gate.applies(ops)), None)
        if held is not None:
            self.gates.remove(held)
        if held is not None and not held.after:
            held.pass_through()
        if self.broken:
            raise ConnectionError("the store is away")
        results = self.inner.batch(ops)
        if held is not None and held.after:
            held.pass_through()
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute ops without blocking the event loop."""
        return await asyncio.to_thread(self.batch, list(ops))


def value(store: BaseStore) -> str | None:
    """Return what a store holds."""
    item = store.get(NS, "k")
    return None if item is None else item.value["content"]
