"""What a store with a warm tier offers besides the contract: recall, and the two halves that it is made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeAlias

from warmgraph.clock import Clock
from warmgraph.ranking import WarmRouter
from warmgraph.steps import Steps, arun, run
from warmgraph.store.contract import StepStore
from warmgraph.store.plan import Search, recall_search
from warmgraph.store.recalls import Recall
from warmgraph.store.validity import AsOf, open_only, recall_as_of

__all__ = ["RecallingStore"]

Namespace: TypeAlias = tuple[str, ...]


class RecallingStore(StepStore):
    """A store that ranks the items of one namespace: those that are warm, all of them, or as a router decides.

    What a memory's `valid_to` has ended is not recalled.
    """

    clock: Clock

    def recall_warm(
        self,
        namespace: Namespace,
        query: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
    ) -> Recall:
        """Rank the warm items of one namespace, and say in `signals` what a router needs to know.

        Costs no disk and no network once the namespace is resident, and an embedding only when words leave a doubt.
        Where the model fails words rank, and `failure` says so.

        Args:
            namespace: The namespace itself; nothing below it.
            query: What to look for.
            limit: Items to return at most.
            filter: As in `search`. With one, cold items cannot be judged: no hit while there are any.
            exclude: Keys that are neither returned nor counted in favour of a hit.

        Raises:
            InvalidArgumentError: A bad argument.
            StoreError: The namespace could not be read on its first touch.
        """
        return run(self._open(self._warm_steps, self._search(namespace, query, limit, filter, exclude)))

    async def arecall_warm(
        self,
        namespace: Namespace,
        query: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
    ) -> Recall:
        """Recall like `recall_warm`, without blocking the event loop."""
        return await arun(self._open(self._warm_steps, self._search(namespace, query, limit, filter, exclude)))

    def recall_long_term(
        self,
        namespace: Namespace,
        query: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
        as_of: AsOf | None = None,
    ) -> Recall:
        """Rank all items of one namespace, warm or not. Arguments as in `recall`, errors as in `recall_warm`."""
        return run(self._all(self._search(namespace, query, limit, filter, exclude), as_of))

    async def arecall_long_term(
        self,
        namespace: Namespace,
        query: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
        as_of: AsOf | None = None,
    ) -> Recall:
        """Recall like `recall_long_term`, without blocking the event loop."""
        return await arun(self._all(self._search(namespace, query, limit, filter, exclude), as_of))

    def recall(
        self,
        namespace: Namespace,
        query: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
        router: WarmRouter | None = None,
        as_of: AsOf | None = None,
    ) -> Recall:
        """Answer from the warm tier if the router finds that enough, else from the long-term tier.

        Args:
            namespace: The namespace itself; nothing below it.
            query: What to look for.
            limit: Items to return at most.
            filter: As in `search`.
            exclude: Keys that are neither returned nor counted in favour of a hit.
            router: Decides instead of the store's own.
            as_of: Recall what was true at this time: a datetime, a date, or one of them in ISO 8601. Changed and
                deleted memories are found as they were then. The warm tier knows the present, and is not asked.

        Raises:
            As `recall_warm`.
        """
        return run(self._routed(self._search(namespace, query, limit, filter, exclude), router, as_of))

    async def arecall(
        self,
        namespace: Namespace,
        query: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
        router: WarmRouter | None = None,
        as_of: AsOf | None = None,
    ) -> Recall:
        """Recall like `recall`, without blocking the event loop."""
        return await arun(self._routed(self._search(namespace, query, limit, filter, exclude), router, as_of))

    @abstractmethod
    def _warm_steps(self, search: Search) -> Steps[Recall]:
        """Rank the warm items."""

    @abstractmethod
    def _long_term_steps(self, search: Search) -> Steps[Recall]:
        """Rank all items."""

    @abstractmethod
    def _recall_steps(self, search: Search, router: WarmRouter | None) -> Steps[Recall]:
        """Rank the warm items, and all if the router finds these not enough; `None`: the store's own router."""

    def _open(self, rank: Callable[[Search], Steps[Recall]], search: Search) -> Steps[Recall]:
        return open_only(rank, search, self.clock.now())

    def _all(self, search: Search, as_of: AsOf | None) -> Steps[Recall]:
        if as_of is not None:
            return recall_as_of(self._long_term_steps, search, as_of)
        return self._open(self._long_term_steps, search)

    def _routed(self, search: Search, router: WarmRouter | None, as_of: AsOf | None) -> Steps[Recall]:
        if as_of is not None:
            return recall_as_of(self._long_term_steps, search, as_of)
        return self._open(partial(self._recall_steps, router=router), search)

    def _search(
        self,
        namespace: Namespace,
        query: str,
        limit: int,
        filter: Mapping[str, Any] | None,
        exclude: Collection[str],
    ) -> Search:
        return recall_search(namespace, query, limit, filter, self.ttl_config, exclude)
