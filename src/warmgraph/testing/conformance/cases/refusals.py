"""Cases: what is refused is refused before anything is done."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from langgraph.store.base import GetOp, PutOp, SearchOp

from warmgraph.testing.conformance.expect import equal, raises
from warmgraph.testing.conformance.registry import case
from warmgraph.testing.conformance.setting import Setting

NS = ("memories", "ana")


@case()
def what_json_cannot_hold_is_refused(setting: Setting) -> None:
    """A value that is not JSON raises a TypeError or ValueError, and its batch does nothing."""
    endless: dict[str, Any] = {}
    endless["self"] = endless
    values: list[Any] = [
        {"when": datetime(2026, 1, 1, tzinfo=timezone.utc)},
        {"set": {1, 2}},
        {"bytes": b"x"},
        {"object": object()},
        {"nested": [{"function": print}]},
        {("a", "b"): 1},
        {"surrogate": "\ud800"},
        endless,
    ]
    store = setting.store()
    store.put(NS, "k", {"n": 1})
    for value in values:
        with raises((TypeError, ValueError)):
            store.run([PutOp(NS, "before", {}), PutOp(NS, "k", value), PutOp(NS, "after", {})])
    equal(["k"], store.keys(NS))
    equal({"n": 1}, store.value(NS, "k"))


@case()
def bad_arguments_are_refused(setting: Setting) -> None:
    """An argument of a wrong kind raises a TypeError or ValueError, and its batch does nothing."""
    store = setting.store()
    bad: list[Any] = [
        PutOp(NS, 5, {}),  # type: ignore[arg-type]
        PutOp("memories", "k", {}),  # type: ignore[arg-type]
        PutOp(NS, "k", {}, "text"),  # type: ignore[arg-type]
        SearchOp(NS, limit=-1),
        SearchOp(NS, offset=-1),
        SearchOp(NS, query=5),  # type: ignore[arg-type]
        GetOp(NS, None),  # type: ignore[arg-type]
        "not an op",
    ]
    for op in bad:
        with raises((TypeError, ValueError)):
            store.run([PutOp(NS, "before", {}), op])
    equal(None, store.get(NS, "before"))
