"""Cases: searches with a query rank by embeddings."""

from __future__ import annotations

import numpy as np
from langgraph.store.base import PutOp, SearchOp

from warmgraph.testing.conformance.expect import close, equal, holds, present, raises
from warmgraph.testing.conformance.registry import case
from warmgraph.testing.conformance.setting import Setting
from warmgraph.testing.embeddings import FakeEmbeddings, LookupEmbeddings

NS = ("docs",)


@case("index")
def scores_are_cosines(setting: Setting) -> None:
    """A dense score is the cosine of the query and the text, within 1e-3."""
    indexed = setting.indexed()
    reference = FakeEmbeddings(dims=32)
    texts = {"a": "one text", "b": "another text", "c": "这是中文"}
    for key, text in texts.items():
        indexed.put(NS, key, {"text": text})
    for query in ("one text", "anything", "这是中文"):
        found = indexed.search(NS, query=query)
        expected = {k: _cosine(reference.embed_query(query), reference.embed_query(t)) for k, t in texts.items()}
        close(expected, {item.key: item.score for item in found})
        equal(sorted(expected, key=lambda key: -expected[key]), [item.key for item in found])


@case("index")
def vectors_of_any_length_are_compared_by_their_direction(setting: Setting) -> None:
    """Scores do not depend on the length of vectors, and the score with a zero vector is 0."""
    vectors = {"a": [1.0, 0.0, 0.0], "b": [2.0, 0.1, 0.0], "c": [0.0, 0.0, 1e-8], "z": [0.0, 0.0, 0.0]}
    store = setting.store(index={"dims": 3, "embed": LookupEmbeddings(vectors), "fields": ["text"]})
    for key in vectors:
        store.put(NS, key, {"text": key})
    scores = {item.key: item.score for item in store.search(NS, query="b")}
    close({"a": 2 / 4.01**0.5, "b": 1.0, "c": 0.0, "z": 0.0}, scores)


@case("index")
def each_text_is_a_vector_and_the_best_counts(setting: Setting) -> None:
    """An item with several texts scores by the one that is nearest."""
    indexed = setting.indexed()
    indexed.put(NS, "many", {"t": ["uuu", "vvv", "www"]}, ["t[*]"])
    indexed.put(NS, "one", {"t": ["xxx"]}, ["t[*]"])
    found = indexed.search(NS, query="vvv")
    equal(["many", "one"], [item.key for item in found])
    close(1.0, found[0].score)


@case("index")
def paths_name_what_is_embedded(setting: Setting) -> None:
    """Paths of a put choose its texts, in every form that LangGraph knows; missing fields are skipped."""
    indexed = setting.indexed()
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
        close(1.0, found[0].score)


@case("index")
def a_dollar_is_the_whole_document(setting: Setting) -> None:
    """`index=["$"]` embeds the document as JSON, as does a store without `fields`."""
    seen = FakeEmbeddings(dims=8)
    store = setting.store(index={"dims": 8, "embed": seen, "fields": ["text"]})
    store.put(NS, "k", {"b": 1, "a": "é"}, ["$"])
    holds(['{"a": "é", "b": 1}'] in seen.documents, "the whole document to be embedded")
    found = store.search(NS, query='{"a": "é", "b": 1}')
    close(1.0, found[0].score)


@case("index")
def writing_again_replaces_the_vector(setting: Setting) -> None:
    """The score of an item follows its newest text."""
    indexed = setting.indexed()
    indexed.put(NS, "k", {"text": "old"})
    close(1.0, indexed.search(NS, query="old")[0].score)
    indexed.put(NS, "k", {"text": "new"})
    holds(present(indexed.search(NS, query="old")[0].score) < 0.9, "a lower score for the text that is gone")
    close(1.0, indexed.search(NS, query="new")[0].score)


@case("index")
def writing_again_without_index_drops_the_vector(setting: Setting) -> None:
    """An item that is put with `index=False` no longer scores by what it was."""
    indexed = setting.indexed()
    indexed.put(NS, "k", {"text": "old"})
    indexed.put(NS, "other", {"text": "other"})
    indexed.put(NS, "k", {"text": "old"}, False)
    equal(
        [("other", True), ("k", False)],
        [(item.key, item.score is not None) for item in indexed.search(NS, query="old")],
    )


@case("index")
def a_shrunken_list_drops_its_vectors(setting: Setting) -> None:
    """Texts that are no longer in the value no longer score."""
    indexed = setting.indexed()
    indexed.put(NS, "k", {"t": ["aaa", "bbb", "ccc"]}, ["t[*]"])
    indexed.put(NS, "k", {"t": ["aaa"]}, ["t[*]"])
    holds(present(indexed.search(NS, query="ccc")[0].score) < 0.9, "a lower score for the text that is gone")


