"""Filters of a search."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.clients import Client

NS = ("items",)
ITEMS: dict[str, dict[str, Any]] = {
    "nine": {"price": 9, "name": "O'Brien's", "active": True, "tags": ["a"], "d": {"x": 1, "y": 1}},
    "ten": {"price": 10, "name": "ten", "active": False, "tags": ["a", "b"], "d": {"y": 2}},
    "half": {"price": 9.5, "name": "public", "active": None, "tags": []},
    "text": {"price": "9", "name": "private", "access-level": "public", "123abc": 1, "user": {"access-level": "n"}},
    "none": {"name": None, "d": {}, "a.b": "literal", "a": {"b": "nested"}},
}


@pytest.fixture
def filled(store: Client) -> Client:
    """Write the items."""
    for key, value in ITEMS.items():
        store.put(NS, key, value)
    return store


Table = list[tuple[dict[str, Any], set[str]]]


def assert_found(client: Client, table: Table) -> None:
    """Compare what each filter finds."""
    assert [expected for _, expected in table] == [set(client.keys(NS, filter=filter)) for filter, _ in table]


def test_fields_are_compared(filled: Client) -> None:
    """A field equals a value, contains a dict, or meets an operator; all of a filter must hold."""
    table: Table = [
        ({}, set(ITEMS)),
        ({"name": "ten"}, {"ten"}),
        ({"name": "ten", "price": 10}, {"ten"}),
        ({"name": "ten", "price": 9}, set()),
        ({"name": "O'Brien's"}, {"nine"}),
        ({"name": "public' OR '1'='1"}, set()),
        ({"name": 'x"; DROP TABLE items; --'}, set()),
        ({"active": True}, {"nine"}),
        ({"active": False}, {"ten"}),
        ({"tags": ["a", "b"]}, {"ten"}),
        ({"tags": []}, {"half"}),
        ({"price": 9}, {"nine"}),
        ({"price": "9"}, {"text"}),
        ({"access-level": "public"}, {"text"}),
        ({"123abc": 1}, {"text"}),
        ({"d": {"y": 1}}, {"nine"}),
        ({"d": {}}, {"nine", "ten", "none"}),
        ({"name": {"$eq": "ten"}}, {"ten"}),
        ({"name": {"$ne": "ten"}}, {"nine", "half", "text", "none"}),
        ({"missing": 1}, set()),
        ({"missing": None}, set(ITEMS)),
        ({"missing": {"$ne": 1}}, set(ITEMS)),
    ]
    assert_found(filled, table)


def test_numbers_are_compared_as_numbers(store: Client) -> None:
    """Numbers are in their own order, up to infinity and beyond all floats; nothing is more than NaN."""
    for key in ("nine", "ten", "half"):
        store.put(NS, key, {"price": ITEMS[key]["price"]})
    table: Table = [
        ({"price": {"$gt": 9}}, {"ten", "half"}),
        ({"price": {"$gte": 9}}, {"nine", "ten", "half"}),
        ({"price": {"$lt": 10}}, {"nine", "half"}),
        ({"price": {"$lte": 9.5}}, {"nine", "half"}),
        ({"price": {"$gt": 9, "$lt": 10}}, {"half"}),
        ({"price": {"$lt": float("inf")}}, {"nine", "ten", "half"}),
        ({"price": {"$gt": float("-inf")}}, {"nine", "ten", "half"}),
        ({"price": {"$lt": 10**100}}, {"nine", "ten", "half"}),
        ({"price": {"$gt": float("nan")}}, set()),
        ({"price": {"$eq": float("nan")}}, set()),
    ]
    assert_found(store, table)


def test_unlike_types_never_match_and_never_raise(filled: Client) -> None:
    """A number is neither more nor less than a text, a list, None, or what is not there; nor is true 1."""
    table: Table = [
        ({"price": {"$gt": 0}}, {"nine", "ten", "half"}),
        ({"price": {"$gt": 10**400}}, set()),
        ({"price": {"$lt": 10**400}}, {"nine", "ten", "half"}),
        ({"price": {"$lte": "9"}}, {"text"}),
        ({"name": {"$gt": "public"}}, {"ten"}),
        ({"missing": {"$gt": 0}}, set()),
        ({"tags": {"$gt": 0}}, set()),
        ({"active": {"$gte": 0}}, set()),
        ({"active": {"$gt": False}}, {"nine"}),
        ({"active": 1}, set()),
        ({"123abc": True}, set()),
        ({"d": {"y": {"$gt": 1}}}, {"ten"}),
    ]
    assert_found(filled, table)


def test_filters_combine(filled: Client) -> None:
    """`$and`, `$or`, `$not`, `$in`, `$nin` and `$exists` do what they say."""
    table: Table = [
        ({"$and": [{"price": 9}, {"active": True}]}, {"nine"}),
        ({"$and": [{"price": 9}, {"active": False}]}, set()),
        ({"$and": []}, set(ITEMS)),
        ({"$or": [{"price": 9}, {"name": "ten"}]}, {"nine", "ten"}),
        ({"$or": [], "name": "ten"}, set()),
        ({"$not": {"active": True}}, {"ten", "half", "text", "none"}),
        ({"$and": [{"$or": [{"price": 9}, {"price": 10}]}, {"$not": {"name": "ten"}}]}, {"nine"}),
        ({"name": {"$in": ["ten", "public", None]}}, {"ten", "half", "none"}),
        ({"name": {"$nin": ["ten", "public", None]}}, {"nine", "text"}),
        ({"tags": {"$in": [["a"], []]}}, {"nine", "half"}),
        ({"d": {"$exists": True}}, {"nine", "ten", "none"}),
        ({"d": {"$exists": False}}, {"half", "text"}),
        ({"name": {"$exists": True}, "price": {"$exists": False}}, {"none"}),
        ({"active": {"$in": [1, 0]}}, set()),
    ]
    assert_found(filled, table)


def test_a_dotted_field_is_a_path(filled: Client) -> None:
    """A field that does not exist under its full name is looked for inside."""
    table: Table = [
        ({"user.access-level": "n"}, {"text"}),
        ({"d.y": {"$gte": 1}}, {"nine", "ten"}),
        ({"d.y.z": 1}, set()),
        ({"a.b": "literal"}, {"none"}),
        ({"a.b": "nested"}, set()),
    ]
    assert_found(filled, table)


def test_a_filter_that_means_nothing_is_an_error(filled: Client) -> None:
    """An unknown operator or a bad operand raises a ValueError, and does not silently find nothing."""
    filters: list[Any] = [
        {"price": {"$near": 1}},
        {"$nor": [{"price": 1}]},
        {"$and": {"price": 1}},
        {"$or": [1]},
        {"$not": []},
        {"price": {"$in": "abc"}},
        {"price": {"$exists": 1}},
        {"price": {"$gt": None}},
        {"price": {"$gt": []}},
        ["price"],
    ]
    for filter in filters:
        with pytest.raises(ValueError, match="filter"):
            filled.search(NS, filter=filter)


def test_pages_count_what_the_filter_lets_through(filled: Client) -> None:
    """Limit and offset are applied after the filter."""
    for n in range(30):
        filled.put(NS, f"n{n}", {"even": n % 2 == 0})
    pages = [filled.keys(NS, filter={"even": True}, limit=4, offset=offset) for offset in (0, 4, 8, 12, 16)]
    assert [4, 4, 4, 3, 0] == [len(page) for page in pages]
    assert [f"n{n}" for n in range(28, -1, -2)] == [key for page in pages for key in page]


def test_a_filter_works_with_a_query(make: Any, embeddings: Any) -> None:
    """What matches is ranked by the query, what does not is left out."""
    store = make(index={"dims": 32, "embed": embeddings, "fields": ["text"]})
    store.put(NS, "a", {"text": "red apple", "color": "red", "score": 4.5})
    store.put(NS, "b", {"text": "red car", "color": "red", "score": 3.0})
    store.put(NS, "c", {"text": "green apple", "color": "green", "score": 4.0})
    assert "b" == store.keys(NS, query="red car", filter={"color": "red"})[0]
    assert {"a", "b"} == set(store.keys(NS, query="red car", filter={"color": "red"}))
    assert {"a", "c"} == set(store.keys(NS, query="red car", filter={"score": {"$gt": 3.2}}))
    assert ["c"] == store.keys(NS, query="red car", filter={"score": {"$gte": 4.0}, "color": "green"})
