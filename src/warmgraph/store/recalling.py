"""What a store with a warm tier offers besides the contract: recall, and the two halves that it is made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

from langgraph.store.base import SearchItem

from warmgraph.clock import Clock
from warmgraph.ranking import RouteDecision, WarmRouter
from warmgraph.steps import Steps, arun, run
from warmgraph.store.contract import StepStore
from warmgraph.store.plan import Search, recall_search
from warmgraph.store.recalls import Recall
from warmgraph.store.validity import AsOf, open_only, recall_as_of
from warmgraph.store.why_not import Asked, WhyNot

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
        return run(self.recall_warm_steps(namespace, query, limit, filter, exclude))

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
        return await arun(self.recall_warm_steps(namespace, query, limit, filter, exclude))

    def recall_warm_steps(
        self,
        namespace: Namespace,
        query: str,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
    ) -> Steps[Recall]:
        """Recall like `recall_warm`, as steps."""
        return open_only(self._warm_steps, self._search(namespace, query, limit, filter, exclude), self.clock)

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

    def prepare_router(self, router: WarmRouter, namespace: Namespace) -> None:
        """Let a router that learns take what was kept of a namespace; nothing for others. `recall` does it by itself.

        For those who decide by themselves between `recall_warm` and `recall_long_term`.
        """
        run(self._prepare_steps(router, namespace))

    async def aprepare_router(self, router: WarmRouter, namespace: Namespace) -> None:
        """Prepare like `prepare_router`, without blocking the event loop."""
        await arun(self._prepare_steps(router, namespace))

    def why_not(
        self,
        namespace: Namespace,
        query: str,
        key: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
        router: WarmRouter | None = None,
        min_score: float = 0.0,
    ) -> WhyNot:
        """Explain why a recall does not return a memory. It recalls, so what it finds counts as used.

        Args:
            namespace: As of `recall`.
            query: What was looked for.
            key: The memory that was missed.
            limit: As of `recall`.
            filter: As of `recall`.
            exclude: As of `recall`.
            router: As of `recall`.
            min_score: What a memory has to score to get into a prompt.

        Raises:
            As `recall_warm`.
        """
        return run(self._why_not(Asked(namespace, query, key, limit, filter, exclude, router, min_score)))

    async def awhy_not(
        self,
        namespace: Namespace,
        query: str,
        key: str,
        *,
        limit: int = 10,
        filter: Mapping[str, Any] | None = None,
        exclude: Collection[str] = (),
        router: WarmRouter | None = None,
        min_score: float = 0.0,
    ) -> WhyNot:
        """Explain like `why_not`, without blocking the event loop."""
        return await arun(self._why_not(Asked(namespace, query, key, limit, filter, exclude, router, min_score)))

    @abstractmethod
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
        """Tell a router that learns of its hit, and compare the answer in the background if it wants that.

        Waits for nothing, and raises nothing.

        Args:
            router: Who decided.
            decision: What it decided.
            query: What was looked for.
            keys: What was answered.
            limit: As of the recall.
            exclude: As of the recall.
        """

    @abstractmethod
    def tell_miss(
        self, router: WarmRouter, decision: RouteDecision, keys: Collection[str], found: Iterable[SearchItem]
    ) -> None:
        """Tell a router that learns of its miss. Waits for nothing, and raises nothing.

        Args:
            router: Who decided.
            decision: What it decided.
            keys: What a hit would have answered.
            found: What the long-term tier answered.
        """

    @abstractmethod
    def _prepare_steps(self, router: WarmRouter, namespace: Namespace) -> Steps[None]:
        """Let a router take what was kept of a namespace."""

    @abstractmethod
    def _why_not(self, asked: Asked) -> Steps[WhyNot]:
        """Explain why a memory was not recalled."""

    @abstractmethod
    def _warm_steps(self, search: Search) -> Steps[Recall]:
        """Rank the warm items."""

    @abstractmethod
    def _long_term_steps(self, search: Search) -> Steps[Recall]:
        """Rank all items."""

    @abstractmethod
    def _recall_steps(self, search: Search, router: WarmRouter | None) -> Steps[Recall]:
        """Rank the warm items, and all if the router finds these not enough; `None`: the store's own router."""

    def _all(self, search: Search, as_of: AsOf | None) -> Steps[Recall]:
        if as_of is not None:
            return recall_as_of(self._long_term_steps, search, as_of)
        return open_only(self._long_term_steps, search, self.clock)

    def _routed(self, search: Search, router: WarmRouter | None, as_of: AsOf | None) -> Steps[Recall]:
        if as_of is not None:
            return recall_as_of(self._long_term_steps, search, as_of)
        return open_only(partial(self._recall_steps, router=router), search, self.clock)

    def _search(
        self,
        namespace: Namespace,
        query: str,
        limit: int,
        filter: Mapping[str, Any] | None,
        exclude: Collection[str],
    ) -> Search:
        return recall_search(namespace, query, limit, filter, self.ttl_config, exclude)
