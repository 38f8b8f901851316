"""What a case is given: a way to make stores, a clock moved by hand, embeddings that count."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore

from warmgraph.testing.clock import ManualClock
from warmgraph.testing.conformance.client import Client, Mode
from warmgraph.testing.embeddings import FakeEmbeddings

__all__ = ["Factory", "Setting"]

Factory: TypeAlias = Callable[..., BaseStore | AbstractContextManager[BaseStore]]


class Setting:
    """Makes stores for one case, and closes them after it.

    Args:
        factory: Makes an empty store from the options of a case: `index`, `ttl`, `clock`.
        mode: How the case calls it.
    """

    def __init__(self, factory: Factory, mode: Mode) -> None:
        self.mode: Mode = mode
        self.clock: ManualClock = ManualClock()
        self.embeddings: FakeEmbeddings = FakeEmbeddings(dims=32)
        self._factory = factory
        self._made: list[BaseStore] = []
        self._exits = ExitStack()

    def store(self, **options: Any) -> Client:
        """Make a store, and a client of it."""
        made = self._factory(**options)
        if not isinstance(made, BaseStore):
            made = self._exits.enter_context(made)
        elif (close := getattr(made, "close", None)) is not None:
            self._exits.callback(close)
        self._made.append(made)
        client = Client(made, self.mode)
        self._exits.callback(client.close)
        return client

    def indexed(self, **options: Any) -> Client:
        """Make a store with an index of the field `text`."""
        return self.store(index={"dims": 32, "embed": self.embeddings, "fields": ["text"]}, **options)

    def mortal(self) -> Client:
        """Make a store whose items live for 10 minutes, and from then on for 10 more when they are read."""
        return self.store(ttl={"default_ttl": 10, "refresh_on_read": True}, clock=self.clock)

    def check(self) -> None:
        """Let stores that can check themselves do so."""
        for store in self._made:
            check = getattr(store, "_check", None)
            if check is not None:
                check()

    def close(self) -> None:
        """Close everything."""
        self._exits.close()
