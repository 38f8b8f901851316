"""Cases: searches are filtered."""

from __future__ import annotations

from typing import Any

from warmgraph.testing.conformance.client import Client
from warmgraph.testing.conformance.expect import equal, raises
from warmgraph.testing.conformance.registry import case
from warmgraph.testing.conformance.setting import Setting

NS = ("items",)
ITEMS: dict[str, dict[str, Any]] = {
    "nine": {"price": 9, "name": "O'Brien's", "active": True, "tags": ["a"], "d": {"x": 1, "y": 1}},
    "ten": {"price": 10, "name": "ten", "active": False, "tags": ["a", "b"], "d": {"y": 2}},
    "half": {"price": 9.5, "name": "public", "active": None, "tags": []},
    "text": {"price": "9", "name": "private", "access-level": "public", "123abc": 1, "user": {"access-level": "n"}},
    "none": {"name": None, "d": {}, "a.b": "literal", "a": {"b": "nested"}},
}


Table = list[tuple[dict[str, Any], set[str]]]


@case()
def fields_are_compared(setting: Setting) -> None:
    """A field equals a value, contains a dict, or meets an operator; all of a filter must hold."""
    filled = _filled(setting)
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
    _expect(filled, table)


@case()
def numbers_are_compared_as_numbers(setting: Setting) -> None:
    """Numbers are in their own order, up to infinity and beyond all floats; nothing is more than NaN."""
    store = setting.store()
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
    _expect(store, table)


@case()
def unlike_types_never_match_and_never_raise(setting: Setting) -> None:
    """A number is neither more nor less than a text, a list, None, or what is not there; nor is true 1."""
    filled = _filled(setting)
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
    _expect(filled, table)


@case()
def filters_combine(setting: Setting) -> None:
    """`$and`, `$or`, `$not`, `$in`, `$nin` and `$exists` do what they say."""
    filled = _filled(setting)
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
    _expect(filled, table)


@case()
def a_dotted_field_is_a_path(setting: Setting) -> None:
    """A field that does not exist under its full name is looked for inside."""
    filled = _filled(setting)
    table: Table = [
        ({"user.access-level": "n"}, {"text"}),
        ({"d.y": {"$gte": 1}}, {"nine", "ten"}),
        ({"d.y.z": 1}, set()),
        ({"a.b": "literal"}, {"none"}),
        ({"a.b": "nested"}, set()),
    ]
    _expect(filled, table)


@case()
def a_filter_that_means_nothing_is_an_error(setting: Setting) -> None:
    """An unknown operator or a bad operand raises a ValueError, and does not silently find nothing."""
    filled = _filled(setting)
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
        with raises(ValueError):
            filled.search(NS, filter=filter)


@case()
def pages_count_what_the_filter_lets_through(setting: Setting) -> None:
    """Limit and offset are applied after the filter."""
    filled = _filled(setting)
    for n in range(30):
        filled.put(NS, f"n{n}", {"even": n % 2 == 0})
    pages = [filled.keys(NS, filter={"even": True}, limit=4, offset=offset) for offset in (0, 4, 8, 12, 16)]
    equal([4, 4, 4, 3, 0], [len(page) for page in pages])
    equal([f"n{n}" for n in range(28, -1, -2)], [key for page in pages for key in page])


@case("index")
def a_filter_works_with_a_query(setting: Setting) -> None:
    """What matches is ranked by the query, what does not is left out."""
    store = setting.store(index={"dims": 32, "embed": setting.embeddings, "fields": ["text"]})
    store.put(NS, "a", {"text": "red apple", "color": "red", "score": 4.5})
    store.put(NS, "b", {"text": "red car", "color": "red", "score": 3.0})
    store.put(NS, "c", {"text": "green apple", "color": "green", "score": 4.0})
    equal("b", store.keys(NS, query="red car", filter={"color": "red"})[0])
    equal({"a", "b"}, set(store.keys(NS, query="red car", filter={"color": "red"})))
    equal({"a", "c"}, set(store.keys(NS, query="red car", filter={"score": {"$gt": 3.2}})))
    equal(["c"], store.keys(NS, query="red car", filter={"score": {"$gte": 4.0}, "color": "green"}))


@case()
def a_field_name_that_is_code_finds_nothing(setting: Setting) -> None:
    """A name that would break out of a query's quotation is refused or finds nothing, and values are only values."""
    filled = _filled(setting)
    code = "name') = 'ten' OR '1'='1' OR json_extract(value, '$."
    try:
        found = filled.keys(NS, filter={code: "dummy"})
    except ValueError:
        found = []
    equal([], found)
    for text in (
        "ten' OR '1'='1",
        "ten'; --",
        "ten' UNION SELECT * FROM store --",
        "ten\x00' OR '1'='1",
        "''''",
        "%",
        "_",
        "*",
    ):
        equal([], filled.keys(NS, filter={"name": text}))


@case()
def what_is_no_number_is_in_no_order(setting: Setting) -> None:
    """Stored NaN and infinities are compared as numbers are, and break no search."""
    store = setting.store()
    values = {"nan": float("nan"), "inf": float("inf"), "low": float("-inf"), "huge": 10**100, "one": 1}
    for key, value in values.items():
        store.put(NS, key, {"n": value})
    table: Table = [
        ({"n": {"$gt": 0}}, {"inf", "huge", "one"}),
        ({"n": {"$lte": 10**100}}, {"low", "huge", "one"}),
        ({"n": {"$lt": float("inf")}}, {"low", "huge", "one"}),
        ({"n": float("inf")}, {"inf"}),
        ({"n": 10**100}, {"huge"}),
        ({"n": {"$eq": float("nan")}}, set()),
    ]
    _expect(store, table)


def _filled(setting: Setting) -> Client:
    """Write the items."""
    store = setting.store()
    for key, value in ITEMS.items():
        store.put(NS, key, value)
    return store


def _expect(client: Client, table: Table) -> None:
    """Compare what each filter finds."""
    for filter, expected in table:
        try:
            equal(expected, set(client.keys(NS, filter=filter)))
        except AssertionError as error:
            raise AssertionError(f"{filter}: {error}") from None
