"""What is refused, with which error, and that nothing is half done: beyond the kit, which knows no errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from langgraph.store.base import GetOp, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from warmgraph.errors import InvalidArgumentError, InvalidValueError
from warmgraph.store import RoutedStore, WarmStore

NS = ("memories", "ana")
CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE
DEEP: dict[str, Any] = {}
for _ in range(1000):
    DEEP = {"x": DEEP}


@pytest.fixture(params=[WarmStore, lambda: RoutedStore(":memory:"), lambda: WarmStore(InMemoryStore())])
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Make each of the stores."""
    with request.param() as made:
        yield made


def test_what_json_cannot_hold_is_refused(store: Any) -> None:
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
            store.batch([PutOp(NS, "before", {}), PutOp(NS, "k", value), PutOp(NS, "after", {})])
        assert isinstance(caught.value, TypeError)
        assert isinstance(caught.value, ValueError)
    assert ["k"] == [item.key for item in store.search(NS)]
    assert {"n": 1} == store.get(NS, "k").value


def test_errors_name_the_argument(store: Any) -> None:
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
            store.batch([PutOp(NS, "before", {}), op])
        assert name == caught.value.argument
    assert store.get(NS, "before") is None


def test_times_that_are_no_minutes_are_refused() -> None:
    """A bad time to live names the argument."""
    for ttl in (-1, float("nan"), float("inf"), "5", True):
        with WarmStore() as store, pytest.raises(InvalidArgumentError, match="ttl"):
            store.batch([PutOp(NS, "k", {}, None, ttl)])  # type: ignore[arg-type]


def test_a_filter_that_means_nothing_says_so(store: Any) -> None:
    """An unknown operator names the filter, also where nothing would match anyway."""
    for filter in ({"price": {"$near": 1}}, {"$nor": [{"price": 1}]}, {"$and": {"price": 1}}, ["price"]):
        with pytest.raises(ValueError, match="filter"):
            store.search(NS, filter=filter)
