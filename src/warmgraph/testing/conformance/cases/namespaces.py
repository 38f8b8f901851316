"""Cases: namespaces are listed by prefixes, suffixes, wildcards and depth, in pages."""

from __future__ import annotations

from typing import Any

from langgraph.store.base import GetOp, InvalidNamespaceError, ListNamespacesOp, MatchCondition, PutOp

from warmgraph.testing.conformance.client import Client
from warmgraph.testing.conformance.expect import equal, raises
from warmgraph.testing.conformance.registry import case
from warmgraph.testing.conformance.setting import Setting

NAMESPACES = [
    ("a", "b", "c"),
    ("a", "b", "d", "e"),
    ("a", "b", "d", "i"),
    ("a", "b", "f"),
    ("a", "c", "f"),
    ("b", "a", "f"),
    ("users", "123"),
    ("users", "456", "settings"),
    ("admin", "users", "789"),
]


@case()
def all_namespaces_are_listed_in_order(setting: Setting) -> None:
    """Without a condition all are listed, sorted by their labels."""
    filled = _filled(setting)
    equal(sorted(NAMESPACES), filled.list_namespaces())


@case()
def a_prefix_and_a_suffix_select(setting: Setting) -> None:
    """Both conditions take whole labels, and hold together."""
    filled = _filled(setting)
    equal(
        [("a", "b", "c"), ("a", "b", "d", "e"), ("a", "b", "d", "i"), ("a", "b", "f")],
        filled.list_namespaces(prefix=("a", "b")),
    )
    equal([("a", "b", "f"), ("a", "c", "f"), ("b", "a", "f")], filled.list_namespaces(suffix=("f",)))
    equal([("a", "b", "f"), ("a", "c", "f")], filled.list_namespaces(prefix=("a",), suffix=("f",)))
    equal([("users", "123")], filled.list_namespaces(prefix=("users", "123")))
    equal([], filled.list_namespaces(prefix=("nobody",)))
    equal([], filled.list_namespaces(prefix=("a", "b", "c", "d")))
    equal([], filled.list_namespaces(prefix=("user",)))


@case()
def a_star_stands_for_exactly_one_label(setting: Setting) -> None:
    """`*` matches any one label, not none and not two."""
    filled = _filled(setting)
    equal([("a", "b", "f"), ("a", "c", "f")], filled.list_namespaces(prefix=("a", "*", "f")))
    equal([("users", "123"), ("users", "456", "settings")], filled.list_namespaces(prefix=("users", "*")))
    equal([("users", "456", "settings")], filled.list_namespaces(suffix=("*", "settings")))
    equal([("a", "b", "f"), ("a", "c", "f"), ("b", "a", "f")], filled.list_namespaces(suffix=("*", "f")))
    equal([("admin", "users", "789")], filled.list_namespaces(prefix=("*", "users"), suffix=("users", "*")))
    equal([ns for ns in sorted(NAMESPACES) if len(ns) >= 4], filled.list_namespaces(prefix=("*", "*", "*", "*")))


@case()
def a_label_that_is_a_star_can_be_stored(setting: Setting) -> None:
    """`*` is legal in a namespace, where it stands for itself."""
    filled = _filled(setting)
    filled.put(("*", "x"), "k", {"n": 1})
    equal({"n": 1}, filled.value(("*", "x"), "k"))
    equal([("*", "x")], [item.namespace for item in filled.search(("*",))])


@case()
def max_depth_cuts_and_merges(setting: Setting) -> None:
    """Namespaces are cut to the depth, and each stands once."""
    filled = _filled(setting)
    equal([("a", "b", "c"), ("a", "b", "d"), ("a", "b", "f")], filled.list_namespaces(prefix=("a", "b"), max_depth=3))
    equal([("a",), ("admin",), ("b",), ("users",)], filled.list_namespaces(max_depth=1))
    equal([("a", "b"), ("a", "c"), ("b", "a")], filled.list_namespaces(suffix=("f",), max_depth=2))


@case()
def pages_come_after_cutting(setting: Setting) -> None:
    """Limit and offset count what is returned."""
    filled = _filled(setting)
    everything = sorted(NAMESPACES)
    equal(everything[:4], filled.list_namespaces(limit=4))
    equal(everything[4:8], filled.list_namespaces(limit=4, offset=4))
    equal(everything[8:], filled.list_namespaces(limit=4, offset=8))
    equal([], filled.list_namespaces(offset=100))
    equal([("b",), ("users",)], filled.list_namespaces(max_depth=1, offset=2))


@case()
def reading_creates_no_namespace(setting: Setting) -> None:
    """Neither a get, nor a search, nor a deletion of nothing makes a namespace."""
    store = setting.store()
    store.run([GetOp(("ghost",), "k"), PutOp(("ghost", "2"), "k", None)])
    store.search(("ghost", "3"), query="x")
    equal([], store.list_namespaces())


@case()
def a_namespace_goes_with_its_last_item(setting: Setting) -> None:
    """A namespace is listed while it holds something."""
    store = setting.store()
    store.put(("a", "b"), "1", {})
    store.put(("a", "b"), "2", {})
    store.delete(("a", "b"), "1")
    equal([("a", "b")], store.list_namespaces())
    store.delete(("a", "b"), "2")
    equal([], store.list_namespaces())
    equal([], store.list_namespaces(prefix=("a",)))


@case()
def conditions_are_checked(setting: Setting) -> None:
    """Labels of conditions obey the rules of labels."""
    store = setting.store()
    paths: list[Any] = [("foo.bar",), ("foo", ""), ("foo", 1)]
    for condition in [MatchCondition(kind, path) for kind in ("prefix", "suffix") for path in paths]:
        with raises(InvalidNamespaceError):
            store.run([PutOp(("valid",), "k", {}), ListNamespacesOp((condition,))])
    equal(None, store.get(("valid",), "k"))


@case()
def limits_and_conditions_of_a_batch_are_each_ops_own(setting: Setting) -> None:
    """Listings of one batch do not mix, and no condition at all may be None."""
    filled = _filled(setting)
    ops = [
        ListNamespacesOp(None, None, 3, 0),
        ListNamespacesOp(None, 1, 2, 1),
        ListNamespacesOp((MatchCondition("suffix", ("f",)),), None, 10, 1),
    ]
    everything = sorted(NAMESPACES)
    equal([everything[:3], [("admin",), ("b",)], [("a", "c", "f"), ("b", "a", "f")]], filled.run(ops))


def _filled(setting: Setting) -> Client:
    """Write one item into each of the namespaces."""
    store = setting.store()
    for namespace in NAMESPACES:
        store.put(namespace, "k", {})
    return store
