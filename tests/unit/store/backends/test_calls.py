"""Readings of a store that others write to meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from langgraph.store.base import Op, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from warmgraph.steps import Steps, arun, run
from warmgraph.store.backends.calls import MOST_TRIES, batch_io

READ = SearchOp(("a",), None, 10, 0, None, False)
CHANGED = "dictionary changed size during iteration"


class Written(InMemoryStore):
    """Fails as `InMemoryStore` does where another thread makes a namespace while its own go by, so many times."""

    def __init__(self, times: int, message: str = CHANGED) -> None:
        super().__init__()
        self.left, self.message, self.asked = times, message, 0

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        """Fail, or answer."""
        self.asked += 1
        if self.left:
            self.left -= 1
            raise RuntimeError(self.message)
        return super().batch(ops)

    async def abatch(self, ops: Iterable[Op]) -> list[Any]:
        """Do what `batch` does."""
        return self.batch(ops)


def steps(store: Written, op: Op) -> Steps[list[Any]]:
    """Make one call."""
    answer: list[Any] = yield batch_io(store, [op])
    return answer


async def call(store: Written, op: Op, use_async: bool) -> list[Any]:
    """Make one call, sync or async."""
    return await arun(steps(store, op)) if use_async else run(steps(store, op))


@pytest.mark.parametrize("use_async", [False, True])
async def test_a_reading_that_was_overtaken_begins_anew(use_async: bool) -> None:
    """Nobody hears of it, unless it happens each time."""
    assert [[]] == await call(Written(3), READ, use_async)
    store = Written(MOST_TRIES)
    with pytest.raises(RuntimeError, match=CHANGED):
        await call(store, READ, use_async)
    assert MOST_TRIES == store.asked


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize(
    ("op", "message"),
    [
        pytest.param(PutOp(("a",), "k", {"n": 1}), CHANGED, id="a-write-may-have-been-made"),
        pytest.param(READ, "no such thing", id="what-failed-for-another-reason-fails"),
    ],
)
async def test_nothing_else_is_tried_twice(op: Op, message: str, use_async: bool) -> None:
    """A store's own errors are told at once, and no write is made twice."""
    store = Written(1, message)
    with pytest.raises(RuntimeError, match=message):
        await call(store, op, use_async)
    assert 1 == store.asked
