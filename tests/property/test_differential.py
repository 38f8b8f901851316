"""The stores against LangGraph's in-memory store: 20,000 ops drawn from seeds, and batches that Hypothesis shrinks."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import BaseStore, GetOp, ListNamespacesOp, MatchCondition, Op, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from warmgraph.index import Plan
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import FakeEmbeddings

Namespace = tuple[str, ...]

EARLY = Plan(
    codes_from=2, routed_from=4, estimated_from=1, mapped_from=1, nlist=2, fewest=1, probed=0.5, reranked=1, batch=2
)
"""Codes and cells for the few items of a namespace here."""

MAKERS: dict[str, Any] = {
    "WarmStore": lambda index: WarmStore(index=index),
    "RoutedStore": lambda index: RoutedStore(":memory:", index=index),
    "WarmStore of 2": lambda index: WarmStore.open(":memory:", index=index, capacity=2),
    "RoutedStore with codes and cells": lambda index: RoutedStore(":memory:", index=index, vector_plan=EARLY),
}


class Reference:
    """LangGraph's in-memory store without the faults that are known of it.

    Vectors of an earlier value and namespaces that are empty go before anybody sees them.
    """

    def __init__(self, index: Any) -> None:
        self.store = InMemoryStore(index=index)

    def batch(self, ops: Sequence[Op]) -> list[Any]:
        """Execute ops one by one, reads first."""
        results: list[Any] = [None] * len(ops)
        for at, op in enumerate(ops):
            if not isinstance(op, PutOp):
                (results[at],) = self.store.batch([op])
                self._clear()
        for op in ops:
            if isinstance(op, PutOp):
                self.store.batch([PutOp(op.namespace, op.key, None), op])
                self.store._vectors[op.namespace].pop(op.key, None)
                self.store.batch([op])
        self._clear()
        return results

    def _clear(self) -> None:
        for namespace in [name for name, items in self.store._data.items() if not items]:
            del self.store._data[namespace]


def plain(op: Op, result: Any) -> Any:
    """Return of a result what both stores promise: not the order of equals, not times."""
    if isinstance(op, GetOp):
        return None if result is None else (result.namespace, result.key, result.value)
    if isinstance(op, SearchOp):
        return {(item.namespace, item.key, repr(item.value)): item.score for item in result}
    return result


def assert_alike(op: Op, expected: Any, found: Any) -> None:
    """Compare two results of one op, scores within 1e-3."""
    left, right = plain(op, expected), plain(op, found)
    if not isinstance(op, SearchOp):
        assert left == right, op
        return
    # The order of equals is each store's own, and what has no score the in-memory store puts on every page.
    scores = [[item.score for item in each if item.score is not None] for each in (expected, found)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3), op
    if op.limit >= EVERYTHING:
        assert left.keys() == right.keys(), op
        for place, score in left.items():
            assert (score is None) == (right[place] is None), (op, place)
            assert score is None or math.isclose(score, right[place], abs_tol=1e-3), (op, place)


EVERYTHING = 1000


# -- drawn from a seed -------------------------------------------------------------------------------------------------

LABELS = ["a", "ab", "b", "A", "a_", "a%", "é", "*", "memories"]
FIELDS: list[Any] = [None, None, None, False, ["text"], ["title"], ["title", "text"], ["list[*]"], ["d.t"]]
WORDS = [f"word{n}" for n in range(12)]


class Draw:
    """Draws ops from a seed, over a few dozen places so that they meet again and again."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.namespaces = [tuple(self.random.choices(LABELS, k=self.random.randint(1, 4))) for _ in range(12)]
        self.written = self.texts = 0

    def batch(self) -> list[Op]:
        """Draw a batch of 1 to 8 ops."""
        return [self.op() for _ in range(self.random.choice([1, 1, 1, 2, 3, 8]))]

    def op(self) -> Op:
        """Draw an op."""
        choose, namespace = self.random, self.random.choice(self.namespaces)
        match choose.choices(["put", "delete", "get", "search", "list"], [40, 12, 25, 15, 8])[0]:
            case "put":
                return PutOp(namespace, self.key(), self.value(), choose.choice(FIELDS))
            case "delete":
                return PutOp(namespace, self.key(), None)
            case "get":
                return GetOp(namespace, self.key())
            case "search":
                return self.search(namespace)
            case _:
                return self.listing(namespace)

    def key(self) -> str:
        """Draw one of a few keys."""
        return str(self.random.randrange(6))

    def text(self) -> str:
        """Draw a few words and a number that no other text has: the in-memory store cannot embed one text twice."""
        self.texts += 1
        return " ".join([*self.random.choices(WORDS, k=self.random.randint(1, 3)), str(self.texts)])

    def value(self) -> dict[str, Any]:
        """Draw a value. Its number is its own, so that no two are alike."""
        choose = self.random
        self.written += 1
        value: dict[str, Any] = {"text": self.text(), "n": self.written, "score": choose.choice([-1.5, 0, 2, 3.25])}
        if choose.random() < 0.5:
            value |= {"title": self.text(), "color": choose.choice(["red", "blue", None])}
        if choose.random() < 0.3:
            value |= {"list": [self.text() for _ in range(choose.randrange(3))], "d": {"t": self.text(), "u": [1, "x"]}}
        return value

    def search(self, namespace: Namespace) -> SearchOp:
        """Draw a search. Without a query it takes everything, for then the stores' orders differ."""
        choose = self.random
        query = choose.choice([None, self.text(), self.text()])
        limit, offset = (
            (EVERYTHING, 0) if query is None or choose.random() < 0.5 else (choose.randrange(8), choose.randrange(4))
        )
        return SearchOp(namespace[: choose.randint(0, len(namespace))], self.filter(), limit, offset, query)

    def filter(self) -> dict[str, Any] | None:
        """Draw a filter of those that the in-memory store knows as well."""
        choose = self.random
        return choose.choice(
            [
                None,
                None,
                {"score": {choose.choice(["$gt", "$gte", "$lt", "$lte", "$ne", "$eq"]): choose.choice([0, 2, 3.25])}},
                {"color": choose.choice(["red", "blue", None])},
                {"d": {"u": [1, "x"]}},
                {"n": choose.randint(1, self.written + 1)},
            ]
        )

    def listing(self, namespace: Namespace) -> ListNamespacesOp:
        """Draw a listing."""
        choose = self.random
        path = tuple("*" if choose.random() < 0.2 else label for label in namespace)
        conditions = [
            MatchCondition("prefix", path[: choose.randint(0, len(path))]),
            MatchCondition("suffix", path[choose.randint(0, len(path)) :]),
        ]
        chosen = tuple(condition for condition in conditions if condition.path and choose.random() < 0.5)
        return ListNamespacesOp(
            chosen or None, choose.choice([None, 1, 2, 3]), choose.choice([2, 100]), choose.randrange(3)
        )


