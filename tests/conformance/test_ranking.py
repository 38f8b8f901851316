"""Searches with a query: what is embedded, what scores, what is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from langgraph.store.base import PutOp, SearchOp

from tests.conformance.clients import Client
from warmgraph.testing import FakeEmbeddings, LookupEmbeddings

NS = ("docs",)


def cosine(left: list[float], right: list[float]) -> float:
    """Return the cosine of two vectors."""
    return float(np.dot(left, right) / np.linalg.norm(left) / np.linalg.norm(right))


def test_scores_are_cosines(indexed: Client) -> None:
    """A dense score is the cosine of the query and the text, within 1e-3."""
    reference = FakeEmbeddings(dims=32)
    texts = {"a": "one text", "b": "another text", "c": "这是中文"}
    for key, text in texts.items():
        indexed.put(NS, key, {"text": text})
    for query in ("one text", "anything", "这是中文"):
        found = indexed.search(NS, query=query)
        expected = {k: cosine(reference.embed_query(query), reference.embed_query(t)) for k, t in texts.items()}
        assert expected == pytest.approx({item.key: item.score for item in found}, abs=1e-3)
        assert sorted(expected, key=lambda key: -expected[key]) == [item.key for item in found]


def test_vectors_of_any_length_are_compared_by_their_direction(make: Callable[..., Client]) -> None:
    """Scores do not depend on the length of vectors, and the score with a zero vector is 0."""
    vectors = {"a": [1.0, 0.0, 0.0], "b": [2.0, 0.1, 0.0], "c": [0.0, 0.0, 1e-8], "z": [0.0, 0.0, 0.0]}
    store = make(index={"dims": 3, "embed": LookupEmbeddings(vectors), "fields": ["text"]})
    for key in vectors:
        store.put(NS, key, {"text": key})
    scores = {item.key: item.score for item in store.search(NS, query="b")}
    assert {"a": 2 / 4.01**0.5, "b": 1.0, "c": 0.0, "z": 0.0} == pytest.approx(scores, abs=1e-3)


def test_each_text_is_a_vector_and_the_best_counts(indexed: Client) -> None:
    """An item with several texts scores by the one that is nearest."""
    indexed.put(NS, "many", {"t": ["uuu", "vvv", "www"]}, ["t[*]"])
    indexed.put(NS, "one", {"t": ["xxx"]}, ["t[*]"])
    found = indexed.search(NS, query="vvv")
    assert ["many", "one"] == [item.key for item in found]
    assert 1.0 == pytest.approx(found[0].score, abs=1e-3)


def test_paths_name_what_is_embedded(indexed: Client) -> None:
    """Paths of a put choose its texts, in every form that LangGraph knows; missing fields are skipped."""
    value = {
        "title": "plain",
        "other": "other text",
        "a": {"b": "nested"},
        "list": ["first", "middle", "last"],
        "rows": [{"x": "row"}, {"y": "none"}],
    }
    texts = {
        "title": "plain",
        "a.b": "nested",
        "list[0]": "first",
        "list[-1]": "last",
        "rows[*].x": "row",
        "a.*": "nested",
        "{title,other}": "other text",
    }
    for path, text in texts.items():
        indexed.put(("paths", path.replace(".", "-")), "k", value, [path, "no.such.field"])
        found = indexed.search(("paths", path.replace(".", "-")), query=text)
        assert 1.0 == pytest.approx(found[0].score, abs=1e-3)


def test_a_dollar_is_the_whole_document(make: Callable[..., Client]) -> None:
    """`index=["$"]` embeds the document as JSON, as does a store without `fields`."""
    seen = FakeEmbeddings(dims=8)
    store = make(index={"dims": 8, "embed": seen, "fields": ["text"]})
    store.put(NS, "k", {"b": 1, "a": "é"}, ["$"])
    assert ['{"a": "é", "b": 1}'] in seen.documents
    found = store.search(NS, query='{"a": "é", "b": 1}')
    assert 1.0 == pytest.approx(found[0].score, abs=1e-3)


def test_writing_again_replaces_the_vector(indexed: Client) -> None:
    """The score of an item follows its newest text."""
    indexed.put(NS, "k", {"text": "old"})
    assert 1.0 == pytest.approx(indexed.search(NS, query="old")[0].score, abs=1e-3)
    indexed.put(NS, "k", {"text": "new"})
    after = indexed.search(NS, query="old")[0].score
    assert after is not None
    assert after < 0.9
    assert 1.0 == pytest.approx(indexed.search(NS, query="new")[0].score, abs=1e-3)


def test_writing_again_without_index_drops_the_vector(indexed: Client) -> None:
    """An item that is put with `index=False` no longer scores by what it was."""
    indexed.put(NS, "k", {"text": "old"})
    indexed.put(NS, "other", {"text": "other"})
    indexed.put(NS, "k", {"text": "old"}, False)
    assert [("other", True), ("k", False)] == [
        (item.key, item.score is not None) for item in indexed.search(NS, query="old")
    ]


def test_a_shrunken_list_drops_its_vectors(indexed: Client) -> None:
    """Texts that are no longer in the value no longer score."""
    indexed.put(NS, "k", {"t": ["aaa", "bbb", "ccc"]}, ["t[*]"])
    indexed.put(NS, "k", {"t": ["aaa"]}, ["t[*]"])
    score = indexed.search(NS, query="ccc")[0].score
    assert score is not None
    assert score < 0.9


def test_items_without_a_vector_come_last_without_a_score(indexed: Client) -> None:
    """`index=False` hides nothing: such items follow the ranked ones, newest first, with score None."""
    indexed.put(NS, "u1", {"text": "same"}, False)
    indexed.put(NS, "a", {"text": "same"})
    indexed.put(NS, "u2", {"other": "no such field"})
    indexed.put(NS, "b", {"text": "different"})
    found = indexed.search(NS, query="same")
    assert ["a", "b", "u2", "u1"] == [item.key for item in found]
    assert [False, False, True, True] == [item.score is None for item in found]
    assert ["a", "b"] == indexed.keys(NS, query="same", limit=2)
    assert ["u2", "u1"] == indexed.keys(NS, query="same", limit=2, offset=2)
    assert ["u2", "b", "a", "u1"] != indexed.keys(NS)


def test_pages_of_a_ranking_are_full_and_disjoint(indexed: Client) -> None:
    """30 hits are three pages of 10, with falling scores over all pages."""
    indexed.run([PutOp(("p", str(n % 4)), str(n), {"text": f"text {n}"}) for n in range(30)])
    pages = [indexed.search(("p",), query="text 7", limit=10, offset=offset) for offset in (0, 10, 20, 30)]
    assert [10, 10, 10, 0] == [len(page) for page in pages]
    items = [item for page in pages for item in page]
    assert 30 == len({item.key for item in items})
    scores = [item.score or 0.0 for item in items]
    assert sorted(scores, reverse=True) == scores
    assert [item.key for item in items] == indexed.keys(("p",), query="text 7", limit=100)


def test_one_text_twice_in_a_batch_is_no_problem(indexed: Client) -> None:
    """Items with equal texts are both embedded, in one batch as well."""
    indexed.run([PutOp(NS, "a", {"text": "same"}), PutOp(NS, "b", {"text": "same"}), PutOp(NS, "c", {"text": "other"})])
    scores = {item.key: item.score for item in indexed.search(NS, query="same")}
    assert 1.0 == pytest.approx(scores["a"], abs=1e-3)
    assert 1.0 == pytest.approx(scores["b"], abs=1e-3)


def test_queries_are_embedded_as_queries(indexed: Client, embeddings: FakeEmbeddings) -> None:
    """Texts go through `embed_documents`, queries through `embed_query`."""
    indexed.put(NS, "k", {"text": "a text"})
    indexed.search(NS, query="a query")
    assert ["a query"] == embeddings.queries
    assert [["a text"]] == [batch for batch in embeddings.documents if batch]


def test_searches_of_one_batch_have_their_own_queries(indexed: Client) -> None:
    """Each search of a batch is ranked by its own query."""
    for text in ("aaa", "bbb", "ccc"):
        indexed.put(NS, text, {"text": text})
    results = indexed.run([SearchOp(NS, query=query, limit=1) for query in ("bbb", "ccc", "bbb")])
    assert ["bbb", "ccc", "bbb"] == [found[0].key for found in results]


def test_any_text_is_a_query(indexed: Client) -> None:
    """No query is too long or too strange."""
    indexed.put(NS, "k", {"text": "test document"})
    for query in ["x", "test " * 500, "test!@#$%^&*()", "\n", "🍁", "' OR 1=1 --"]:
        assert ["k"] == indexed.keys(NS, query=query)


def test_every_script_is_found(indexed: Client) -> None:
    """Texts of any language are found by themselves."""
    texts = ["这是中文", "これは日本語です", "이건 한국어야", "Это русский", "यह रूसी है"]
    for text in texts:
        indexed.put(("user_1", "m"), text, {"text": text})
    assert texts == [indexed.keys(("user_1", "m"), query=text)[0] for text in texts]


def test_without_an_index_words_rank(store: Client) -> None:
    """A store without embeddings ranks by words, and still returns everything."""
    store.put(NS, "a", {"text": "the river in Lisbon"})
    store.put(NS, "b", {"text": "a dog called Bruno"})
    store.put(NS, "c", {"text": "peanuts"})
    assert "b" == store.keys(NS, query="What is the dog called?")[0]
    assert {"a", "b", "c"} == set(store.keys(NS, query="What is the dog called?"))


def test_a_failing_embedding_leaves_nothing(make: Callable[..., Client]) -> None:
    """When a text cannot be embedded nothing of its batch is written."""

    def embed(texts: list[str]) -> list[list[float]]:
        if any("bad" in text for text in texts):
            raise ConnectionError("no model today")
        return [[1.0, 0.0] for _ in texts]

    store = make(index={"dims": 2, "embed": embed, "fields": ["text"]})
    store.put(NS, "kept", {"text": "good"})
    with pytest.raises(Exception, match="no model today"):
        store.run([PutOp(NS, "new", {"text": "good"}), PutOp(NS, "kept", {"text": "bad"}), PutOp(NS, "kept2", None)])
    assert {"text": "good"} == store.value(NS, "kept")
    assert store.get(NS, "new") is None
    assert ["kept"] == store.keys(NS, query="good")


def test_vectors_of_a_wrong_length_are_refused(make: Callable[..., Client]) -> None:
    """A model that answers with other dimensions than it should fails the write, which leaves nothing."""

    def embed(texts: list[str]) -> list[list[float]]:
        return [[1.0] * (3 if "long" in text else 2) for text in texts]

    store = make(index={"dims": 2, "embed": embed, "fields": ["text"]})
    with pytest.raises(ValueError, match=r"dims|dimensions"):
        store.put(NS, "k", {"text": "long"})
    assert store.get(NS, "k") is None
    store.put(NS, "k", {"text": "short"})
    assert 1.0 == pytest.approx(store.search(NS, query="x")[0].score, abs=1e-3)


def test_an_async_embedding_function_works_in_async(mode: Any, make: Callable[..., Client]) -> None:
    """An async function is awaited from async callers; a sync caller is told that it cannot be."""

    async def embed(texts: list[str]) -> list[list[float]]:
        return [[float(len(text)), 1.0] for text in texts]

    store = make(index={"dims": 2, "embed": embed, "fields": ["text"]})
    if mode in ("async", "abatch"):
        store.put(NS, "k", {"text": "abc"})
        assert 1.0 == pytest.approx(store.search(NS, query="xyz")[0].score, abs=1e-3)
    else:
        with pytest.raises((RuntimeError, ValueError), match="async"):
            store.put(NS, "k", {"text": "abc"})
        assert store.get(NS, "k") is None
        store.put(NS, "k", {"text": "abc"}, False)
        assert {"text": "abc"} == store.value(NS, "k")


def test_a_sync_embedding_function_works_everywhere(make: Callable[..., Client]) -> None:
    """A plain function embeds for sync and async callers."""
    store = make(index={"dims": 2, "embed": lambda texts: [[float(len(t)), 1.0] for t in texts], "fields": ["text"]})
    store.put(NS, "k", {"text": "abc"})
    assert 1.0 == pytest.approx(store.search(NS, query="xyz")[0].score, abs=1e-3)