@case("index")
def items_without_a_vector_come_last_without_a_score(setting: Setting) -> None:
    """`index=False` hides nothing: such items follow the ranked ones, newest first, with score None."""
    indexed = setting.indexed()
    indexed.put(NS, "u1", {"text": "same"}, False)
    indexed.put(NS, "a", {"text": "same"})
    indexed.put(NS, "u2", {"other": "no such field"})
    indexed.put(NS, "b", {"text": "different"})
    found = indexed.search(NS, query="same")
    equal(["a", "b", "u2", "u1"], [item.key for item in found])
    equal([False, False, True, True], [item.score is None for item in found])
    equal(["a", "b"], indexed.keys(NS, query="same", limit=2))
    equal(["u2", "u1"], indexed.keys(NS, query="same", limit=2, offset=2))


@case("index")
def pages_of_a_ranking_are_full_and_disjoint(setting: Setting) -> None:
    """30 hits are three pages of 10, with falling scores over all pages."""
    indexed = setting.indexed()
    indexed.run([PutOp(("p", str(n % 4)), str(n), {"text": f"text {n}"}) for n in range(30)])
    pages = [indexed.search(("p",), query="text 7", limit=10, offset=offset) for offset in (0, 10, 20, 30)]
    equal([10, 10, 10, 0], [len(page) for page in pages])
    items = [item for page in pages for item in page]
    equal(30, len({item.key for item in items}))
    scores = [item.score or 0.0 for item in items]
    equal(sorted(scores, reverse=True), scores)
    equal([item.key for item in items], indexed.keys(("p",), query="text 7", limit=100))


@case("index")
def one_text_twice_in_a_batch_is_no_problem(setting: Setting) -> None:
    """Items with equal texts are both embedded, in one batch as well."""
    indexed = setting.indexed()
    indexed.run([PutOp(NS, "a", {"text": "same"}), PutOp(NS, "b", {"text": "same"}), PutOp(NS, "c", {"text": "other"})])
    scores = {item.key: item.score for item in indexed.search(NS, query="same")}
    close(1.0, scores["a"])
    close(1.0, scores["b"])


@case("index")
def queries_are_embedded_as_queries(setting: Setting) -> None:
    """Texts go through `embed_documents`, queries through `embed_query`."""
    indexed, embeddings = setting.indexed(), setting.embeddings
    indexed.put(NS, "k", {"text": "a text"})
    indexed.search(NS, query="a query")
    equal(["a query"], embeddings.queries)
    equal([["a text"]], [batch for batch in embeddings.documents if batch])


@case("index")
def searches_of_one_batch_have_their_own_queries(setting: Setting) -> None:
    """Each search of a batch is ranked by its own query."""
    indexed = setting.indexed()
    for text in ("aaa", "bbb", "ccc"):
        indexed.put(NS, text, {"text": text})
    results = indexed.run([SearchOp(NS, query=query, limit=1) for query in ("bbb", "ccc", "bbb")])
    equal(["bbb", "ccc", "bbb"], [found[0].key for found in results])


@case("index")
def any_text_is_a_query(setting: Setting) -> None:
    """No query is too long or too strange."""
    indexed = setting.indexed()
    indexed.put(NS, "k", {"text": "test document"})
    for query in ["x", "test " * 500, "test!@#$%^&*()", "\n", "🍁", "' OR 1=1 --"]:
        equal(["k"], indexed.keys(NS, query=query))


@case("index")
def every_script_is_found(setting: Setting) -> None:
    """Texts of any language are found by themselves."""
    indexed = setting.indexed()
    texts = ["这是中文", "これは日本語です", "이건 한국어야", "Это русский", "यह रूसी है"]
    for text in texts:
        indexed.put(("user_1", "m"), text, {"text": text})
    equal(texts, [indexed.keys(("user_1", "m"), query=text)[0] for text in texts])


@case("words")
def without_an_index_words_rank(setting: Setting) -> None:
    """A store without embeddings ranks by words, and still returns everything."""
    store = setting.store()
    store.put(NS, "a", {"text": "the river in Lisbon"})
    store.put(NS, "b", {"text": "a dog called Bruno"})
    store.put(NS, "c", {"text": "peanuts"})
    equal("b", store.keys(NS, query="What is the dog called?")[0])
    equal({"a", "b", "c"}, set(store.keys(NS, query="What is the dog called?")))


@case("index")
def a_failing_embedding_leaves_nothing(setting: Setting) -> None:
    """When a text cannot be embedded nothing of its batch is written."""

    def embed(texts: list[str]) -> list[list[float]]:
        if any("bad" in text for text in texts):
            raise ConnectionError("no model today")
        return [[1.0, 0.0] for _ in texts]

    store = setting.store(index={"dims": 2, "embed": embed, "fields": ["text"]})
    store.put(NS, "kept", {"text": "good"})
    with raises(Exception, "no model today"):
        store.run([PutOp(NS, "new", {"text": "good"}), PutOp(NS, "kept", {"text": "bad"}), PutOp(NS, "kept2", None)])
    equal({"text": "good"}, store.value(NS, "kept"))
    equal(None, store.get(NS, "new"))
    equal(["kept"], store.keys(NS, query="good"))