OPS_OF_A_SEED = 2_500


@pytest.mark.parametrize("seed", range(8))
def test_20000_random_ops_have_the_answers_of_the_in_memory_store(seed: int) -> None:
    """2,500 ops of each of 8 seeds, in batches, are answered alike by four stores of ours and by LangGraph's."""
    index: Any = {"dims": 8, "embed": FakeEmbeddings(8), "fields": ["text"]}
    reference, draw, count = Reference(index), Draw(seed), 0
    stores = {name: make(index) for name, make in MAKERS.items()}
    while count < OPS_OF_A_SEED:
        ops = draw.batch()
        count += len(ops)
        expected = reference.batch(ops)
        for store in stores.values():
            for op, left, right in zip(ops, expected, store.batch(ops), strict=True):
                assert_alike(op, left, right)
    for store in stores.values():
        store._check()
        store.close()


# -- drawn by Hypothesis -----------------------------------------------------------------------------------------------

NAMESPACES = st.sampled_from([("a",), ("a", "b"), ("a", "b", "c"), ("ab",), ("b",)])
PREFIXES = NAMESPACES | st.just(())
KEYS = st.sampled_from(["1", "2", "3"])
TEXTS = st.sampled_from(["red dog", "blue dog", "red cat", "bird", ""])
INNER = st.sampled_from([0, 1, 2.5, "x", "y", None]) | st.lists(st.sampled_from([1, "x"]), max_size=2)
PLACES: dict[str, Any] = {
    "thread_id": st.sampled_from("tu"),
    "position": st.integers(0, 3),
    "importance": st.sampled_from([0.1, 1]),
}
VALUES = st.fixed_dictionaries(
    {"text": TEXTS},
    optional={"x": INNER, "y": INNER, "d": st.dictionaries(st.sampled_from("xy"), INNER), **PLACES},
)
FILTERS = st.none() | st.dictionaries(
    st.sampled_from("xyd"), INNER | st.dictionaries(st.sampled_from("xy"), INNER, max_size=1), max_size=2
)
CONDITIONS = st.lists(
    st.builds(MatchCondition, st.sampled_from(["prefix", "suffix"]), NAMESPACES | st.just(("*", "b"))), max_size=2
)
INDEXES: st.SearchStrategy[Any] = st.sampled_from([None, None, False, ["text"], ["x"]])
OPS: st.SearchStrategy[Op] = st.one_of(
    st.tuples(NAMESPACES, KEYS, VALUES, INDEXES).map(lambda given: PutOp(*given)),
    st.tuples(NAMESPACES, KEYS, VALUES).map(lambda given: PutOp(*given)),
    st.tuples(NAMESPACES, KEYS).map(lambda given: PutOp(*given, None)),
    st.tuples(NAMESPACES, KEYS).map(lambda given: GetOp(*given)),
    st.tuples(PREFIXES, FILTERS, st.just(EVERYTHING), st.just(0), st.none() | TEXTS).map(
        lambda given: SearchOp(*given)
    ),
    st.tuples(CONDITIONS.map(tuple), st.none() | st.integers(1, 3), st.integers(1, 5), st.integers(0, 2)).map(
        lambda given: ListNamespacesOp(*given)
    ),
)


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=st.lists(st.lists(OPS, max_size=6), max_size=8))
def test_the_stores_answer_as_the_in_memory_store_does(name: str, batches: list[list[Op]]) -> None:
    """Random batches have the same results, scores of dense searches within 1e-3."""
    index: Any = {"dims": 8, "embed": FakeEmbeddings(8), "fields": ["text"]}
    reference = Reference(index)
    with MAKERS[name](index) as store:
        for ops in batches:
            for op, left, right in zip(ops, reference.batch(ops), store.batch(ops), strict=True):
                assert_alike(op, left, right)
        store._check()


def test_scores_agree_over_many_items() -> None:
    """A thousand items of many vectors each score as in LangGraph's in-memory store."""
    embeddings = FakeEmbeddings(32)
    index: Any = {"dims": 32, "embed": embeddings, "fields": ["t[*]"]}
    choose = np.random.default_rng(0)
    values = [{"t": [f"text {n} {part}" for part in range(int(choose.integers(0, 4)))]} for n in range(300)]
    reference: BaseStore = InMemoryStore(index=index)
    with WarmStore.open(":memory:", index=index, capacity=7) as store:
        for each in (reference, store):
            for start in range(0, 300, 50):
                each.batch([PutOp(("n", str(n % 3)), str(n), values[n]) for n in range(start, start + 50)])
        for query in ("text 5 1", "something else"):
            expected = reference.search(("n",), query=query, limit=150)
            found = store.search(("n",), query=query, limit=150)
            assert [item.key for item in expected] == [item.key for item in found]
            assert [item.score for item in expected] == pytest.approx([item.score for item in found], abs=1e-3)
