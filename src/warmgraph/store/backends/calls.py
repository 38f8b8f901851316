"""Calls of a store that is not ours, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langgraph.store.base import BaseStore, Op, PutOp

from warmgraph.steps import Io

__all__ = ["at_home", "batch_io"]

MOST_TRIES = 20
"""Times that a reading is begun anew because somebody wrote meanwhile."""


def batch_io(store: BaseStore, ops: Sequence[Op]) -> Io:
    """Return a batch as a step.

    `InMemoryStore` goes through its dicts without a lock, and a search fails when another thread writes meanwhile. What
    only reads is begun anew then.
    """
    tries = 1 if any(isinstance(op, PutOp) for op in ops) else MOST_TRIES

    def call() -> list[Any]:
        for _ in range(tries - 1):
            try:
                return store.batch(ops)
            except RuntimeError as error:
                _raise_unless_overtaken(error)
        return store.batch(ops)

    async def acall() -> list[Any]:
        for _ in range(tries - 1):
            try:
                return await at_home(store, ops)
            except RuntimeError as error:
                _raise_unless_overtaken(error)
        return await at_home(store, ops)

    return Io(call, acall)


def _raise_unless_overtaken(error: RuntimeError) -> None:
    if "during iteration" not in str(error):
        raise error


async def at_home(store: BaseStore, ops: Sequence[Op]) -> list[Any]:
    """Await a batch on the loop that the store belongs to: LangGraph's async stores know no other."""
    loop = getattr(store, "loop", None)
    if not isinstance(loop, asyncio.AbstractEventLoop) or loop is asyncio.get_running_loop() or not loop.is_running():
        return await store.abatch(ops)
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(store.abatch(ops), loop))
