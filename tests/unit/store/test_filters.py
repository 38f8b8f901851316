"""Filters, against a naive reading of them. What they mean in a search is in the conformance tests."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.store.memory import InMemoryStore

from warmgraph.errors import InvalidFilterError
from warmgraph.store.filters import compile_filter

LEAVES = st.sampled_from([None, True, False, 0, 1, 2.5, -3, "a", "b", "", float("inf")])
FIELDS = st.sampled_from(["x", "y", "z"])
INNER = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(FIELDS, LEAVES, max_size=2)
VALUES = st.dictionaries(FIELDS, INNER, max_size=3)


def match(filter: Any, value: dict[str, Any]) -> bool:
    """Apply a filter."""
    predicate = compile_filter(filter)
    return predicate is None or predicate(value)


def without_bool(value: Any) -> Any:
    """Leave out what the in-memory store confuses with numbers."""
    if isinstance(value, dict):
        return {key: without_bool(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_bool(inner) for inner in value]
    return str(value) if isinstance(value, bool) else value


@given(
    VALUES,
    st.dictionaries(
        FIELDS, INNER | st.builds(lambda x: {"$eq": x}, INNER) | st.builds(lambda x: {"$ne": x}, INNER), max_size=2
    ),
)
def test_plain_filters_mean_what_they_mean_elsewhere(value: dict[str, Any], filter: dict[str, Any]) -> None:
    """Equality, subsets, lists, `$eq` and `$ne` agree with LangGraph's in-memory store."""
    value, filter = without_bool(value), without_bool(filter)
    store = InMemoryStore()
    store.put(("n",), "k", value)
    assert bool(store.search(("n",), filter=filter)) == match(filter, value)


@given(VALUES, st.lists(st.dictionaries(FIELDS, INNER, max_size=2), max_size=3))
def test_combinations_are_logic(value: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    """`$and` is all, `$or` is any, `$not` is not."""
    each = [match(part, value) for part in parts]
    assert all(each) == match({"$and": parts}, value)
    assert any(each) == match({"$or": parts}, value)
    assert [not one for one in each] == [match({"$not": part}, value) for part in parts]
    assert (not all(each)) == match({"$not": {"$and": parts}}, value)


@given(VALUES, st.lists(INNER, max_size=3))
def test_among_is_equal_to_one(value: dict[str, Any], wanted: list[Any]) -> None:
    """`$in` is equality with one of a list, `$nin` its opposite."""
    equal = any(match({"x": {"$eq": each}}, value) for each in wanted)
    assert equal == match({"x": {"$in": wanted}}, value)
    assert (not equal) == match({"x": {"$nin": wanted}}, value)


@given(VALUES, st.sampled_from([0, 1, 2.5, -3, "a", "", True, float("nan"), 10**400]))
def test_orders_never_raise(value: dict[str, Any], than: Any) -> None:
    """No value is too strange to be compared; of > and <= at most one holds."""
    assert not (match({"x": {"$gt": than}}, value) and match({"x": {"$lte": than}}, value))
    assert not (match({"x": {"$lt": than}}, value) and match({"x": {"$gte": than}}, value))


def test_a_subset_may_hold_operators() -> None:
    """Operators work inside dicts and lists, as in LangGraph's in-memory store."""
    assert match({"d": {"y": {"$gt": 1}}}, {"d": {"y": 2, "z": 0}})
    assert not match({"d": {"y": {"$gt": 1}}}, {"d": {"y": 1}})
    assert match({"l": [{"a": 1}, {"$gt": 1}]}, {"l": [{"a": 1, "b": 2}, 5]})
    assert not match({"d": {"y": {"$exists": True}}}, {"d": {}})


def test_whole_values_are_compared_whole() -> None:
    """A dict by itself asks for a subset; under `$eq` and `$in` it asks for itself."""
    value = {"d": {"x": 1, "y": 2}}
    assert match({"d": {"x": 1}}, value)
    assert not match({"d": {"$eq": {"x": 1}}}, value)
    assert not match({"d": {"$in": [{"x": 1}]}}, value)
    assert match({"d": {"$eq": {"y": 2.0, "x": 1}}}, value)
    assert not match({"d": {"$eq": {"y": 2, "x": True}}}, value)


def test_no_filter_is_none() -> None:
    """Nothing to test, nothing to call."""
    assert compile_filter(None) is None
    assert compile_filter({}) is None


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ("x", "filter: expected a dict, got 'x'"),
        ({1: 2}, "filter: expected field names that are strings, got 1"),
        ({"$nor": []}, r"filter: expected a field, \$and, \$or or \$not, got '\$nor'"),
        ({"x": {"$near": 1}}, r"filter x: expected one of .*\$exists, got '\$near'"),
        ({"x": {"$eq": 1, "y": 2}}, "filter x: expected one of"),
        ({"x": {"y": {"$gt": None}}}, r"filter x\.y: expected a number or a string for \$gt, got None"),
        ({"x": {"$in": 1}}, r"filter x: expected a list for \$in, got 1"),
        ({"$and": [{"x": {"$nope": 1}}]}, "filter x: expected one of"),
    ],
)
def test_an_error_says_what_is_wrong(filter: Any, message: str) -> None:
    """Errors name the field, what was expected and what came."""
    with pytest.raises(InvalidFilterError, match=message):
        compile_filter(filter)


def test_an_endless_filter_is_refused() -> None:
    """A filter that contains itself is an error of ours."""
    endless: dict[str, Any] = {}
    endless["$not"] = endless
    with pytest.raises(InvalidFilterError, match="nested"):
        compile_filter(endless)


@pytest.mark.parametrize("name", ["x') = 'a' OR '1'='1' OR json_extract(value, '$.", 'x" OR ("1"="1'])
def test_a_field_name_that_is_code_is_refused(name: str) -> None:
    """Quotation marks and parentheses together are an injection for some store, and refused by all of ours."""
    for filter in ({name: 1}, {"$and": [{"$not": {name: 1}}]}):
        with pytest.raises(InvalidFilterError, match="Invalid filter key"):
            compile_filter(filter)


@pytest.mark.parametrize("name", ["it's", '"quoted"', "f(x)", "a b", "a-b", "1", "a.b", "名前", "", "%", "a[0]"])
def test_any_other_name_is_a_field(name: str) -> None:
    """A field may be called what it likes."""
    assert match({name: 1}, {name: 1})
    assert not match({name: 1}, {name: 2})
