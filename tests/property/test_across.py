"""A ranking over an arena against the ranking of one namespace after the other: never another answer."""

from __future__ import annotations

import itertools
from itertools import islice

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from warmgraph.index import Entry, FlatIndex, FloatArray, NamespaceIndex, RoutedIndex
from warmgraph.index.arena import Arena
from warmgraph.ranking import DenseScorer
from warmgraph.store.across import rank_across
from warmgraph.store.search import Query, Ranked, rank

NAMESPACES = [("u", str(number)) for number in range(6)]
KEYS = [f"k{number}" for number in range(24)]
# Of length 1 with products that float32 holds exactly, so that equal scores are equal whichever way they are computed.
VECTORS = np.array([*itertools.product([0.5, -0.5], repeat=4), *np.eye(4), *-np.eye(4), [0, 0, 0, 0]], np.float32)

namespaces = st.integers(0, len(NAMESPACES) - 1)
keys = st.sampled_from(KEYS)
several = st.lists(st.integers(0, len(VECTORS) - 1), max_size=3)
queries = st.integers(0, len(VECTORS) - 2)


class AcrossAnArena(RuleBasedStateMachine):
    """The same writes to indexes in an arena and to indexes that stand alone; both are ranked."""

    def __init__(self) -> None:
        super().__init__()
        self.arena = Arena(4, chunk_rows=32)
        self.indexes = [self.in_arena() for _ in NAMESPACES]
        self.alone = [NamespaceIndex() for _ in NAMESPACES]
        self.written = 0
        self.now = 100.0

    def in_arena(self) -> NamespaceIndex:
        # What it is depends on when its first vector comes: some are of this kind and some of that.
        return NamespaceIndex(lambda dims: (RoutedIndex if self.written % 2 else FlatIndex)(dims, arena=self.arena))

    @initialize(seed=st.integers(0, 1000))
    def fill(self, seed: int) -> None:
        """Write into all namespaces, into one more than a chunk holds."""
        rng = np.random.default_rng(seed)
        for namespace, count in zip(range(len(NAMESPACES)), [3, 8, 12, 24, 0, 16], strict=True):
            for key in KEYS[:count]:
                vectors = rng.integers(0, len(VECTORS), 2 if count == 24 else 1).tolist()
                self.upsert(namespace, key, vectors, None)

    @rule(namespace=namespaces, key=keys, vectors=several, lifetime=st.none() | st.sampled_from([1.0, 5.0]))
    def upsert(self, namespace: int, key: str, vectors: list[int], lifetime: float | None) -> None:
        """Write an item, with no vector, one, or several."""
        self.written += 1
        expires = np.inf if lifetime is None else self.now + lifetime
        rows: FloatArray | None = VECTORS[vectors] if vectors else None
        for index in (self.indexes[namespace], self.alone[namespace]):
            index.upsert(Entry(key, self.written, expires, vectors=rows))

    @rule(namespace=namespaces, key=keys)
    def remove(self, namespace: int, key: str) -> None:
        """Remove an item, or nothing."""
        assert self.alone[namespace].remove(key) == self.indexes[namespace].remove(key)

    @rule(namespace=namespaces)
    def drop(self, namespace: int) -> None:
        """Drop a namespace, and begin it anew."""
        self.indexes[namespace], self.alone[namespace] = self.in_arena(), NamespaceIndex()

    @rule()
    def wait(self) -> None:
        """Let time go by."""
        self.now += 2.0

    @rule(
        query=queries,
        wanted=st.integers(1, 12),
        taken=st.none() | st.integers(1, 40),
        excluded=st.frozensets(keys, max_size=3),
        chosen=st.sets(namespaces, min_size=2),
    )
    def ranked(self, query: int, wanted: int, taken: int | None, excluded: frozenset[str], chosen: set[int]) -> None:
        """Rank some namespaces, and take as many as were announced, fewer, or more."""
        by = Query((), VECTORS[query], DenseScorer())
        answers: list[list[Ranked]] = []
        for indexes in (self.alone, self.indexes):
            pairs = [(NAMESPACES[at], indexes[at]) for at in sorted(chosen)]
            answers.append(list(islice(rank(pairs, by, now=self.now, wanted=wanted, exclude=excluded), taken)))
        assert answers[0] == answers[1]

    @invariant()
    def whole(self) -> None:
        """The arena and the indexes in it are what they say."""
        self.arena._check()
        for index in self.indexes:
            index._check()


TestAcrossAnArena = AcrossAnArena.TestCase
TestAcrossAnArena.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_random_vectors_rank_alike() -> None:
    """Over 2,000 random vectors in 50 namespaces the arena gives the items and scores that the namespaces give."""
    rng = np.random.default_rng(7)
    arena = Arena(32, chunk_rows=256)
    pairs, alone = (
        [((str(n),), NamespaceIndex(lambda dims, a=a: FlatIndex(dims, arena=a))) for n in range(50)]  # type: ignore[misc]
        for a in (arena, None)
    )
    for number in range(2000):
        entry = Entry(f"k{number}", number, vectors=rng.standard_normal((1, 32)).astype(np.float32))
        at = rng.integers(50)
        pairs[at][1].upsert(entry)
        alone[at][1].upsert(entry)

    for _ in range(20):
        query = rng.standard_normal(32).astype(np.float32)
        by = Query((), query, DenseScorer())
        expected = list(islice(rank(alone, by, now=0, wanted=50), 50))
        found = list(islice(rank_across(pairs, query, now=0, wanted=50, exclude=()), 50))

        assert [(place.namespace, place.key) for place in expected] == [(p.namespace, p.key) for p in found]
        np.testing.assert_allclose([p.score or 0 for p in expected], [p.score or 0 for p in found], atol=1e-6)
