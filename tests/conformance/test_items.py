"""Items: written, read, overwritten, deleted, one by one and in batches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from langgraph.store.base import GetOp, InvalidNamespaceError, ListNamespacesOp, Op, PutOp, SearchOp

from tests.conformance.clients import Client

NS = ("memories", "ana")


def test_an_item_is_read_as_it_was_written(store: Client) -> None:
    """What was put comes back with its key, its namespace and its times."""
    store.put(NS, "k", {"content": "I live in Lisbon.", "tags": ["a", {"b": None}], "n": 1.5, "yes": True})
    item = store.get(NS, "k")
    assert item is not None
    assert {"content": "I live in Lisbon.", "tags": ["a", {"b": None}], "n": 1.5, "yes": True} == item.value
    assert ("k", NS) == (item.key, item.namespace)
    assert item.created_at == item.updated_at or item.created_at < item.updated_at
    assert timedelta(0) == item.created_at.utcoffset()


def test_what_does_not_exist_is_none(store: Client) -> None:
    """A key that nobody wrote is None, in a namespace that exists and in one that does not."""
    store.put(NS, "k", {})
    assert store.get(NS, "other") is None
    assert store.get(("nobody",), "k") is None
    assert store.get((), "k") is None


def test_overwriting_keeps_when_an_item_was_created(store: Client) -> None:
    """The second put of a key changes its value and `updated_at`, not `created_at`."""
    store.put(NS, "k", {"n": 1})
    first = store.get(NS, "k")
    store.put(NS, "k", {"n": 2})
    second = store.get(NS, "k")
    assert first is not None
    assert second is not None
    assert {"n": 2} == second.value
    assert first.created_at == second.created_at
    assert second.updated_at > first.updated_at


def test_a_deleted_item_is_gone(store: Client) -> None:
    """A deletion removes one key, and deleting what does not exist is no error."""
    store.put(NS, "k", {"n": 1})
    store.put(NS, "other", {"n": 2})
    store.delete(NS, "k")
    store.delete(NS, "k")
    store.delete(("nobody",), "k")
    assert store.get(NS, "k") is None
    assert ["other"] == store.keys(NS)


def test_an_item_written_again_after_its_deletion_is_new(store: Client) -> None:
    """A key that was deleted and written again has a new creation time."""
    store.put(NS, "k", {"n": 1})
    first = store.get(NS, "k")
    store.delete(NS, "k")
    store.put(NS, "k", {"n": 2})
    second = store.get(NS, "k")
    assert first is not None
    assert second is not None
    assert {"n": 2} == second.value
    assert second.created_at > first.created_at


def test_no_value_that_is_returned_is_the_stores_own(store: Client) -> None:
    """Changing what get or search returned, or what was put, changes nothing in the store."""
    value: dict[str, Any] = {"list": [1], "dict": {"x": 1}}
    store.put(NS, "k", value)
    value["list"].append(2)
    item = store.get(NS, "k")
    assert item is not None
    assert [1] == item.value["list"]
    item.value["list"].append(3)
    item.value["dict"]["x"] = 9
    found = store.search(NS)[0]
    assert {"list": [1], "dict": {"x": 1}} == found.value
    found.value["list"].append(4)
    assert {"list": [1], "dict": {"x": 1}} == store.value(NS, "k")


def test_one_key_in_two_namespaces_is_two_items(store: Client) -> None:
    """Namespaces do not share keys, neither side by side nor one below the other."""
    for n, namespace in enumerate([("a",), ("a", "b"), ("ab",), ("b",)]):
        store.put(namespace, "k", {"n": n})
    assert [0, 1, 2, 3] == [(store.value(ns, "k") or {})["n"] for ns in [("a",), ("a", "b"), ("ab",), ("b",)]]
    store.delete(("a",), "k")
    assert {"n": 1} == store.value(("a", "b"), "k")


def test_any_text_is_a_key(store: Client) -> None:
    """Keys are taken literally, whatever they hold."""
    keys = ["", " ", "k\n", "a.b", "%", "_", "*", "a'b\"c", "键", "🔑", "x" * 2000, "a\x00b"]
    for key in keys:
        store.put(NS, key, {"key": key})
        store.put(NS, f"{key}!", {"key": f"{key}!"})
    assert [{"key": key} for key in keys] == [store.value(NS, key) for key in keys]
    for key in keys:
        store.delete(NS, key)
    assert {f"{key}!" for key in keys} == set(store.keys(NS, limit=100))


def test_any_json_value_comes_back(store: Client) -> None:
    """Values come back exactly, whatever JSON they hold."""
    values: list[dict[str, Any]] = [
        {},
        {"": ""},
        {"text": "这是中文 これは日本語です 이건 한국어야 Это русский यह हिन्दी है 🍁"},
        {"deep": {"er": {"still": [[[]], {}]}}},
        {"big": 10**100, "small": 1e-300, "negative": -5, "zero": 0.0, "endless": float("inf")},
        {"text": "line\nbreak\ttab\u2028separator\x00nul"},
        {"a.b": 1, "a-b": 2, "1": 3, "$x": 4, "with space": 5},
    ]
    for value in values:
        store.put(NS, "k", value)
        assert value == store.value(NS, "k")
        assert value == store.search(NS)[0].value


def test_results_stand_where_their_ops_stood(store: Client) -> None:
    """A batch returns one result an op, in the order of the ops, and None for writes."""
    store.put(NS, "k", {"n": 1})
    ops: list[Op] = [
        GetOp(NS, "k"),
        PutOp(NS, "new", {"n": 2}),
        SearchOp(NS, {"n": 1}),
        ListNamespacesOp(limit=10),
        GetOp(NS, "none"),
    ]
    got, put, searched, listed, missing = store.run(ops)
    assert {"n": 1} == got.value
    assert put is None
    assert ["k"] == [item.key for item in searched]
    assert [NS] == listed
    assert missing is None
    assert {"n": 2} == store.value(NS, "new")


def test_reads_of_a_batch_see_the_state_before_it(store: Client) -> None:
    """Whatever stands first, reads come before the writes of their batch."""
    store.put(NS, "k", {"n": 1})
    results = store.run(
        [PutOp(NS, "k", {"n": 2}), PutOp(("other",), "k", {"n": 3}), GetOp(NS, "k"), SearchOp(()), ListNamespacesOp()]
    )
    assert {"n": 1} == results[2].value
    assert [{"n": 1}] == [item.value for item in results[3]]
    assert [NS] == results[4]
    assert {"n": 2} == store.value(NS, "k")


def test_the_last_write_of_a_key_in_a_batch_wins(store: Client) -> None:
    """Of several writes of one key in a batch, deletions included, the last one counts."""
    gone = [PutOp(NS, "gone", {"n": 3}), PutOp(NS, "gone", None)]
    store.run([PutOp(NS, "k", {"n": 1}), PutOp(NS, "k", {"n": 2}), *gone])
    assert {"n": 2} == store.value(NS, "k")
    assert store.get(NS, "gone") is None
    store.run([PutOp(NS, "k", None), PutOp(NS, "k", {"n": 4})])
    assert {"n": 4} == store.value(NS, "k")


def test_an_empty_batch_is_an_empty_list(store: Client) -> None:
    """No ops, no results."""
    assert [] == store.run([])


def test_ops_may_come_from_a_generator(store: Client) -> None:
    """A batch takes any iterable of ops, once."""

    def ops() -> Iterator[Op]:
        yield PutOp(NS, "k", {"n": 1})
        yield GetOp(NS, "k")

    assert [None, None] == store.run(ops())  # type: ignore[arg-type]
    assert {"n": 1} == store.value(NS, "k")


def test_a_large_batch_is_written_whole(store: Client) -> None:
    """Hundreds of ops in one batch are like as many calls."""
    store.run([PutOp(("large", str(n % 7)), str(n), {"n": n}) for n in range(300)])
    results = store.run([GetOp(("large", str(n % 7)), str(n)) for n in range(300)])
    assert list(range(300)) == [item.value["n"] for item in results]
    assert 300 == len(store.search(("large",), limit=1000))


@pytest.mark.parametrize("what", ["get", "put", "delete", "search"])
def test_a_bad_label_fails_its_batch_before_anything_is_done(store: Client, what: str) -> None:
    """Labels are checked on every op of a batch, and nothing of a bad batch is written."""
    namespaces: list[Any] = [("foo.bar",), ("foo", ""), ("foo", 1), ("a\x00b",), (None,)]
    store.put(("foo", "bar"), "k", {"n": 1})
    for namespace in namespaces:
        bad: dict[str, Op] = {
            "get": GetOp(namespace, "k"),
            "put": PutOp(namespace, "k", {"n": 2}),
            "delete": PutOp(namespace, "k", None),
            "search": SearchOp(namespace),
        }
        with pytest.raises(InvalidNamespaceError):
            store.run([PutOp(("valid",), "k", {}), bad[what]])
    assert store.get(("valid",), "k") is None
    assert {"n": 1} == store.value(("foo", "bar"), "k")


def test_nothing_is_put_without_a_namespace(store: Client) -> None:
    """The empty namespace can be searched, not written."""
    with pytest.raises(InvalidNamespaceError):
        store.run([PutOp((), "k", {})])
    assert [] == store.search(())


def test_the_reserved_root_is_refused_by_put_alone(store: Client) -> None:
    """`put` refuses the root label "langgraph"; a batch may use it, and everything else reads it."""
    with pytest.raises(InvalidNamespaceError):
        store.store.put(("langgraph", "foo"), "k", {})
    store.put(("foo", "langgraph"), "k", {"n": 1})
    store.run([PutOp(("langgraph", "foo"), "k", {"n": 2})])
    assert {"n": 2} == store.value(("langgraph", "foo"), "k")
    assert ["k"] == store.keys(("langgraph",))
    store.delete(("langgraph", "foo"), "k")
    assert store.get(("langgraph", "foo"), "k") is None
