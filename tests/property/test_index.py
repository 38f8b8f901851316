"""The indexes against plain models: whatever is written in whatever order, the answers are those of the model."""

from __future__ import annotations

import io
import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from warmgraph.index import FlatIndex, FloatArray, LexicalDocument, LexicalIndex, Metric, Plan, RoutedIndex, VectorIndex
from warmgraph.index.lexical import BACKGROUND

SLOTS = 13
DIMS = 3
WORDS = "abcdefghij"

slots = st.integers(0, SLOTS - 1)
counts = st.dictionaries(st.sampled_from(WORDS), st.integers(1, 3), max_size=5)
threads = st.sampled_from([None, "t", "t", "u"])
positions = st.sampled_from([None, -1, 0, 0.5, 2, 3])
documents = st.builds(LexicalDocument, counts, counts, threads, positions)
queries = st.lists(st.sampled_from(WORDS + "?"), max_size=5)
vectors = st.tuples(*[st.sampled_from([0.0, 1.0, -1.0, 0.25, 3.0])] * DIMS)
items = st.dictionaries(slots, st.lists(vectors, min_size=1, max_size=3), max_size=4)


class LexicalModel:
    """BM25F as it is written down, over a dict of documents in the order in which they took their places."""

    def __init__(self) -> None:
        self.documents: dict[int, LexicalDocument] = {}

    def upsert(self, slot: int, document: LexicalDocument) -> None:
        if slot in self.documents and self.place(self.documents[slot]) != self.place(document):
            del self.documents[slot]
        self.documents[slot] = document

    def remove(self, slot: int) -> None:
        self.documents.pop(slot, None)

    def place(self, document: LexicalDocument) -> tuple[str, float] | None:
        if document.thread is None:
            return None
        return document.thread, math.inf if document.position is None else document.position

    def context(self) -> dict[int, list[tuple[int, float]]]:
        """Return, by slot, the slots whose own terms count there, and for how much."""
        found = {slot: [(slot, 1.0)] for slot in self.documents}
        placed = {slot: place for slot, document in self.documents.items() if (place := self.place(document))}
        for thread in {name for name, _ in placed.values()}:
            members = sorted((slot for slot in placed if placed[slot][0] == thread), key=lambda slot: placed[slot][1])
            for at, slot in enumerate(members):
                found[slot] += zip(reversed(members[:at]), (0.6, 0.4, 0.2, 0.1), strict=False)
                found[slot] += zip(members[at + 1 :], (0.4, 0.2), strict=False)
        return found

    def scores(self, terms: Sequence[str], size: int) -> list[float]:
        frequencies: dict[int, dict[str, float]] = {}
        for slot, context in self.context().items():
            frequencies[slot] = dict(self.documents[slot].extra)
            for other, weight in context:
                for term, count in self.documents[other].terms.items():
                    frequencies[slot][term] = frequencies[slot].get(term, 0) + weight * count
        lengths = {slot: sum(frequency.values()) for slot, frequency in frequencies.items()}
        mean = sum(lengths.values()) / max(len(lengths), 1)
        having = Counter(term for document in self.documents.values() for term in {*document.terms, *document.extra})
        best = sum(self.idf(having[term], BACKGROUND) for term in terms)
        scores = [0.0] * size
        for slot in range(size):
            for term in terms:
                if frequency := frequencies.get(slot, {}).get(term):
                    normal = 1.2 * (1 - 0.3 + 0.3 * lengths[slot] / mean)
                    scores[slot] += self.idf(having[term], BACKGROUND) * frequency / (frequency + normal) / best
        return scores

    def idf_mass(self, slot: int) -> float:
        others = [document.terms for other, document in self.documents.items() if other != slot]
        return sum(self.idf(sum(term in terms for terms in others)) for term in self.documents[slot].terms)

    def idf(self, having: int, background: int = 0) -> float:
        return math.log(1 + (len(self.documents) + background - having + 0.5) / (having + 0.5))


