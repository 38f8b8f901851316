"""Schemas filled with what somebody said."""

from __future__ import annotations

from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.models import extract_facts
from warmgraph.models.schema_filling import Source, fill_schema, json_type


def fill(field: str, schema: dict[str, Any], text: str, **root: Any) -> Any:
    """Fill one required field."""
    filled = fill_schema({"type": "object", "properties": {field: schema}, "required": [field], **root}, source(text))
    return filled[field]


def source(text: str) -> Source:
    """Make a source of a text and the facts in it."""
    return Source(text, reply=f"About: {text}", facts=extract_facts(text))


ANA = "I'm Ana, I live in Lisbon and I'm 34. I like tea and jazz. My favourite color is blue. I work as a nurse."


@pytest.mark.parametrize(
    ("field", "schema", "expected"),
    [
        ("name", {"type": "string"}, "Ana"),
        ("user_name", {"type": "string"}, "Ana"),
        ("homeTown", {"type": "string"}, "Lisbon"),
        ("city", {"type": ["string", "null"]}, "Lisbon"),
        ("age", {"type": "integer"}, 34),
        ("age", {"type": "number"}, 34.0),
        ("age", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, 34),
        ("age", {"type": "integer", "maximum": 20}, 0),
        ("favoriteColor", {"type": "string"}, "blue"),
        ("favourite_colour", {"type": "string"}, "blue"),
        ("occupation", {"type": "string"}, "nurse"),
        ("hobbies", {"type": "array", "items": {"type": "string"}}, ["tea", "jazz"]),
        ("hobbies", {"type": "array", "items": {"type": "string"}, "maxItems": 1}, ["tea"]),
        ("employer", {"type": "string"}, ""),
        ("employer", {"type": "string", "default": "self"}, "self"),
        ("employer", {"anyOf": [{"type": "string"}, {"type": "null"}]}, None),
        ("text", {"type": "string"}, ANA),
        ("answer", {"type": "string"}, f"About: {ANA}"),
        ("query", {"type": "string"}, ANA),
        ("facts", {"type": "object", "additionalProperties": {"type": "string"}},
         {"name": "Ana", "location": "Lisbon", "age": "34", "like": "jazz", "favorite color": "blue", "job": "nurse"}),
        ("drink", {"enum": ["coffee", "tea"]}, "tea"),
        ("drink", {"enum": ["water", "wine"]}, "water"),
        ("drink", {"enum": ["water", None]}, None),
        ("kind", {"const": "profile"}, "profile"),
    ],
)  # fmt: skip
def test_fields(field: str, schema: dict[str, Any], expected: object) -> None:
    """A field takes the fact that belongs to its name, else a default, else something harmless."""
    assert expected == fill(field, schema, ANA)


def test_the_newest_fact_wins() -> None:
    """Facts come oldest first."""
    assert "Porto" == fill("city", {"type": "string"}, "I live in Rome. I moved to Porto.")


@pytest.mark.parametrize(
    ("field", "schema", "text", "expected"),
    [
        ("due", {"type": "string", "format": "date"}, "Pay by 2026-11-20, please.", "2026-11-20"),
        ("email", {"type": "string"}, "Write to ana@example.org.", "ana@example.org"),
        ("link", {"type": "string", "format": "uri"}, "See https://example.org/a?b=1 now", "https://example.org/a?b=1"),
        ("guests", {"type": "integer"}, "A table for 4 guests at 8.", 4),
        ("vegetarian", {"type": "boolean"}, "I'm vegetarian.", True),
        ("vegetarian", {"type": "boolean"}, "I'm not vegetarian.", False),
        ("vegetarian", {"type": "boolean"}, "I like meat.", False),
    ],
)
def test_what_stands_in_the_text(field: str, schema: dict[str, Any], text: str, expected: object) -> None:
    """Dates, addresses, counted things and plain yes or no are read from the text itself."""
    assert expected == fill(field, schema, text)


def test_optional_fields_are_left_out() -> None:
    """Only what is known is said; the default of the class stays in force."""
    properties = {"name": {"type": "string"}, "employer": {"type": "string"}, "city": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["name"]}
    assert {"name": "Ana", "city": "Lisbon"} == fill_schema(schema, source(ANA))


def test_a_list_of_memories() -> None:
    """Each statement is an item of its own; questions are none."""
    item = {
        "type": "object",
        "properties": {"content": {"type": "string"}, "importance": {"type": "number", "minimum": 0.1}},
        "required": ["content", "importance"],
    }
    expected = [
        {"content": "I live in Rome.", "importance": 0.1},
        {"content": "I like tea.", "importance": 0.1},
    ]
    assert expected == fill("memories", {"type": "array", "items": item}, "I live in Rome. I like tea. And you?")


