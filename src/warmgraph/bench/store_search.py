"""Searches by meaning: one namespace, one of many, all of many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import numpy as np
from langgraph.store.base import BaseStore, SearchItem

from warmgraph.bench.race import Runner, race
from warmgraph.bench.store_corpus import LABEL, Corpus, Scale
from warmgraph.bench.store_outcome import Bar, Outcome
from warmgraph.bench.store_peers import (
    FILE,
    IN_MEMORY,
    IN_MEMORY_ARRAYS,
    POSTGRES,
    RAM,
    RAM_ARRAYS,
    SMALL_FILE,
    SQLITE,
    WARM_MEMORY,
    WARM_MEMORY_KEYWORDS,
    Peers,
)
from warmgraph.errors import WarmGraphError
from warmgraph.store import WarmStore
from warmgraph.store.routed import RoutedStore

__all__ = ["FLOOR", "FLOOR_ARRAYS", "FLOOR_ITEMS", "search_alone", "search_crowd"]

FLOOR = "floor"
FLOOR_ARRAYS = "floor, numpy rows"
FLOOR_ITEMS = "floor and ten SearchItems"

_LIMIT = 10
# More than the 4,096 that a store of ours remembers: going round them, it meets none that it knows.
_QUERIES = 5_000
_BATCH = 1_000


def search_alone(peers: Peers, scale: Scale, items: int, bars: tuple[float, float]) -> Outcome:
    """Compare a search in the only namespace there is.

    Args:
        peers: Opens the stores.
        scale: How much to measure.
        items: Items of the namespace.
        bars: How many times as fast as `InMemoryStore`, and how many times as long as the floor.
    """
    names = [RAM, FILE, SMALL_FILE, RAM_ARRAYS, IN_MEMORY, IN_MEMORY_ARRAYS, SQLITE, POSTGRES]
    names += [WARM_MEMORY, WARM_MEMORY_KEYWORDS]
    corpus, namespace = Corpus(items, _QUERIES, scale.dims), (LABEL, "alone")
    with ExitStack() as stack:
        runners: dict[str, Runner] = {}
        answers: dict[str, list[str]] = {}
        for name in names:
            if name in peers.missing:
                continue
            store = stack.enter_context(peers.open(name, corpus, capacity=items))
            _fill(store, corpus, [namespace], items)
            runners[name] = _search(store, corpus, namespace)
            answers[name] = [item.key for item in store.search(namespace, query=corpus.queries[0], limit=_LIMIT)]
        floor = _Floor(corpus, namespace)
        runners |= {FLOOR: floor.ranked, FLOOR_ITEMS: floor.items, FLOOR_ARRAYS: floor.ranked_arrays}
        answers[FLOOR] = [item.key for item in floor.items(0)]
        answers.pop(WARM_MEMORY_KEYWORDS, None)  # it ranks by words
        answers.pop(POSTGRES, None)  # its index is approximate
        _check_agreement(answers)
        timings = race(runners, laps=scale.laps, seconds=scale.seconds)
    ours = (RAM, FILE, SMALL_FILE)
    return Outcome(
        f"search_{items}",
        f"search by meaning, {items:,} items, one namespace",
        timings,
        [Bar(name, IN_MEMORY, least=bars[0]) for name in ours] + [Bar(name, FLOOR, most=bars[1]) for name in ours],
    )


def search_crowd(peers: Peers, scale: Scale, bars: tuple[float, float]) -> tuple[list[Outcome], dict[str, float]]:
    """Compare searches in one of many namespaces, and below the prefix that all of them share.

    Args:
        peers: Opens the stores.
        scale: How much to measure.
        bars: How many times as fast as `InMemoryStore`, in one namespace and over all.

    Returns:
        The comparisons, and what the indexes of the store on a file hold in RAM for it.
    """
    names = [RAM, FILE, RAM_ARRAYS, IN_MEMORY, IN_MEMORY_ARRAYS, SQLITE, POSTGRES]
    corpus = Corpus(scale.crowd, _QUERIES, scale.dims)
    namespaces = [(LABEL, "crowd", f"user-{at}") for at in range(scale.namespaces)]
    # Any of them may be asked for; every seventh, so that neighbours in RAM are not neighbours in time.
    turns = [namespaces[at * 7 % len(namespaces)] for at in range(len(namespaces))]
    costs: dict[str, float] = {}
    with ExitStack() as stack:
        one: dict[str, Runner] = {}
        every: dict[str, Runner] = {}
        answers: dict[str, list[str]] = {}
        for name in names:
            if name in peers.missing:
                continue
            store = stack.enter_context(peers.open(name, corpus, capacity=scale.items_each))
            _fill(store, corpus, namespaces, scale.items_each)
            one[name] = _search(store, corpus, *turns)
            every[name] = _search(store, corpus, (LABEL, "crowd"))
            found = store.search((LABEL, "crowd"), query=corpus.queries[0], limit=_LIMIT)
            answers[name] = [item.key for item in found]
            if isinstance(store, WarmStore) and isinstance(store.long_term, RoutedStore):
                stats = store.long_term.stats()
                costs = {"vector_bytes": stats.vector_bytes, "lexical_bytes": stats.lexical_bytes, "items": stats.items}
        answers.pop(POSTGRES, None)  # its index is approximate
        _check_agreement(answers)
        # The peers need up to seconds for a search over all: the fewest laps that say something.
        few = replace(scale, laps=min(scale.laps, 15))
        timings_of_one = race(one, laps=scale.laps, seconds=scale.seconds)
        timings_of_all = race(every, laps=few.laps, seconds=few.seconds)
    ours = (RAM, FILE)
    size = f"{scale.namespaces:,} namespaces x {scale.items_each}"
    return [
        Outcome(
            "search_one_of_many",
            f"search by meaning, one of {size}",
            timings_of_one,
            [Bar(name, IN_MEMORY, least=bars[0]) for name in ours],
        ),
        Outcome(
            "search_prefix",
            f"search by meaning, all of {size}",
            timings_of_all,
            [Bar(name, IN_MEMORY, least=bars[1]) for name in ours],
        ),
    ], costs


class _Floor:
    """What a search cannot do without: the vector of the query, all products, the best ten."""

    def __init__(self, corpus: Corpus, namespace: tuple[str, ...]) -> None:
        self._vectors = corpus.vectors
        self._keys = [f"item-{at}" for at in range(len(corpus.texts))]
        self._values = [corpus.value(at) for at in range(len(corpus.texts))]
        self._namespace = namespace
        self._when = datetime.now(timezone.utc)
        self._limit = min(_LIMIT, len(self._keys))
        self._queries = corpus.queries
        self._lookup, self._array_lookup = corpus.lookup(), corpus.lookup(arrays=True)

    def ranked(self, number: int) -> list[tuple[int, float]]:
        return self._best(np.asarray(self._lookup.embed_query(self._query(number)), np.float32))

    def ranked_arrays(self, number: int) -> list[tuple[int, float]]:
        return self._best(self._array_lookup.embed_query(self._query(number)))

    def items(self, number: int) -> list[SearchItem]:
        return [
            SearchItem(self._namespace, self._keys[at], dict(self._values[at]), self._when, self._when, score)
            for at, score in self.ranked(number)
        ]

    def _query(self, number: int) -> str:
        return self._queries[number % len(self._queries)]

    def _best(self, query: Any) -> list[tuple[int, float]]:
        scores = self._vectors @ query
        best = np.argpartition(scores, -self._limit)[-self._limit :]
        best = best[np.argsort(scores[best])[::-1]]
        return list(zip(best.tolist(), scores[best].tolist(), strict=True))


def _fill(store: BaseStore, corpus: Corpus, namespaces: Sequence[tuple[str, ...]], items_each: int) -> None:
    ops = [
        op
        for at, namespace in enumerate(namespaces)
        for op in corpus.puts(namespace, range(at * items_each, (at + 1) * items_each))
    ]
    for start in range(0, len(ops), _BATCH):
        store.batch(ops[start : start + _BATCH])


def _search(store: BaseStore, corpus: Corpus, *namespaces: tuple[str, ...]) -> Runner:
    queries: Iterator[str] = corpus.questions()

    def search(number: int) -> list[SearchItem]:
        return store.search(namespaces[number % len(namespaces)], query=next(queries), limit=_LIMIT)

    return search


def _check_agreement(answers: dict[str, list[str]]) -> None:
    """Refuse to compare stores that do different things."""
    (first, expected), *others = answers.items()
    for name, found in others:
        if found != expected:
            raise WarmGraphError(f"{name} found {found}, and {first} found {expected}")
