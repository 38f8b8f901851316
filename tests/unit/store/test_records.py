"""Records: what a memory's value looks like."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.store import MemoryRecord
from warmgraph.store.records import is_question, leaf_texts, text_of

FULL = MemoryRecord(
    content="I live in Lisbon.",
    kind="Fact",
    author="ana",
    role="user",
    thread_id="t",
    message_id="m",
    position=3,
    said_at="2026-01-01T10:00:00+00:00",
    is_question=False,
    category="fact",
    type="semantic",
    importance=0.5,
    trust=1.0,
    valid_from="2026-01-01",
    valid_to="2027-01-01",
    supersedes="old",
    checkpoint_id="c",
    embedding_model="hashing-512",
    meta={"mood": "fine"},
)


def test_a_record_comes_back_from_its_value() -> None:
    """Every field survives; what is not set takes no place."""
    assert FULL == MemoryRecord.from_value(FULL.to_value())
    assert {"kind": "Memory", "content": "x"} == MemoryRecord(content="x").to_value()
    assert MemoryRecord(content={"a": 1}) == MemoryRecord.from_value(MemoryRecord(content={"a": 1}).to_value())


def test_a_value_is_flat_but_for_its_meta() -> None:
    """Filters of other stores can reach every field."""
    value = FULL.to_value()
    assert {"meta"} == {name for name, inner in value.items() if isinstance(inner, (dict, list))}


@pytest.mark.parametrize(
    ("value", "content", "kind", "meta"),
    [
        ({"content": "hello"}, "hello", "Memory", {}),
        ({"kind": "Note", "content": {"x": 1}}, {"x": 1}, "Note", {}),
        ({"text": "hello"}, {"text": "hello"}, "raw", {}),
        ({}, {}, "raw", {}),
        ({"content": 5, "author": "ana"}, {"content": 5, "author": "ana"}, "raw", {}),
        ({"content": "x", "importance": "high", "extra": 1}, "x", "Memory", {"importance": "high", "extra": 1}),
        ({"content": "x", "importance": True, "is_question": 1}, "x", "Memory", {"importance": True, "is_question": 1}),
        ({"content": "x", "meta": {"a": 1}, "b": 2}, "x", "Memory", {"a": 1, "b": 2}),
        ({"content": "x", "meta": "text"}, "x", "Memory", {"meta": "text"}),
    ],
)
def test_values_of_other_tools_can_be_read(value: dict[str, Any], content: object, kind: str, meta: object) -> None:
    """A field that is not of its type goes to `meta`; a value without content is taken whole."""
    record = MemoryRecord.from_value(value)
    assert (content, kind, meta) == (record.content, record.kind, dict(record.meta))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["content", "kind", "author", "position", "is_question", "importance", "meta", "said_at", "x"])


@given(st.dictionaries(NAMES, JSON))
def test_reading_never_fails(value: dict[str, Any]) -> None:
    """Any dict is a record, with a text and perhaps a time."""
    record = MemoryRecord.from_value(value)
    assert isinstance(record.text, str)
    assert record.said is None or isinstance(record.said, datetime)


def test_the_time_of_a_memory_is_read_where_it_can_be() -> None:
    """ISO 8601 becomes a datetime, anything else None."""
    assert datetime(2026, 1, 1, 10, tzinfo=timezone.utc) == FULL.said
    assert MemoryRecord(content="x", said_at="yesterday").said is None
    assert MemoryRecord(content="x").said is None


@pytest.mark.parametrize("text", ["Where?", "どこ？ ", "أين؟", "πού\u037e"])
def test_questions_end_as_questions_do(text: str) -> None:
    """Question marks of all scripts count."""
    assert is_question(text)
    assert not is_question(f"{text} There.")


def test_content_becomes_one_text() -> None:
    """Text is itself; a dict names its fields; lists are joined; nothing is nothing."""
    assert "plain" == text_of("plain")
    assert "a: 1; b: x: y" == text_of({"a": 1, "b": {"x": "y"}, "c": None})
    assert "1 two" == text_of([1, None, True, "two"])
    assert ["x", "1", "2.5"] == list(leaf_texts({"a": ["x", None, True], "b": {"c": 1, "d": 2.5}}))