class LexicalMachine(RuleBasedStateMachine):
    """Writes and questions in any order, to the index and to the model."""

    def __init__(self) -> None:
        super().__init__()
        self.index, self.model = LexicalIndex(), LexicalModel()

    @rule(slot=slots, document=documents)
    def upsert(self, slot: int, document: LexicalDocument) -> None:
        self.index.upsert(slot, document)
        self.model.upsert(slot, document)

    @rule(slot=slots)
    def remove(self, slot: int) -> None:
        self.index.remove(slot)
        self.model.remove(slot)

    @rule(terms=queries, size=st.sampled_from([0, 5, SLOTS, 20]))
    def ask(self, terms: list[str], size: int) -> None:
        np.testing.assert_allclose(self.model.scores(terms, size), self.index.scores(terms, size), atol=1e-6)

    @invariant()
    def agree(self) -> None:
        self.index._check()
        assert len(self.model.documents) == len(self.index)
        for slot in range(SLOTS):
            assert (slot in self.model.documents) == (slot in self.index)
            mass = self.model.idf_mass(slot) if slot in self.model.documents else 0.0
            assert math.isclose(mass, self.index.idf_mass(slot), abs_tol=1e-9)


class FlatMachine(RuleBasedStateMachine):
    """The same for vectors, several of them in a slot now and then."""

    metric: Metric = "cosine"

    def __init__(self) -> None:
        super().__init__()
        self.index: VectorIndex = FlatIndex(DIMS, self.metric)
        self.model: dict[int, list[tuple[float, ...]]] = {}

    @rule(items=items, order=st.randoms(use_true_random=False))
    def upsert(self, items: dict[int, list[tuple[float, ...]]], order: random.Random) -> None:
        pairs = [(slot, vector) for slot, rows in items.items() for vector in rows]
        order.shuffle(pairs)
        self.index.upsert([slot for slot, _ in pairs], np.array([vector for _, vector in pairs], np.float32))
        for slot in items:
            self.model[slot] = [vector for other, vector in pairs if other == slot]

    @rule(gone=st.lists(slots, max_size=6))
    def remove(self, gone: list[int]) -> None:
        self.index.remove(gone)
        for slot in gone:
            self.model.pop(slot, None)

    @rule(query=vectors, k=st.integers(1, SLOTS + 2), mask=st.none() | st.sets(slots))
    def ask(self, query: tuple[float, ...], k: int, mask: set[int] | None) -> None:
        asked = np.array(query, np.float32)
        expected = {slot: max(self.score(vector, query) for vector in rows) for slot, rows in self.model.items()}
        by_slot = [expected.get(slot, -math.inf) for slot in range(SLOTS)]
        np.testing.assert_allclose(by_slot, self.index.scores(asked, SLOTS), atol=1e-5)

        allowed = None if mask is None else np.array([slot in mask for slot in range(SLOTS)])
        found = self.index.search(asked, k, allowed=allowed)
        among = sorted((expected[slot] for slot in expected if mask is None or slot in mask), reverse=True)
        np.testing.assert_allclose(among[:k], found.scores, atol=1e-5)
        np.testing.assert_allclose([by_slot[slot] for slot in found.slots], found.scores, atol=1e-5)
        assert len(found.slots) == len(set(found.slots.tolist()) & (mask if mask is not None else set(expected)))

    @invariant()
    def agree(self) -> None:
        self.index._check()
        assert len(self.model) == len(self.index)
        assert [len(self.model.get(slot, ())) for slot in range(SLOTS)] == [
            len(self.index.vectors_of(slot)) for slot in range(SLOTS)
        ]

    def score(self, vector: tuple[float, ...], query: tuple[float, ...]) -> float:
        if self.metric == "l2":
            return -math.dist(vector, query)
        product = sum(x * y for x, y in zip(vector, query, strict=True))
        return product / ((math.hypot(*vector) * math.hypot(*query)) or 1.0) if self.metric == "cosine" else product


