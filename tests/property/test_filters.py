"""Filters against a plain reading of what they mean, alone and in a search."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.filters import compile_filter

MISSING = object()

NUMBERS = st.sampled_from([0, 1, -1, 2.5, 1.0, 10**100, -(10**400), math.inf, -math.inf, math.nan])
TEXTS = st.sampled_from(["", "a", "b", "1", "é", "a.b", "$x", "it's"])
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
NAMES = st.sampled_from(["x", "y", "1", "a-b", "é"])
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=4
)
VALUES = st.dictionaries(NAMES | st.just("x.y"), JSON, max_size=4)
COMPARED = st.booleans() | NUMBERS | TEXTS
OPERATORS = st.fixed_dictionaries(
    {},
    optional={
        "$eq": JSON,
        "$ne": JSON,
        "$gt": COMPARED,
        "$gte": COMPARED,
        "$lt": COMPARED,
        "$lte": COMPARED,
        "$in": st.lists(JSON, max_size=3),
        "$nin": st.lists(JSON, max_size=3),
        "$exists": st.booleans(),
    },
)
WANTED = JSON | OPERATORS | st.dictionaries(NAMES, JSON | OPERATORS, max_size=2)
FIELDS = st.dictionaries(NAMES | st.sampled_from(["x.y", "x.1", "y.x.x"]), WANTED, max_size=2)
FILTERS = st.recursive(
    FIELDS,
    lambda inner: st.fixed_dictionaries(
        {}, optional={"$and": st.lists(inner, max_size=2), "$or": st.lists(inner, max_size=2), "$not": inner, "x": JSON}
    ),
    max_leaves=4,
)


def kind(value: Any) -> str:
    """Name what a value can be compared with."""
    for name, types in (("truth", bool), ("number", (int, float)), ("text", str), ("list", list), ("dict", dict)):
        if isinstance(value, types):
            return name
    return "nothing"


def same(left: Any, right: Any) -> bool:
    """Compare whole values: of one kind, and equal all through."""
    if kind(left) != kind(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return set(left) == set(right) and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def in_order(left: Any, right: Any) -> int | None:
    """Return -1, 0 or 1, and `None` for what is in no order."""
    if kind(left) != kind(right) or left != left or right != right:
        return None
    return int(left > right) - int(left < right)


OPERATOR_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda found, wanted: same(None if found is MISSING else found, wanted),
    "$ne": lambda found, wanted: not same(None if found is MISSING else found, wanted),
    "$gt": lambda found, wanted: in_order(found, wanted) == 1,
    "$gte": lambda found, wanted: in_order(found, wanted) in (0, 1),
    "$lt": lambda found, wanted: in_order(found, wanted) == -1,
    "$lte": lambda found, wanted: in_order(found, wanted) in (-1, 0),
    "$in": lambda found, wanted: any(same(None if found is MISSING else found, each) for each in wanted),
    "$nin": lambda found, wanted: not any(same(None if found is MISSING else found, each) for each in wanted),
    "$exists": lambda found, wanted: (found is not MISSING) == wanted,
}


def field_holds(found: Any, wanted: Any) -> bool:
    """Say whether what a field holds is what a filter wants."""
    if isinstance(wanted, dict) and any(name.startswith("$") for name in wanted):
        return all(OPERATOR_TESTS[name](found, operand) for name, operand in wanted.items())
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            field_holds(found.get(name, MISSING), inner) for name, inner in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(field_holds, found, wanted))
    return same(None if found is MISSING else found, wanted)


def look_up(value: dict[str, Any], name: str) -> Any:
    """Find a field by its full name, else by the path that its dots say."""
    if name in value:
        return value[name]
    found: Any = value
    for label in name.split("."):
        found = found.get(label, MISSING) if isinstance(found, dict) else MISSING
    return found


def holds(filter: dict[str, Any], value: dict[str, Any]) -> bool:
    """Say whether a value meets a filter."""
    for name, wanted in filter.items():
        if name == "$and":
            met = all(holds(part, value) for part in wanted)
        elif name == "$or":
            met = any(holds(part, value) for part in wanted)
        elif name == "$not":
            met = not holds(wanted, value)
        else:
            met = field_holds(look_up(value, name), wanted)
        if not met:
            return False
    return True


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(filter=FILTERS, values=st.lists(VALUES, min_size=1, max_size=4))
def test_a_filter_means_what_it_says(filter: dict[str, Any], values: list[dict[str, Any]]) -> None:
    """Operators in any combination, over values of any kind, have the outcome of the plain reading."""
    predicate = compile_filter(filter)
    assert [holds(filter, value) for value in values] == [predicate is None or predicate(value) for value in values]


@pytest.mark.parametrize("make", [WarmStore, lambda: RoutedStore(":memory:")], ids=["WarmStore", "RoutedStore"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(filters=st.lists(FILTERS, min_size=1, max_size=4), values=st.lists(VALUES, min_size=1, max_size=8))
def test_searches_find_what_a_filter_means(
    make: Callable[[], Any], filters: list[dict[str, Any]], values: list[dict[str, Any]]
) -> None:
    """With a query and without, a search returns all that meets its filter, and nothing else."""
    with make() as store:
        for n, value in enumerate(values):
            store.put(("n", str(n % 2)), str(n), value)
        for filter in filters:
            expected = {str(n) for n, value in enumerate(values) if holds(filter, value)}
            for query in (None, "a b"):
                assert expected == {item.key for item in store.search(("n",), query=query, filter=filter, limit=100)}
