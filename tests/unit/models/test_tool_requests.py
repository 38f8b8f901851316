"""Which tools a message asks for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.models.tool_requests import Tool, find_requests


def tool(name: str, required: list[str] | None = None, **kinds: str) -> Tool:
    """Make a tool from the types of its arguments."""
    properties = {argument: {"type": kind} for argument, kind in kinds.items()}
    return Tool(name, {"type": "object", "properties": properties, "required": required or list(kinds)})


TOOLS = [
    tool("add", a="integer", b="integer"),
    tool("get_weather", ["city"], city="string", units="string"),
    tool("now"),
    tool("remind", ["text"], text="string", loud="boolean", days="array", at="number"),
]


def asked(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the names and arguments of the tools that a message asks for."""
    return [(request.tool.name, request.arguments) for request in find_requests(text, TOOLS)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use the add tool with a=2 b=3", [("add", {"a": 2, "b": 3})]),
        ("Use the add tool with a = 2 and b = -3.", [("add", {"a": 2, "b": -3})]),
        ("use the add tool with a is 2 and b is 3", [("add", {"a": 2, "b": 3})]),
        ("Please call add(a=2, b=3)!", [("add", {"a": 2, "b": 3})]),
        ("call add(2, 3)", [("add", {"a": 2, "b": 3})]),
        ("Add 2 and 3", [("add", {"a": 2, "b": 3})]),
        ("a=7, b=8", [("add", {"a": 7, "b": 8})]),
        ('{"a": 7, "b": 8}', [("add", {"a": 7, "b": 8})]),
        ('{"name": "add", "args": {"a": 1, "b": 2}}', [("add", {"a": 1, "b": 2})]),
        ('add with the tool add {"a": 1, "b": 2}', [("add", {"a": 1, "b": 2})]),
        ("Use get_weather for Lisbon, please", [("get_weather", {"city": "Lisbon"})]),
        ("use the get weather tool for São Paulo.", [("get_weather", {"city": "São Paulo"})]),
        ('run the `get_weather` tool for "New York"', [("get_weather", {"city": "New York"})]),
        ("get_weather(city='New York', units=f)", [("get_weather", {"city": "New York", "units": "f"})]),
        ("What time is it? Use the now tool.", [("now", {})]),
        ("use the tool remind: text: buy milk, loud: yes, at: 8.5",
         [("remind", {"text": "buy milk", "loud": True, "at": 8.5})]),
        ("use remind to call mum", [("remind", {"text": "call mum"})]),
        ('use the remind tool with text="a, b" days=["mon","tue"]',
         [("remind", {"text": "a, b", "days": ["mon", "tue"]})]),
        ("use the add tool on 2 and 3 and get_weather for Oslo",
         [("add", {"a": 2, "b": 3}), ("get_weather", {"city": "Oslo"})]),
        ('use the add tool {"a": 1, "b": 2} and the now tool', [("add", {"a": 1, "b": 2}), ("now", {})]),
    ],
)  # fmt: skip
def test_requests(text: str, expected: list[tuple[str, dict[str, Any]]]) -> None:
    """A tool is asked for by its name, by its arguments, or as JSON."""
    assert expected == asked(text)


@pytest.mark.parametrize(
    "text",
    [
        "I add sugar to my tea.",
        "Now I live in Rome",
        "I will remind her. What's the weather?",
        "a is the first letter",
        "{not json}",
        '{"unknown": 1}',
        '{"name": "rm"}',
        "使用工具",
        "",
    ],
)
def test_no_requests(text: str) -> None:
    """A word that happens to be the name of a tool asks for nothing."""
    assert [] == asked(text)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("use the add tool", ["a", "b"]),
        ("use the add tool with a=2", ["b"]),
        ("use the add tool with a=two b=3", ["a"]),
        ("use the add tool with 1, 2 and 3", ["a", "b"]),
        ("use the get_weather tool", ["city"]),
    ],
)
def test_missing_arguments(text: str, missing: list[str]) -> None:
    """A request without all its arguments says which it lacks; nothing is guessed."""
    (request,) = find_requests(text, TOOLS)
    assert missing == request.missing


@given(st.one_of(st.text(), st.text(alphabet='{}[]":,= addnowuse\n12')))
def test_any_text_can_be_read(text: str) -> None:
    """No text breaks the search, and only known tools and arguments are found."""
    for request in find_requests(text, TOOLS):
        assert set(request.arguments) <= set(request.tool.properties) or '"' in text


@pytest.mark.parametrize(
    "text", ["{" * 100_000, "use " * 50_000, "a=" * 50_000, '{"a":' * 20_000, "use add a=1 " * 10_000]
)
def test_long_texts_take_no_time(text: str) -> None:
    """Only the beginning of a very long text is searched (the suite's timeout would end this test otherwise)."""
    find_requests(text, TOOLS)
