"""Fill a JSON schema from what somebody said: with the facts that are found, and harmless values elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from warmgraph.models.facts import extract_facts
from warmgraph.models.field_values import (
    Schema,
    Source,
    choose,
    empty_scalar,
    find_scalar,
    find_strings,
    fits,
    takes_one_fact,
)

__all__ = ["Source", "fill_schema", "json_type"]


def fill_schema(schema: Schema, source: Source) -> dict[str, Any]:
    """Fill the schema of an object. The result satisfies the schema, whatever the text says.

    Required fields always get a value: a fact that belongs there, else the default, else an empty one that keeps
    to the bounds of the schema. Optional fields are left out unless something is known.

    Args:
        schema: A JSON schema of an object, as LangChain makes it of a tool, a pydantic class or a TypedDict.
        source: What to fill it from.

    Example:
        >>> from warmgraph.models import Fact
        >>> schema = {
        ...     "type": "object",
        ...     "properties": {"city": {"type": "string"}, "age": {"type": "integer", "minimum": 1}},
        ...     "required": ["city", "age"],
        ... }
        >>> fill_schema(schema, Source("", facts=[Fact("location", "Lisbon", "I live in Lisbon.")]))
        {'city': 'Lisbon', 'age': 1}
    """
    value, _ = _Filler(schema).fill(schema, "", source)
    return value if isinstance(value, dict) else {}


def json_type(schema: Schema) -> str:
    """Name the type that a schema describes, looking through "nullable"; "" when it says nothing."""
    kind = schema.get("type", "")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind:
        return str(kind)
    for option in _options(schema):
        if option.get("type") != "null":
            return json_type(option)
    return "object" if "properties" in schema else ""


# A schema may contain itself. Optional parts are filled so many levels down; required ones as far as there is hope.
_DEEPEST = 6
_BOTTOMLESS = 40
_MOST_PARTS = 2_000


class _Filler:
    def __init__(self, root: Schema) -> None:
        self._parts = 0
        self._definitions = {**root.get("definitions", {}), **root.get("$defs", {})}

    def fill(self, schema: Schema, name: str, source: Source, depth: int = 0) -> tuple[Any, bool]:
        """Return a value, and whether it was found (rather than made up)."""
        self._parts += 1
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"], False
        if "enum" in schema:
            return choose(schema, source)
        options = _options(schema)
        if options:
            return self._fill_option(schema, options, name, source, depth)
        kind = json_type(schema)
        if kind == "object" or (not kind and not name):
            return self._fill_object(schema, name, source, depth)
        if kind == "array":
            return self._fill_array(schema, name, source, depth)
        value = None if kind == "null" else find_scalar(schema, kind, name, source)
        if value is not None:
            return value, True
        if "default" in schema:
            return schema["default"], False
        return empty_scalar(schema, kind), False

    def _resolved(self, schema: Schema) -> Schema:
        for _ in range(_DEEPEST):
            if "$ref" in schema:
                target = self._definitions.get(str(schema["$ref"]).rpartition("/")[2], {})
                schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
            elif "allOf" in schema:
                merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    merged = {**self._resolved(part), **merged}
                schema = merged
            else:
                break
        return schema

    def _fill_option(
        self, schema: Schema, options: Sequence[Schema], name: str, source: Source, depth: int
    ) -> tuple[Any, bool]:
        nullable = any(option.get("type") == "null" for option in options)
        if nullable and depth >= _DEEPEST:
            return None, False
        filled = [self.fill(option, name, source, depth) for option in options if option.get("type") != "null"]
        for value, found in filled:
            if found:
                return value, True
        if "default" in schema:
            return schema["default"], False
        return (None, False) if nullable or not filled else filled[0]

    def _fill_object(self, schema: Schema, name: str, source: Source, depth: int) -> tuple[dict[str, Any], bool]:
        properties: Mapping[str, Schema] = schema.get("properties") or {}
        if not properties or depth > _BOTTOMLESS or self._parts > _MOST_PARTS:
            return self._fill_mapping(schema, source)
        filled: dict[str, Any] = {}
        found_any = False
        for field, part in properties.items():
            required = field in schema.get("required", ())
            if depth >= _DEEPEST and not required:
                continue
            value, found = self.fill(part, field, source, depth + 1)
            found_any = found_any or found
            if found or required:
                filled[field] = value
        return filled, found_any

    def _fill_mapping(self, schema: Schema, source: Source) -> tuple[dict[str, Any], bool]:
        values = schema.get("additionalProperties")
        if not isinstance(values, Mapping) or json_type(self._resolved(values)) not in {"string", ""}:
            return {}, False
        facts = {fact.attribute: fact.value for fact in source.facts}
        return facts, bool(facts)

    def _fill_array(self, schema: Schema, name: str, source: Source, depth: int) -> tuple[list[Any], bool]:
        if "prefixItems" in schema:
            return [self.fill(part, name, source, depth + 1)[0] for part in schema["prefixItems"]], False
        items = self._resolved(schema.get("items") or {})
        kind = json_type(items)
        values: list[Any] = []
        if depth < _DEEPEST and kind == "object" and "properties" in items:
            for sentence in source.statements:
                facts = extract_facts(sentence)
                for part in [[fact] for fact in facts] if takes_one_fact(items) else [facts]:
                    value, found = self.fill(items, name, replace(source, text=sentence, facts=part), depth + 1)
                    if found and value not in values:
                        values.append(value)
        elif not items or (items.get("type") == "string" and not items.keys() & {"enum", "const", "format"}):
            values = [value for value in dict.fromkeys(find_strings(name, source)) if fits(items, value)]
        found = bool(values)
        while len(values) < schema.get("minItems", 0):
            values.append(self.fill(items, name, source, depth + 1)[0])
        return values[: schema.get("maxItems", len(values))], found


def _options(schema: Schema) -> list[Schema]:
    options = schema.get("anyOf") or schema.get("oneOf") or []
    kinds = schema.get("type")
    if not options and isinstance(kinds, list):
        options = [{**schema, "type": kind} for kind in kinds]
    return list(options)
