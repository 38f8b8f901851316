"""Searches without a query: prefixes, order, pages."""

from __future__ import annotations

from langgraph.store.base import PutOp

from tests.conformance.clients import Client


def test_a_prefix_finds_itself_and_what_lies_below(store: Client) -> None:
    """A search under a prefix returns items of that namespace and of all below it, and of no other."""
    for namespace in [("foo",), ("foo", "child"), ("foo", "child", "deep"), ("foobar",), ("foobar", "baz"), ("fo",)]:
        store.put(namespace, "k", {"v": 1})

    def found(prefix: tuple[str, ...]) -> set[tuple[str, ...]]:
        return {item.namespace for item in store.search(prefix, limit=100)}

    assert {("foo",), ("foo", "child"), ("foo", "child", "deep")} == found(("foo",))
    assert {("foobar",), ("foobar", "baz")} == found(("foobar",))
    assert {("foo", "child"), ("foo", "child", "deep")} == found(("foo", "child"))
    assert {("fo",)} == found(("fo",))
    assert set() == found(("f",))
    assert set() == found(("child",))


def test_the_empty_prefix_finds_everything(store: Client) -> None:
    """A search under () is limited by nothing but its page."""
    namespaces = [("a",), ("b", "c"), ("d", "e", "f")]
    for namespace in namespaces:
        store.put(namespace, "k", {})
    assert set(namespaces) == {item.namespace for item in store.search((), limit=100)}


LOOK_ALIKES = [
    ("star*", "starX"),
    ("q?m", "qXm"),
    ("br[ack]et", "bra"),
    ("user_1", "userX1"),
    ("a%b", "axxb"),
    ("plus+", "pluss"),
    ("Foo", "foo"),
    ("alice", "alice\n"),
    ("back\\slash", "backslash"),
    ("c/d", "c"),
    ("d-", "d"),
    ("é", "e\u0301"),
    ("名前", "名"),
    ("quo'te", 'quo"te'),
    (" ", "  "),
    ("x" * 500, "x" * 501),
]


def test_labels_are_taken_literally(store: Client) -> None:
    """No character of a label is a pattern, and labels that look alike are two."""
    for label in (label for pair in LOOK_ALIKES for label in pair):
        store.put((label,), "k", {"label": label})
        store.put((label, "child"), "k", {"label": label})
    for label in (label for pair in LOOK_ALIKES for label in pair):
        assert {(label,), (label, "child")} == {item.namespace for item in store.search((label,), limit=100)}
        assert [(label,), (label, "child")] == store.list_namespaces(prefix=(label,))
        assert [(label, "child")] == store.list_namespaces(suffix=(label, "child"))
        assert {"label": label} == store.value((label,), "k")


def test_a_prefix_may_be_a_list(store: Client) -> None:
    """Callers that parse JSON pass lists."""
    store.put(("d", "e"), "k", {})
    assert ["k"] == [item.key for item in store.search(["d"])]  # type: ignore[arg-type]
    assert [("d", "e")] == store.list_namespaces(prefix=["d"])  # type: ignore[arg-type]


def test_without_a_query_the_newest_come_first(store: Client) -> None:
    """Items come in the order of their last write, newest first, and without scores."""
    for key in "abcd":
        store.put(("n", key), key, {"v": 1})
    store.put(("n", "b"), "b", {"v": 2})
    found = store.search(("n",))
    assert ["b", "d", "c", "a"] == [item.key for item in found]
    assert [None] * 4 == [item.score for item in found]


def test_items_of_one_batch_are_ordered_as_well(store: Client) -> None:
    """Of items that were written at the same time, the last in the batch is the newest."""
    store.run([PutOp(("n",), key, {}) for key in "abc"])
    assert ["c", "b", "a"] == store.keys(("n",))


def test_pages_without_a_query_are_disjoint_and_complete(store: Client) -> None:
    """Pages follow each other without gap or overlap, and end where the items end."""
    for n in range(25):
        store.put(("n", str(n % 3)), str(n), {"n": n})
    pages = [store.keys(("n",), limit=10, offset=offset) for offset in (0, 10, 20, 30)]
    assert [10, 10, 5, 0] == [len(page) for page in pages]
    assert [str(n) for n in reversed(range(25))] == [key for page in pages for key in page]
    assert [] == store.search(("n",), limit=0)
    assert 10 == len(store.search(("n",)))


def test_a_search_in_an_empty_store_finds_nothing(store: Client) -> None:
    """No items, no results, with a query or without."""
    assert [] == store.search(())
    assert [] == store.search(("nobody",), query="anything")
    assert [] == store.search(("nobody",), filter={"a": 1})


def test_an_empty_query_is_none(store: Client) -> None:
    """`query=""` ranks by nothing."""
    store.put(("n",), "a", {"text": "x"})
    store.put(("n",), "b", {"text": "y"})
    assert ["b", "a"] == store.keys(("n",), query="")
    assert [None, None] == [item.score for item in store.search(("n",), query="")]