def test_a_list_of_triples() -> None:
    """Each fact is an item of its own."""
    parts = {name: {"type": "string"} for name in ("subject", "predicate", "object")}
    item = {"type": "object", "properties": parts, "required": list(parts)}
    expected = [
        {"subject": "user", "predicate": "location", "object": "Rome"},
        {"subject": "user", "predicate": "dog", "object": "Rex"},
    ]
    assert expected == fill("triples", {"type": "array", "items": item}, "I live in Rome and my dog is called Rex.")


def test_references() -> None:
    """Shared and combined definitions are followed."""
    definitions = {"City": {"type": "string"}, "Place": {"allOf": [{"$ref": "#/$defs/City"}, {"minLength": 2}]}}
    assert "Rome" == fill("city", {"$ref": "#/$defs/Place"}, "I live in Rome.", **{"$defs": definitions})
    assert "unknown" == fill("x", {"$ref": "#/$defs/Place"}, "", **{"$defs": definitions})


@pytest.mark.parametrize("required", [[], ["value"], ["value", "left", "right"]])
def test_a_schema_that_contains_itself(required: list[str]) -> None:
    """Recursion ends, even where no value could satisfy the schema."""
    node = {
        "type": "object",
        "properties": {
            "value": {"type": "string"},
            "left": {"$ref": "#/$defs/Node"},
            "right": {"$ref": "#/$defs/Node"},
            "rest": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        },
        "required": required,
    }
    filled = fill("root", {"$ref": "#/$defs/Node"}, "I live in Rome.", **{"$defs": {"Node": node}})
    assert set(required) <= set(filled)


PATTERNS = ["^[A-Z]{3}$", "^\\d{5}$", "^[a-z_]+$", "^#[0-9a-fA-F]{6}$", "^\\+\\d{8,12}$", "^v?\\d+\\.\\d+$"]
FORMATS = ["date", "date-time", "time", "email", "uri", "uuid", "ipv4", "ipv6", "duration"]
low, span = st.integers(-50, 50), st.integers(0, 9)


def schema_of(kind: str, **limits: Any) -> dict[str, Any]:
    """Make the schema of a scalar."""
    return {"type": kind, **limits}


scalars = st.one_of(
    st.builds(lambda a, n: schema_of("integer", minimum=a, maximum=a + n), low, span),
    st.builds(lambda a: schema_of("integer", exclusiveMinimum=a, exclusiveMaximum=a + 2), low),
    st.builds(lambda a: schema_of("integer", multipleOf=7, minimum=a, maximum=a + 7), low),
    st.builds(lambda a: schema_of("number", exclusiveMinimum=a, maximum=a + 1), low),
    st.builds(lambda a, n: schema_of("string", minLength=a, maxLength=a + n), st.integers(0, 30), span),
    st.builds(lambda pattern: schema_of("string", pattern=pattern), st.sampled_from(PATTERNS)),
    st.builds(lambda form: schema_of("string", format=form), st.sampled_from(FORMATS)),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {"const": 7}, {}]),
    st.lists(st.sampled_from(["tea", "coffee", 1, None]), min_size=1, unique=True).map(
        lambda members: {"enum": members}
    ),
)
names = st.sampled_from(
    ["name", "city", "age", "content", "facts", "likes", "answer", "x", "isVegetarian", "user_email"]
)


def _objects(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda properties, optional: {
            "type": "object",
            "properties": properties,
            "required": [name for name in properties if name not in optional],
            "additionalProperties": False,
        },
        st.dictionaries(names, parts, max_size=4),
        st.sets(names, max_size=3),
    )


schemas = st.recursive(
    scalars,
    lambda parts: st.one_of(
        _objects(parts),
        st.builds(lambda items, low: {"type": "array", "items": items, "minItems": low}, parts, st.integers(0, 3)),
        st.lists(parts, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
    ),
    max_leaves=8,
)


@given(_objects(schemas), st.one_of(st.text(), st.sampled_from([ANA, "I live in Rome. I'm 200.", "tea, coffee? 1"])))
def test_the_result_always_satisfies_the_schema(schema: dict[str, Any], text: str) -> None:
    """Whatever the schema and the text, what comes out is valid."""
    jsonschema.validate(fill_schema(schema, source(text)), schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["null", "integer"]}, "integer"),
        ({"anyOf": [{"type": "null"}, {"type": "array"}]}, "array"),
        ({"properties": {}}, "object"),
        ({}, ""),
    ],
)
def test_json_type(schema: dict[str, Any], expected: str) -> None:
    """The type of a schema is found behind "nullable"."""
    assert expected == json_type(schema)
