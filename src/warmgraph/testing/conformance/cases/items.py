"""Cases: items are written, read, overwritten and deleted, one by one and in batches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from langgraph.store.base import GetOp, InvalidNamespaceError, Item, ListNamespacesOp, Op, PutOp, SearchItem, SearchOp

from warmgraph.testing.conformance.expect import equal, holds, present, raises
from warmgraph.testing.conformance.registry import case
from warmgraph.testing.conformance.setting import Setting

NS = ("memories", "ana")


@case()
def an_item_is_read_as_it_was_written(setting: Setting) -> None:
    """What was put comes back with its key, its namespace and its times."""
    store = setting.store()
    store.put(NS, "k", {"content": "I live in Lisbon.", "tags": ["a", {"b": None}], "n": 1.5, "yes": True})
    item = present(store.get(NS, "k"))
    holds(isinstance(item, Item), "an Item")
    equal({"content": "I live in Lisbon.", "tags": ["a", {"b": None}], "n": 1.5, "yes": True}, item.value)
    equal(("k", NS), (item.key, item.namespace))
    holds(item.created_at <= item.updated_at, "created before it was updated")
    equal(timedelta(0), item.created_at.utcoffset())


@case()
def what_does_not_exist_is_none(setting: Setting) -> None:
    """A key that nobody wrote is None, in a namespace that exists and in one that does not."""
    store = setting.store()
    store.put(NS, "k", {})
    equal(None, store.get(NS, "other"))
    equal(None, store.get(("nobody",), "k"))
    equal(None, store.get((), "k"))


@case()
def overwriting_keeps_when_an_item_was_created(setting: Setting) -> None:
    """The second put of a key changes its value and `updated_at`, not `created_at`."""
    store = setting.store()
    store.put(NS, "k", {"n": 1})
    first = present(store.get(NS, "k"))
    store.put(NS, "k", {"n": 2})
    second = present(store.get(NS, "k"))
    equal({"n": 2}, second.value)
    equal(first.created_at, second.created_at)
    holds(second.updated_at > first.updated_at, "a later updated_at")


@case()
def a_deleted_item_is_gone(setting: Setting) -> None:
    """A deletion removes one key, and deleting what does not exist is no error."""
    store = setting.store()
    store.put(NS, "k", {"n": 1})
    store.put(NS, "other", {"n": 2})
    store.delete(NS, "k")
    store.delete(NS, "k")
    store.delete(("nobody",), "k")
    equal(None, store.get(NS, "k"))
    equal(["other"], store.keys(NS))


@case()
def an_item_written_again_after_its_deletion_is_new(setting: Setting) -> None:
    """A key that was deleted and written again has a new creation time."""
    store = setting.store()
    store.put(NS, "k", {"n": 1})
    first = present(store.get(NS, "k"))
    store.delete(NS, "k")
    store.put(NS, "k", {"n": 2})
    second = present(store.get(NS, "k"))
    equal({"n": 2}, second.value)
    holds(second.created_at > first.created_at, "a later created_at")


@case()
def no_value_that_is_returned_is_the_stores_own(setting: Setting) -> None:
    """Changing what get or search returned, or what was put, changes nothing in the store."""
    store = setting.store()
    value: dict[str, Any] = {"list": [1], "dict": {"x": 1}}
    store.put(NS, "k", value)
    value["list"].append(2)
    item = present(store.get(NS, "k"))
    equal([1], item.value["list"])
    item.value["list"].append(3)
    item.value["dict"]["x"] = 9
    found = store.search(NS)[0]
    equal({"list": [1], "dict": {"x": 1}}, found.value)
    found.value["list"].append(4)
    equal({"list": [1], "dict": {"x": 1}}, store.value(NS, "k"))


@case()
def one_key_in_two_namespaces_is_two_items(setting: Setting) -> None:
    """Namespaces do not share keys, neither side by side nor one below the other."""
    store = setting.store()
    for n, namespace in enumerate([("a",), ("a", "b"), ("ab",), ("b",)]):
        store.put(namespace, "k", {"n": n})
    equal([0, 1, 2, 3], [(store.value(ns, "k") or {})["n"] for ns in [("a",), ("a", "b"), ("ab",), ("b",)]])
    store.delete(("a",), "k")
    equal({"n": 1}, store.value(("a", "b"), "k"))


@case()
def any_text_is_a_key(setting: Setting) -> None:
    """Keys are taken literally, whatever they hold."""
    store = setting.store()
    keys = ["", " ", "k\n", "a.b", "%", "_", "*", "a'b\"c", "键", "🔑", "x" * 2000, "a\x00b"]
    for key in keys:
        store.put(NS, key, {"key": key})
        store.put(NS, f"{key}!", {"key": f"{key}!"})
    equal([{"key": key} for key in keys], [store.value(NS, key) for key in keys])
    for key in keys:
        store.delete(NS, key)
    equal({f"{key}!" for key in keys}, set(store.keys(NS, limit=100)))


@case()
def any_json_value_comes_back(setting: Setting) -> None:
    """Values come back exactly, whatever JSON they hold."""
    store = setting.store()
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
        equal(value, store.value(NS, "k"))
        equal(value, store.search(NS)[0].value)


@case()
def results_stand_where_their_ops_stood(setting: Setting) -> None:
    """A batch returns one result an op, in the order of the ops, and None for writes."""
    store = setting.store()
    store.put(NS, "k", {"n": 1})
    ops: list[Op] = [
        GetOp(NS, "k"),
        PutOp(NS, "new", {"n": 2}),
        SearchOp(NS, {"n": 1}),
        ListNamespacesOp(limit=10),
        GetOp(NS, "none"),
    ]
    got, put, searched, listed, missing = store.run(ops)
    equal({"n": 1}, got.value)
    equal(None, put)
    equal(["k"], [item.key for item in searched])
    holds(all(isinstance(item, SearchItem) for item in searched), "SearchItems")
    equal([NS], listed)
    equal(None, missing)
    equal({"n": 2}, store.value(NS, "new"))


@case()
def reads_of_a_batch_see_the_state_before_it(setting: Setting) -> None:
    """Whatever stands first, reads come before the writes of their batch."""
    store = setting.store()
    store.put(NS, "k", {"n": 1})
    results = store.run(
        [PutOp(NS, "k", {"n": 2}), PutOp(("other",), "k", {"n": 3}), GetOp(NS, "k"), SearchOp(()), ListNamespacesOp()]
    )
    equal({"n": 1}, results[2].value)
    equal([{"n": 1}], [item.value for item in results[3]])
    equal([NS], results[4])
    equal({"n": 2}, store.value(NS, "k"))


@case()
def the_last_write_of_a_key_in_a_batch_wins(setting: Setting) -> None:
    """Of several writes of one key in a batch, deletions included, the last one counts."""
    store = setting.store()
    gone = [PutOp(NS, "gone", {"n": 3}), PutOp(NS, "gone", None)]
    store.run([PutOp(NS, "k", {"n": 1}), PutOp(NS, "k", {"n": 2}), *gone])
    equal({"n": 2}, store.value(NS, "k"))
    equal(None, store.get(NS, "gone"))
    store.run([PutOp(NS, "k", None), PutOp(NS, "k", {"n": 4})])
    equal({"n": 4}, store.value(NS, "k"))


@case()
def an_empty_batch_is_an_empty_list(setting: Setting) -> None:
    """No ops, no results."""
    store = setting.store()
    equal([], store.run([]))


@case()
def ops_may_come_from_a_generator(setting: Setting) -> None:
    """A batch takes any iterable of ops, once."""
    store = setting.store()

    def ops() -> Iterator[Op]:
        yield PutOp(NS, "k", {"n": 1})
        yield GetOp(NS, "k")

    equal([None, None], store.run(ops()))  # type: ignore[arg-type]
    equal({"n": 1}, store.value(NS, "k"))


@case()
def a_large_batch_is_written_whole(setting: Setting) -> None:
    """Hundreds of ops in one batch are like as many calls."""
    store = setting.store()
    store.run([PutOp(("large", str(n % 7)), str(n), {"n": n}) for n in range(300)])
    results = store.run([GetOp(("large", str(n % 7)), str(n)) for n in range(300)])
    equal(list(range(300)), [item.value["n"] for item in results])
    equal(300, len(store.search(("large",), limit=1000)))


@case()
def a_bad_label_fails_its_batch_before_anything_is_done(setting: Setting) -> None:
    """Labels are checked on every op of a batch, and nothing of a bad batch is written."""
    store = setting.store()
    namespaces: list[Any] = [("foo.bar",), ("foo", ""), ("foo", 1), ("a\x00b",), (None,)]
    store.put(("foo", "bar"), "k", {"n": 1})
    for namespace in namespaces:
        for bad in (
            GetOp(namespace, "k"),
            PutOp(namespace, "k", {"n": 2}),
            PutOp(namespace, "k", None),
            SearchOp(namespace),
        ):
            with raises(InvalidNamespaceError):
                store.run([PutOp(("valid",), "k", {}), bad])
    equal(None, store.get(("valid",), "k"))
    equal({"n": 1}, store.value(("foo", "bar"), "k"))


@case()
def methods_check_labels_as_well(setting: Setting) -> None:
    """get, put, delete and search refuse a bad label, and what lies under a good one of the like is untouched."""
    store = setting.store()
    store.put(("foo", "bar"), "k", {"n": 1})
    for bad in [("foo.bar",), ("foo", ""), ("", "foo")]:
        with raises(InvalidNamespaceError):
            store.get(bad, "k")
        with raises(InvalidNamespaceError):
            store.put(bad, "k", {"n": 2})
        with raises(InvalidNamespaceError):
            store.delete(bad, "k")
        with raises(InvalidNamespaceError):
            store.search(bad)
    equal({"n": 1}, store.value(("foo", "bar"), "k"))
    equal(["k"], store.keys(()))


@case()
def nothing_is_put_without_a_namespace(setting: Setting) -> None:
    """The empty namespace can be searched, not written."""
    store = setting.store()
    with raises(InvalidNamespaceError):
        store.run([PutOp((), "k", {})])
    equal([], store.search(()))


@case()
def the_reserved_root_is_refused_by_put_alone(setting: Setting) -> None:
    """`put` refuses the root label "langgraph"; a batch may use it, and everything else reads it."""
    store = setting.store()
    with raises(InvalidNamespaceError):
        store.store.put(("langgraph", "foo"), "k", {})
    store.put(("foo", "langgraph"), "k", {"n": 1})
    store.run([PutOp(("langgraph", "foo"), "k", {"n": 2})])
    equal({"n": 2}, store.value(("langgraph", "foo"), "k"))
    equal(["k"], store.keys(("langgraph",)))
    store.delete(("langgraph", "foo"), "k")
    equal(None, store.get(("langgraph", "foo"), "k"))