@case("index")
def vectors_of_a_wrong_length_are_refused(setting: Setting) -> None:
    """A model that answers with other dimensions than it should fails the write, which leaves nothing."""

    def embed(texts: list[str]) -> list[list[float]]:
        return [[1.0] * (3 if "long" in text else 2) for text in texts]

    store = setting.store(index={"dims": 2, "embed": embed, "fields": ["text"]})
    with raises(ValueError, match=r"dims|dimensions"):
        store.put(NS, "k", {"text": "long"})
    equal(None, store.get(NS, "k"))
    store.put(NS, "k", {"text": "short"})
    close(1.0, store.search(NS, query="x")[0].score)


@case("index")
def an_async_embedding_function_works_in_async(setting: Setting) -> None:
    """An async function is awaited from async callers; a sync caller is told that it cannot be."""

    async def embed(texts: list[str]) -> list[list[float]]:
        return [[float(len(text)), 1.0] for text in texts]

    store = setting.store(index={"dims": 2, "embed": embed, "fields": ["text"]})
    if setting.mode in ("async", "abatch"):
        store.put(NS, "k", {"text": "abc"})
        close(1.0, store.search(NS, query="xyz")[0].score)
    else:
        with raises((RuntimeError, ValueError), "async"):
            store.put(NS, "k", {"text": "abc"})
        equal(None, store.get(NS, "k"))
        store.put(NS, "k", {"text": "abc"}, False)
        equal({"text": "abc"}, store.value(NS, "k"))


@case("index")
def a_sync_embedding_function_works_everywhere(setting: Setting) -> None:
    """A plain function embeds for sync and async callers."""
    store = setting.store(
        index={"dims": 2, "embed": lambda texts: [[float(len(t)), 1.0] for t in texts], "fields": ["text"]}
    )
    store.put(NS, "k", {"text": "abc"})
    close(1.0, store.search(NS, query="xyz")[0].score)


@case("index")
def no_query_is_no_ranking(setting: Setting) -> None:
    """None and the empty text rank nothing, with an index as well."""
    indexed = setting.indexed()
    indexed.run([PutOp(NS, key, {"text": key}) for key in "abc"])
    for query in (None, ""):
        found = indexed.search(NS, query=query)
        equal({"a": None, "b": None, "c": None}, {item.key: item.score for item in found})


@case("index")
def a_ranking_spans_the_namespaces_below(setting: Setting) -> None:
    """Items of several namespaces stand in one order, and those of others stay out."""
    indexed = setting.indexed()
    for n, namespace in enumerate([("a",), ("a", "b"), ("a", "b", "c"), ("ab",), ("b",)]):
        indexed.put(namespace, str(n), {"text": f"text {n}"})
    for query, first in (("text 0", "0"), ("text 2", "2")):
        found = indexed.search(("a",), query=query)
        equal({"0", "1", "2"}, {item.key for item in found})
        equal(first, found[0].key)
        scores = [item.score or 0.0 for item in found]
        equal(sorted(scores, reverse=True), scores)
    equal(["3"], indexed.keys(("ab",), query="text 0"))


@case("index")
def pages_of_a_ranking_count_what_the_filter_lets_through(setting: Setting) -> None:
    """With a filter and a query, pages are as full as without, and in the same order."""
    indexed = setting.indexed()
    indexed.run([PutOp(NS, str(n), {"text": f"text {n}", "even": n % 2 == 0}) for n in range(24)])
    pages = [indexed.keys(NS, query="text 4", filter={"even": True}, limit=5, offset=at) for at in (0, 5, 10)]
    equal([5, 5, 2], [len(page) for page in pages])
    everything = indexed.keys(NS, query="text 4", limit=100)
    equal([key for key in everything if int(key) % 2 == 0], [key for page in pages for key in page])


@case("index", "distances")
def each_distance_ranks_the_closest_first(setting: Setting) -> None:
    """`distance_type` is what scores are: cosine, the product, or the negative distance."""
    vectors = {"a": [1.0, 0.0, 0.0], "b": [2.0, 0.1, 0.0], "c": [0.0, 0.0, 1.0]}
    expected: dict[str, list[tuple[str, float]]] = {
        "cosine": [("a", 1.0), ("b", 2 / 4.01**0.5), ("c", 0.0)],
        "l2": [("a", 0.0), ("b", -(1.01**0.5)), ("c", -(2**0.5))],
        "inner_product": [("b", 2.0), ("a", 1.0), ("c", 0.0)],
    }
    for distance, ranking in expected.items():
        index = {"dims": 3, "embed": LookupEmbeddings(vectors), "fields": ["text"], "distance_type": distance}
        store = setting.store(index=index)
        for key in vectors:
            store.put((distance,), key, {"text": key})
        found = store.search((distance,), query="a")
        equal([key for key, _ in ranking], [item.key for item in found])
        close(dict(ranking), {item.key: item.score for item in found})
        for key in vectors:
            store.delete((distance,), key)


def _cosine(left: list[float], right: list[float]) -> float:
    """Return the cosine of two vectors."""
    return float(np.dot(left, right) / np.linalg.norm(left) / np.linalg.norm(right))
