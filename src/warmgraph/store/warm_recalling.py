"""How a `WarmStore` recalls: by its warm half, its long-term half, and a router that is told what becomes of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.errors import StoreClosedError
from warmgraph.ranking import RouteDecision, WarmRouter
from warmgraph.steps import Steps
from warmgraph.store.plan import Search
from warmgraph.store.recalling import RecallingStore
from warmgraph.store.recalls import Recall
from warmgraph.store.warm_recalls import WarmRecalls
from warmgraph.store.why_not import Asked, WhyNot, why_not_steps

__all__ = ["WarmRecalling"]

Namespace: TypeAlias = tuple[str, ...]


class WarmRecalling(RecallingStore):
    """The recalls of a `WarmStore`."""

    router: WarmRouter
    _warm: WarmRecalls
    _closed: bool

    def finish_checks(self, timeout: float | None = None) -> bool:
        """Wait until all hits that a router wanted to be compared are, and say whether they are.

        Args:
            timeout: Seconds to wait at most.
        """
        return self._warm.watch.drain(timeout)

    def tell_hit(
        self,
        router: WarmRouter,
        decision: RouteDecision,
        query: str,
        keys: Iterable[str],
        *,
        limit: int = 10,
        exclude: Collection[str] = (),
    ) -> None:
        """Tell a router of its hit."""
        search = self._search(decision.signals.namespace, query, limit, None, exclude)
        self._warm.watch.hit(router, decision, search, keys)

    def tell_miss(
        self, router: WarmRouter, decision: RouteDecision, keys: Collection[str], found: Iterable[SearchItem]
    ) -> None:
        """Tell a router of its miss."""
        self._warm.watch.miss(router, decision, keys, found)

    def _warm_steps(self, search: Search) -> Steps[Recall]:
        self._check_open()
        return self._warm.warm(search)

    def _long_term_steps(self, search: Search) -> Steps[Recall]:
        self._check_open()
        return self._warm.long_term(search)

    def _recall_steps(self, search: Search, router: WarmRouter | None) -> Steps[Recall]:
        self._check_open()
        return self._warm.recall(search, router or self.router)

    def _prepare_steps(self, router: WarmRouter, namespace: Namespace) -> Steps[None]:
        self._check_open()
        return self._warm.watch.ready(router, namespace)

    def _why_not(self, asked: Asked) -> Steps[WhyNot]:
        self._check_open()
        search = self._search(asked.namespace, asked.query, asked.limit, asked.filter, asked.exclude)
        router = asked.router or self.router
        yield from self._warm.watch.ready(router, search.prefix)
        return (yield from why_not_steps(asked._replace(router=router), self._warm.halves(search)))

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError("the store is closed")
