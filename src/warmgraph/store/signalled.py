"""Searches of one namespace that say how sure they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.errors import InvalidArgumentError
from warmgraph.index import SearchSignals
from warmgraph.steps import Steps, arun, run
from warmgraph.store.contract import StepStore
from warmgraph.store.plan import Search, recall_search

__all__ = ["SignalledSearch", "SignallingStore"]

Namespace: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignalledSearch:
    """What a search by vector found, and how sure it is.

    Args:
        items: Best first; scores are exact.
        signals: How sure it is that nothing better was missed, and how far the query is from everything known. `None`
            where no vector could be compared, and words ranked.
    """

    items: list[SearchItem]
    signals: SearchSignals | None


class SignallingStore(StepStore):
    """A store that searches a namespace by vector, and says how sure it is."""

    def search_with_signals(
        self,
        namespace: Namespace,
        query: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        score_threshold: float | None = None,
    ) -> SignalledSearch:
        """Search one namespace by vector, and say how sure that is.

        A namespace of some thousand items and more is searched by cells and codes. Where the margin between what was
        found and what may have been missed is small, more of it is looked at (`signals.fallback`).

        Args:
            namespace: The namespace itself; nothing below it.
            query: What to look for.
            limit: Items to return at most.
            filter: As in `search`.
            score_threshold: Leaves out items with lower scores.

        Raises:
            InvalidArgumentError: A bad argument, or a store without an index.
            EmbeddingError: The query could not be embedded.
            StoreError: The file could not be read.
        """
        return run(self.signal_steps(self._signalled(namespace, query, limit, filter, score_threshold)))

    async def asearch_with_signals(
        self,
        namespace: Namespace,
        query: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        score_threshold: float | None = None,
    ) -> SignalledSearch:
        """Search like `search_with_signals`, without blocking the event loop."""
        return await arun(self.signal_steps(self._signalled(namespace, query, limit, filter, score_threshold)))

    @abstractmethod
    def signal_steps(self, wanted: SignalledQuery) -> Steps[SignalledSearch]:
        """Search one namespace."""

    def _signalled(
        self,
        namespace: Namespace,
        query: str,
        limit: int,
        filter: Mapping[str, Any] | None,
        threshold: float | None,
    ) -> SignalledQuery:
        if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
            raise InvalidArgumentError("score_threshold", expected="a number or None", got=threshold)
        if threshold is not None and threshold != threshold:
            raise InvalidArgumentError("score_threshold", expected="a number or None", got=threshold)
        return SignalledQuery(recall_search(namespace, query, limit, filter, self.ttl_config, ()), threshold)


@dataclass(frozen=True, slots=True)
class SignalledQuery:
    """A checked `search_with_signals`.

    Args:
        search: Which items.
        score_threshold: The least score.
    """

    search: Search
    score_threshold: float | None
