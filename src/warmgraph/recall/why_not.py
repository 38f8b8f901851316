"""Why a memory was not recalled, for any store as far as it can be known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, Item

from warmgraph.errors import InvalidArgumentError
from warmgraph.ranking import WarmRouter
from warmgraph.recall.packing import DEFAULT_MIN_SCORE
from warmgraph.recall.tiers import long_term_steps, warm_steps
from warmgraph.steps import Io, Steps, arun, run
from warmgraph.store.recalls import Recall
from warmgraph.store.why_not import Asked, Halves, Parts, WhyNot, why_not_steps

__all__ = ["awhy_not", "why_not"]

Namespace: TypeAlias = tuple[str, ...]


def why_not(
    store: BaseStore,
    namespace: Namespace,
    query: str,
    key: str,
    *,
    limit: int = 10,
    filter: Mapping[str, Any] | None = None,
    exclude: Collection[str] = (),
    router: WarmRouter | None = None,
    min_score: float = DEFAULT_MIN_SCORE,
) -> WhyNot:
    """Explain why a recall does not return a memory.

    Stores of ours tell what each score is made of; of others the ranking is all that can be known. It recalls, so what
    it finds counts as used.

    Args:
        store: Any store.
        namespace: The exact namespace.
        query: What was looked for.
        key: The memory that was missed.
        limit: As of the recall.
        filter: As of the recall.
        exclude: As of the recall.
        router: As of the recall.
        min_score: What a memory has to score to get into a prompt.

    Raises:
        InvalidArgumentError: `namespace` is empty or `limit` is below 1.

    Example:
        >>> from warmgraph.store import WarmStore
        >>> store, ana = WarmStore(), ("memories", "ana")
        >>> store.put(ana, "home", {"content": "I live in Lisbon."})
        >>> store.put(ana, "dog", {"content": "My dog is called Bruno."})
        >>> why_not(store, ana, "What is the dog called?", "home").reason
        'no_match'
    """
    return run(_steps(store, Asked(namespace, query, key, limit, filter, exclude, router, min_score)))


async def awhy_not(
    store: BaseStore,
    namespace: Namespace,
    query: str,
    key: str,
    *,
    limit: int = 10,
    filter: Mapping[str, Any] | None = None,
    exclude: Collection[str] = (),
    router: WarmRouter | None = None,
    min_score: float = DEFAULT_MIN_SCORE,
) -> WhyNot:
    """Explain as `why_not` does, on an event loop."""
    return await arun(_steps(store, Asked(namespace, query, key, limit, filter, exclude, router, min_score)))


def _steps(store: BaseStore, asked: Asked) -> Steps[WhyNot]:
    namespace = asked.namespace
    if not isinstance(namespace, tuple) or not namespace:
        raise InvalidArgumentError("namespace", expected="a tuple with at least one label", got=namespace)
    if isinstance(asked.limit, bool) or not isinstance(asked.limit, int) or asked.limit < 1:
        raise InvalidArgumentError("limit", expected="an integer >= 1", got=asked.limit)
    own = getattr(store, "why_not", None)
    if own is not None:
        options = asked._asdict()
        del options["namespace"], options["query"], options["key"]
        place = namespace, asked.query, asked.key
        told: WhyNot = yield Io(
            partial(own, *place, **options),
            partial(store.awhy_not, *place, **options),  # type: ignore[attr-defined]
        )
        return told

    def get(key: str) -> Steps[Item | None]:
        found: Item | None = yield Io(
            lambda: store.get(namespace, key, refresh_ttl=False), lambda: store.aget(namespace, key, refresh_ttl=False)
        )
        return found

    def parts(keys: Collection[str]) -> Steps[Mapping[str, Parts]]:
        return {}
        yield  # a generator that waits for nothing

    def warm() -> Steps[Recall]:
        return warm_steps(store, namespace, asked.query, asked.limit, asked.filter, asked.exclude)

    def long_term(limit: int) -> Steps[Recall]:
        return long_term_steps(store, namespace, asked.query, limit, asked.filter, asked.exclude)

    return (yield from why_not_steps(asked, Halves(get, warm, long_term, parts, lambda key: False)))
