"""What is refused, how, and that nothing is half done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from langgraph.store.base import GetOp, PutOp, SearchOp

from tests.conformance.clients import Client
from warmgraph.errors import InvalidArgumentError, InvalidValueError

NS = ("memories", "ana")
CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE
DEEP: dict[str, Any] = {}
for _ in range(1000):
    DEEP = {"x": DEEP}


def test_what_json_cannot_hold_is_refused(store: Client) -> None:
    """A value that is not JSON raises a typed error that is a TypeError and a ValueError; its batch does nothing."""
    values: list[Any] = [
        {"when": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"set": {1, 2}},
        {"bytes": b"x"},
        {"object": object()},
        {"nested": [{"function": print}]},
        {("a", "b"): 1},
        {"surrogate": "\ud800"},
        {"nested": {"list": ["ok", "\udfff"]}},
        {"\ud800": 1},
        {"endless": 10**5000},
        CYCLE,
        DEEP,
        ["a list"],
        "text",
    ]
    store.put(NS, "k", {"n": 1})
    for value in values:
        with pytest.raises(InvalidValueError, match="value") as caught:
            store.run([PutOp(NS, "before", {}), PutOp(NS, "k", value), PutOp(NS, "after", {})])
        assert isinstance(caught.value, TypeError)
        assert isinstance(caught.value, ValueError)
    assert ["k"] == store.keys(NS)
    assert {"n": 1} == store.value(NS, "k")


def test_errors_name_the_argument(store: Client) -> None:
    """A bad argument is an InvalidArgumentError that says which, what was expected and what came."""
    bad: list[tuple[Any, str]] = [
        (PutOp(NS, 5, {}), "key"),  # type: ignore[arg-type]
        (PutOp(NS, "\ud800", {}), "key"),
        (PutOp(("\ud800",), "k", {}), "namespace"),
        (PutOp("memories", "k", {}), "namespace"),  # type: ignore[arg-type]
        (PutOp(NS, "k", {}, "text"), "index"),  # type: ignore[arg-type]
        (PutOp(NS, "k", {}, True), "index"),  # type: ignore[arg-type]
        (PutOp(NS, "k", {}, [1]), "index"),  # type: ignore[list-item]
        (SearchOp(NS, limit=-1), "limit"),
        (SearchOp(NS, limit="10"), "limit"),  # type: ignore[arg-type]
        (SearchOp(NS, offset=-1), "offset"),
        (SearchOp(NS, query=5), "query"),  # type: ignore[arg-type]
        (GetOp(NS, None), "key"),  # type: ignore[arg-type]
        ("not an op", "ops"),
    ]
    for op, name in bad:
        with pytest.raises(InvalidArgumentError, match=f"{name}: expected .*, got ") as caught:
            store.run([PutOp(NS, "before", {}), op])
        assert name == caught.value.argument
    assert store.get(NS, "before") is None
