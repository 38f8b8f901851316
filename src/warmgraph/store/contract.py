"""What both stores are: a `BaseStore` with one synchronous core and two thin shells."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, Op, Result, TTLConfig

from warmgraph.errors import InvalidArgumentError
from warmgraph.steps import Steps, arun, run
from warmgraph.store.plan import Plan

__all__ = ["StepStore", "check_ttl_config"]


class StepStore(BaseStore):
    """A store whose batches are steps: run from sync callers, awaited on any number of event loops.

    Ops are checked before anything is done, so a bad one in a batch leaves nothing half done.
    """

    supports_ttl = True
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

    def sweep_ttl(self) -> int:
        """Delete what has expired, and return how many items that were. Nothing that has is ever returned anyway."""
        return run(self._sweep())

    async def asweep_ttl(self) -> int:
        """Sweep like `sweep_ttl`, without blocking the event loop."""
        return await arun(self._sweep())

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

    @abstractmethod
    def _sweep(self) -> Steps[int]:
        """Delete what has expired, and return how many items that were."""


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
        minutes = ttl.get(name)
        if minutes is not None and (isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or minutes <= 0):
            raise InvalidArgumentError(f"ttl[{name!r}]", expected="minutes > 0", got=minutes)
    return ttl.copy()
