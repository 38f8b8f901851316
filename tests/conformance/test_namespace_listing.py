"""Listing namespaces: prefixes, suffixes, wildcards, depth, pages."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.store.base import GetOp, InvalidNamespaceError, ListNamespacesOp, MatchCondition, PutOp

from tests.conformance.clients import Client

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


@pytest.fixture
def filled(store: Client) -> Client:
    """Write one item into each of the namespaces."""
    for namespace in NAMESPACES:
        store.put(namespace, "k", {})
    return store


def test_all_namespaces_are_listed_in_order(filled: Client) -> None:
    """Without a condition all are listed, sorted by their labels."""
    assert sorted(NAMESPACES) == filled.list_namespaces()


def test_a_prefix_and_a_suffix_select(filled: Client) -> None:
    """Both conditions take whole labels, and hold together."""
    assert [("a", "b", "c"), ("a", "b", "d", "e"), ("a", "b", "d", "i"), ("a", "b", "f")] == filled.list_namespaces(
        prefix=("a", "b")
    )
    assert [("a", "b", "f"), ("a", "c", "f"), ("b", "a", "f")] == filled.list_namespaces(suffix=("f",))
    assert [("a", "b", "f"), ("a", "c", "f")] == filled.list_namespaces(prefix=("a",), suffix=("f",))
    assert [("users", "123")] == filled.list_namespaces(prefix=("users", "123"))
    assert [] == filled.list_namespaces(prefix=("nobody",))
    assert [] == filled.list_namespaces(prefix=("a", "b", "c", "d"))
    assert [] == filled.list_namespaces(prefix=("user",))


def test_a_star_stands_for_exactly_one_label(filled: Client) -> None:
    """`*` matches any one label, not none and not two."""
    assert [("a", "b", "f"), ("a", "c", "f")] == filled.list_namespaces(prefix=("a", "*", "f"))
    assert [("users", "123"), ("users", "456", "settings")] == filled.list_namespaces(prefix=("users", "*"))
    assert [("users", "456", "settings")] == filled.list_namespaces(suffix=("*", "settings"))
    assert [("a", "b", "f"), ("a", "c", "f"), ("b", "a", "f")] == filled.list_namespaces(suffix=("*", "f"))
    assert [("admin", "users", "789")] == filled.list_namespaces(prefix=("*", "users"), suffix=("users", "*"))
    assert [ns for ns in sorted(NAMESPACES) if len(ns) >= 4] == filled.list_namespaces(prefix=("*", "*", "*", "*"))


def test_a_label_that_is_a_star_can_be_stored(filled: Client) -> None:
    """`*` is legal in a namespace, where it stands for itself."""
    filled.put(("*", "x"), "k", {"n": 1})
    assert {"n": 1} == filled.value(("*", "x"), "k")
    assert [("*", "x")] == [item.namespace for item in filled.search(("*",))]


def test_max_depth_cuts_and_merges(filled: Client) -> None:
    """Namespaces are cut to the depth, and each stands once."""
    assert [("a", "b", "c"), ("a", "b", "d"), ("a", "b", "f")] == filled.list_namespaces(prefix=("a", "b"), max_depth=3)
    assert [("a",), ("admin",), ("b",), ("users",)] == filled.list_namespaces(max_depth=1)
    assert [("a", "b"), ("a", "c"), ("b", "a")] == filled.list_namespaces(suffix=("f",), max_depth=2)


def test_pages_come_after_cutting(filled: Client) -> None:
    """Limit and offset count what is returned."""
    everything = sorted(NAMESPACES)
    assert everything[:4] == filled.list_namespaces(limit=4)
    assert everything[4:8] == filled.list_namespaces(limit=4, offset=4)
    assert everything[8:] == filled.list_namespaces(limit=4, offset=8)
    assert [] == filled.list_namespaces(offset=100)
    assert [("b",), ("users",)] == filled.list_namespaces(max_depth=1, offset=2)


def test_reading_creates_no_namespace(store: Client) -> None:
    """Neither a get, nor a search, nor a deletion of nothing makes a namespace."""
    store.run([GetOp(("ghost",), "k"), PutOp(("ghost", "2"), "k", None)])
    store.search(("ghost", "3"), query="x")
    assert [] == store.list_namespaces()


def test_a_namespace_goes_with_its_last_item(store: Client) -> None:
    """A namespace is listed while it holds something."""
    store.put(("a", "b"), "1", {})
    store.put(("a", "b"), "2", {})
    store.delete(("a", "b"), "1")
    assert [("a", "b")] == store.list_namespaces()
    store.delete(("a", "b"), "2")
    assert [] == store.list_namespaces()
    assert [] == store.list_namespaces(prefix=("a",))


def test_conditions_are_checked(store: Client) -> None:
    """Labels of conditions obey the rules of labels."""
    paths: list[Any] = [("foo.bar",), ("foo", ""), ("foo", 1)]
    for condition in [MatchCondition(kind, path) for kind in ("prefix", "suffix") for path in paths]:
        with pytest.raises(InvalidNamespaceError):
            store.run([PutOp(("valid",), "k", {}), ListNamespacesOp((condition,))])
    assert store.get(("valid",), "k") is None
