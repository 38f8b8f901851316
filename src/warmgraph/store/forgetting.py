"""Stores that can erase: a namespace or single memories, with all that was made from them."""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from collections.abc import Collection
from dataclasses import replace
from typing import TypeAlias

from warmgraph.errors import WarmGraphError
from warmgraph.steps import Steps, arun, run
from warmgraph.store.contract import StepStore
from warmgraph.store.erasing import Erasure, ErasureReport, Rebuild, Rows, erase, finish, pending
from warmgraph.store.own_records import JOBS_SUFFIX

__all__ = ["ForgettingStore"]

logger: logging.Logger = logging.getLogger(__name__)
Namespace: TypeAlias = tuple[str, ...]


class ForgettingStore(StepStore):
    """A store that forgets for good: rows, vectors, indexes, history, change log, and the pages of its file."""

    @property
    @abstractmethod
    def held(self) -> Rows:
        """What this store holds, as erasure, export and `warmgraph doctor` see it."""

    def forget(
        self,
        namespace: Namespace,
        key: str | Collection[str] | None = None,
        *,
        rebuild: Rebuild | None = None,
        rewrite: bool = True,
    ) -> ErasureReport:
        """Erase a namespace with all below it, or single memories of it, so that no byte of them stays.

        Goes from both tiers, the vectors, the indexes of words, the history, quarantine and watermarks, the change log,
        and the pages of the file and its log. Memories that were made from what goes (they name it in `meta.sources`,
        or its message) go as well, or are made anew. The intent is noted first, without the data: an erasure that is
        killed is completed when the file is next opened. Other processes drop what they hold in RAM before their next
        read.

        A queue of background jobs beside the file is not this store's: `warmgraph.forget` erases there as well, and
        this method names it as left. Backups, and the checkpoints of threads, are nobody's here.

        Args:
            namespace: The namespace.
            key: A memory, or some; `None` for everything in the namespace and below it.
            rebuild: Gets a memory that was made from others, and those of its sources that stay; returns its new
                value, or `None` to delete it. By default they are deleted.
            rewrite: Whether the whole file is rewritten, which is the only way to be sure of every page. Without, freed
                pages are overwritten and given back. Pass `False` to all but the last of several erasures in a row.

        Raises:
            InvalidArgumentError: A bad argument; nothing was touched.
            StoreError: The store failed. What was begun is completed by the next call, or when it is next opened.

        Example:
            >>> from warmgraph.store import WarmStore
            >>> store = WarmStore()
            >>> store.put(("memories", "ana"), "home", {"content": "I live in Lisbon."})
            >>> str(store.forget(("memories", "ana")))
            'memories.ana: 1 memories erased'
        """
        return run(self._forget(Erasure.of(namespace, key, rebuild, rewrite)))

    async def aforget(
        self,
        namespace: Namespace,
        key: str | Collection[str] | None = None,
        *,
        rebuild: Rebuild | None = None,
        rewrite: bool = True,
    ) -> ErasureReport:
        """Erase like `forget`, without blocking the event loop."""
        return await arun(self._forget(Erasure.of(namespace, key, rebuild, rewrite)))

    def resume_erasures(self) -> list[ErasureReport]:
        """Complete erasures that were begun by a process that died; a file does so when it is opened."""
        return run(self._resume())

    async def aresume_erasures(self) -> list[ErasureReport]:
        """Resume like `resume_erasures`, without blocking the event loop."""
        return await arun(self._resume())

    def _forget(self, erasure: Erasure) -> Steps[ErasureReport]:
        yield from self._resume()
        report = yield from erase(self.held, erasure)
        jobs = f"{getattr(self.held.store, 'path', ':memory:')}{JOBS_SUFFIX}"
        if os.path.exists(jobs):
            report = replace(report, left=(*report.left, f"{jobs}: background jobs; warmgraph.forget erases there"))
        return report

    def _resume(self) -> Steps[list[ErasureReport]]:
        done = []
        for intent in (yield from pending(self.held)):
            done.append((yield from finish(self.held, intent)))
        return done

    def _resume_when_opened(self) -> None:
        try:
            for report in self.resume_erasures():
                logger.info("an erasure that was cut short is completed: %s", report)
        except WarmGraphError:
            logger.exception("an erasure that was cut short could not be completed; it is tried again at the next call")
