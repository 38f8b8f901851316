"""Cases: searches without a query have prefixes, an order, and pages."""

from __future__ import annotations

from langgraph.store.base import PutOp

from warmgraph.testing.conformance.expect import equal
from warmgraph.testing.conformance.registry import case
from warmgraph.testing.conformance.setting import Setting


@case()
def a_prefix_finds_itself_and_what_lies_below(setting: Setting) -> None:
    """A search under a prefix returns items of that namespace and of all below it, and of no other."""
    store = setting.store()
    for namespace in [("foo",), ("foo", "child"), ("foo", "child", "deep"), ("foobar",), ("foobar", "baz"), ("fo",)]:
        store.put(namespace, "k", {"v": 1})

    def found(prefix: tuple[str, ...]) -> set[tuple[str, ...]]:
        return {item.namespace for item in store.search(prefix, limit=100)}

    equal({("foo",), ("foo", "child"), ("foo", "child", "deep")}, found(("foo",)))
    equal({("foobar",), ("foobar", "baz")}, found(("foobar",)))
    equal({("foo", "child"), ("foo", "child", "deep")}, found(("foo", "child")))
    equal({("fo",)}, found(("fo",)))
    equal(set(), found(("f",)))
    equal(set(), found(("child",)))


@case()
def the_empty_prefix_finds_everything(setting: Setting) -> None:
    """A search under () is limited by nothing but its page."""
    store = setting.store()
    namespaces = [("a",), ("b", "c"), ("d", "e", "f")]
    for namespace in namespaces:
        store.put(namespace, "k", {})
    equal(set(namespaces), {item.namespace for item in store.search((), limit=100)})


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


@case()
def labels_are_taken_literally(setting: Setting) -> None:
    """No character of a label is a pattern, and labels that look alike are two."""
    store = setting.store()
    for label in (label for pair in LOOK_ALIKES for label in pair):
        store.put((label,), "k", {"label": label})
        store.put((label, "child"), "k", {"label": label})
    for label in (label for pair in LOOK_ALIKES for label in pair):
        equal({(label,), (label, "child")}, {item.namespace for item in store.search((label,), limit=100)})
        equal([(label,), (label, "child")], store.list_namespaces(prefix=(label,)))
        equal([(label, "child")], store.list_namespaces(suffix=(label, "child")))
        equal({"label": label}, store.value((label,), "k"))


@case()
def a_prefix_may_be_a_list(setting: Setting) -> None:
    """Callers that parse JSON pass lists."""
    store = setting.store()
    store.put(("d", "e"), "k", {})
    equal(["k"], [item.key for item in store.search(["d"])])  # type: ignore[arg-type]
    equal([("d", "e")], store.list_namespaces(prefix=["d"]))  # type: ignore[arg-type]


@case()
def without_a_query_the_newest_come_first(setting: Setting) -> None:
    """Items come in the order of their last write, newest first, and without scores."""
    store = setting.store()
    for key in "abcd":
        store.put(("n", key), key, {"v": 1})
    store.put(("n", "b"), "b", {"v": 2})
    found = store.search(("n",))
    equal(["b", "d", "c", "a"], [item.key for item in found])
    equal([None] * 4, [item.score for item in found])


@case()
def items_of_one_batch_are_ordered_as_well(setting: Setting) -> None:
    """Of items that were written at the same time, the last in the batch is the newest."""
    store = setting.store()
    store.run([PutOp(("n",), key, {}) for key in "abc"])
    equal(["c", "b", "a"], store.keys(("n",)))


@case()
def pages_without_a_query_are_disjoint_and_complete(setting: Setting) -> None:
    """Pages follow each other without gap or overlap, and end where the items end."""
    store = setting.store()
    for n in range(25):
        store.put(("n", str(n % 3)), str(n), {"n": n})
    pages = [store.keys(("n",), limit=10, offset=offset) for offset in (0, 10, 20, 30)]
    equal([10, 10, 5, 0], [len(page) for page in pages])
    equal([str(n) for n in reversed(range(25))], [key for page in pages for key in page])
    equal([], store.search(("n",), limit=0))
    equal(10, len(store.search(("n",))))


@case()
def a_search_in_an_empty_store_finds_nothing(setting: Setting) -> None:
    """No items, no results, with a query or without."""
    store = setting.store()
    equal([], store.search(()))
    equal([], store.search(("nobody",), query="anything"))
    equal([], store.search(("nobody",), filter={"a": 1}))


@case()
def an_empty_query_is_none(setting: Setting) -> None:
    """`query=""` ranks by nothing."""
    store = setting.store()
    store.put(("n",), "a", {"text": "x"})
    store.put(("n",), "b", {"text": "y"})
    equal(["b", "a"], store.keys(("n",), query=""))
    equal([None, None], [item.score for item in store.search(("n",), query="")])
