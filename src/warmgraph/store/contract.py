"""What both stores are: a `BaseStore` with one synchronous core and two thin shells."""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeAlias

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, Op, Result, SearchItem, TTLConfig

from warmgraph.errors import InvalidArgumentError
from warmgraph.steps import Steps, arun, run
from warmgraph.store.plan import MAX_TTL, Plan, Search, check_search
from warmgraph.store.sweeper import DEFAULT_MINUTES, Sweeper

__all__ = ["StepStore", "check_ttl_config"]

Namespace: TypeAlias = tuple[str, ...]


class StepStore(BaseStore):
    """A store whose batches are steps: run from sync callers, awaited on any number of event loops.

    Ops are checked before anything is done, so a bad one in a batch leaves nothing half done.
    """

    supports_ttl = True
    _sweeps: Sweeper | None = None
    index_config: Mapping[str, Any] | None
    """How it embeds, as it was given; `None` without an index."""

    @property
    def embeddings(self) -> Embeddings | None:
        """What `index` was given to embed with, if that is a LangChain `Embeddings` and no function or name."""
        embed = (self.index_config or {}).get("embed")
        return embed if isinstance(embed, Embeddings) else None

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute ops and return their results in order. Reads see the state before the batch."""
        return run(self._steps(Plan.of(ops)))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute ops like `batch`, without ever blocking the event loop."""
        return await arun(self._steps(Plan.of(ops)))

    def search(
        self,
        namespace_prefix: Namespace,
        /,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> list[SearchItem]:
        """Search below a prefix, as `batch` does with a `SearchOp`, in less time."""
        refresh = self._refreshes(refresh_ttl)
        return run(self._search_steps(check_search(namespace_prefix, filter, limit, offset, query, refresh)))

    async def asearch(
        self,
        namespace_prefix: Namespace,
        /,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> list[SearchItem]:
        """Search like `search`, without blocking the event loop."""
        refresh = self._refreshes(refresh_ttl)
        return await arun(self._search_steps(check_search(namespace_prefix, filter, limit, offset, query, refresh)))

    def sweep_ttl(self) -> int:
        """Delete what has expired, and return how many items that were. Nothing that has is ever returned anyway."""
        return run(self._sweep())

    async def asweep_ttl(self) -> int:
        """Sweep like `sweep_ttl`, without blocking the event loop."""
        return await arun(self._sweep())

    @property
    def ttl_sweeper(self) -> Sweeper:
        """What sweeps the store on a thread of its own, with counts of its rounds and of those that failed."""
        if self._sweeps is None:
            with _making:
                if self._sweeps is None:
                    self._sweeps = Sweeper(self)
        return self._sweeps

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Sweep from time to time, on a thread of the store's own, until it is closed or forgotten.

        Called for you where `ttl` has a `sweep_interval_minutes`. A round that fails is logged and counted.

        Args:
            sweep_interval_minutes: How often; by default as `ttl` says, else every 5 minutes.

        Returns:
            Is done when the sweeper has ended, and at once for a store without `ttl`. Cancelling it ends the sweeper.

        Raises:
            InvalidArgumentError: The interval is no positive number.
        """
        interval = _check_minutes("sweep_interval_minutes", sweep_interval_minutes)
        if not self.ttl_config:
            future: Future[None] = Future()
            future.set_result(None)
            return future
        return self.ttl_sweeper.start(interval or self.ttl_config.get("sweep_interval_minutes") or DEFAULT_MINUTES)

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Stop the sweeper, if it runs.

        Args:
            timeout: Seconds to wait for the round under way; `None` for as long as it takes.

        Returns:
            Whether it has ended, or did not run.
        """
        return self.ttl_sweeper.stop(timeout)

    @abstractmethod
    def close(self) -> None:
        """Finish what was begun, and stop. Safe to call twice."""

    async def aclose(self) -> None:
        """Close without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @abstractmethod
    def _steps(self, plan: Plan) -> Steps[list[Any]]:
        """Execute a plan and return the results by position."""

    def _search_steps(self, search: Search) -> Steps[list[SearchItem]]:
        """Execute one search."""
        (found,) = yield from self._steps(Plan(1, {0: search}))
        return found  # type: ignore[no-any-return]

    def _refreshes(self, refresh_ttl: bool | None) -> bool:
        """Whether a read moves expiries: as it says itself, else as the store is configured."""
        return (self.ttl_config or {}).get("refresh_on_read", True) if refresh_ttl is None else refresh_ttl

    @abstractmethod
    def _sweep(self) -> Steps[int]:
        """Delete what has expired, and return how many items that were."""

    def _sweep_if_configured(self) -> None:
        if (self.ttl_config or {}).get("sweep_interval_minutes"):
            self.start_ttl_sweeper()


def check_ttl_config(ttl: TTLConfig | None) -> TTLConfig | None:
    """Return a checked copy of a TTL configuration.

    Raises:
        InvalidArgumentError: It has unknown keys, or a time that is no positive number of minutes.
    """
    if ttl is None:
        return None
    if not isinstance(ttl, dict):
        raise InvalidArgumentError("ttl", expected="a dict of settings", got=ttl)
    known = TTLConfig.__annotations__
    unknown = [key for key in ttl if key not in known]
    if unknown:
        raise InvalidArgumentError("ttl", expected=f"keys among {', '.join(known)}", got=unknown[0])
    for name in ("default_ttl", "sweep_interval_minutes"):
        _check_minutes(f"ttl[{name!r}]", ttl.get(name))
    return ttl.copy()


def _check_minutes(argument: str, minutes: object) -> float | None:
    if minutes is None:
        return None
    if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not 0 < minutes <= MAX_TTL:
        raise InvalidArgumentError(argument, expected="minutes > 0", got=minutes)
    return float(minutes)


_making = threading.Lock()