class RoutedMachine(FlatMachine):
    """The same with codes and cells, all of them probed; they are made anew, saved and loaded now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = Plan(codes_from=2, routed_from=5, probed=1.0, reranked=10**6, batch=3)
        self.index = RoutedIndex(DIMS, plan=self.plan)

    @rule()
    def refit(self) -> None:
        assert isinstance(self.index, RoutedIndex)
        self.index.refit()

    @rule()
    def reopen(self) -> None:
        assert isinstance(self.index, RoutedIndex)
        file = io.BytesIO()
        self.index.save(file)
        file.seek(0)
        self.index = RoutedIndex.load(file, DIMS, plan=self.plan)


class DotMachine(FlatMachine):
    metric = "dot"


class DistanceMachine(FlatMachine):
    metric = "l2"


TestLexical = LexicalMachine.TestCase
TestCosine = FlatMachine.TestCase
TestDot = DotMachine.TestCase
TestDistance = DistanceMachine.TestCase
TestRouted = RoutedMachine.TestCase
TestLexical.settings = TestCosine.settings = TestDot.settings = TestDistance.settings = TestRouted.settings = settings(
    max_examples=80, stateful_step_count=30
)


@pytest.mark.parametrize("linked", [True, False])
def test_many_documents_score_like_the_model(linked: bool) -> None:
    """Rare and frequent terms in many documents, which are scored in different ways, meet the definition alike."""
    rng = random.Random(7)
    words = [f"w{number}" for number in range(400)]
    likelihood = [1 / (1 + number) for number in range(400)]
    index, model = LexicalIndex(), LexicalModel()
    for slot in rng.sample(range(6_000), 4_000):
        own, extra = (Counter(rng.choices(words, likelihood, k=size)) for size in (6, 2))
        document = LexicalDocument(own, extra, f"t{slot // 40}" if linked else None, slot % 40)
        index.upsert(slot, document)
        model.upsert(slot, document)

    for size in (1, 12, 40):
        terms = [*rng.choices(words, k=size), "unheard"]
        np.testing.assert_allclose(model.scores(terms, 6_000), index.scores(terms, 6_000), atol=1e-6)
    index._check()


def test_a_lexical_index_survives_a_long_life() -> None:
    """Growing, churning and shrinking over thousands of writes, with pieces packed, leaves nothing wrong or behind."""
    rng = random.Random(3)
    index, model = LexicalIndex(), LexicalModel()
    peak = 0
    for step in range(9_000):
        growing = step % 3_000 < 1_500
        slot = rng.randrange(700)
        if rng.random() < (0.15 if growing else 0.7):
            index.remove(slot)
            model.remove(slot)
        else:
            # Some words are everybody's, most are seen once and never again.
            own = Counter([f"w{int(rng.paretovariate(0.5)) % 10**9}" for _ in range(rng.randrange(12))])
            place = (rng.choice("tuv"), rng.randrange(200)) if rng.random() < 0.7 else (None, None)
            document = LexicalDocument(own, {f"by{rng.randrange(3)}": 1}, *place)
            index.upsert(slot, document)
            model.upsert(slot, document)
        peak = max(peak, index.stats().ram_bytes)
        if step % 500 == 499:
            index._check()
            terms = ["w1", "w2", "w5", "by1", f"w{rng.randrange(100)}"]
            np.testing.assert_allclose(model.scores(terms, 700), index.scores(terms, 700), atol=1e-6)
    for slot in range(700):
        index.remove(slot)

    index._check()
    assert index.stats().ram_bytes < peak / 50


def test_a_flat_index_survives_a_long_life() -> None:
    """The same for vectors: rows are moved about all the time, and each slot still finds its own."""
    rng = random.Random(5)
    noise = np.random.default_rng(5)
    index = FlatIndex(8)
    model: dict[int, FloatArray] = {}
    for step in range(6_000):
        slot = rng.randrange(300)
        if rng.random() < (0.2 if step % 2_000 < 1_000 else 0.8):
            index.remove([slot])
            model.pop(slot, None)
        else:
            model[slot] = noise.standard_normal((rng.choice([1, 1, 1, 2, 3]), 8)).astype(np.float32)
            index.upsert([slot] * len(model[slot]), model[slot])
        if step % 200 == 199:
            index._check()
            for held, vectors in model.items():
                unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
                np.testing.assert_allclose(unit, index.vectors_of(held), atol=1e-6)
