"""Which tools a message clearly asks for, and with which arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from warmgraph.models.schema_filling import json_type
from warmgraph.models.sentences import straighten

__all__ = ["Tool", "ToolRequest", "find_requests"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that was bound to the model: its name and the JSON schema of its arguments."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        """Schema of each argument."""
        return self.parameters.get("properties") or {}

    @property
    def required(self) -> list[str]:
        """Arguments that have to be given."""
        return list(self.parameters.get("required", ()))


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A tool that was asked for, the arguments that were found, and the required ones that were not."""

    tool: Tool
    arguments: dict[str, Any]

    @property
    def missing(self) -> list[str]:
        """Required arguments that the message does not give."""
        return [name for name in self.tool.required if name not in self.arguments]


def find_requests(text: str, tools: Sequence[Tool]) -> list[ToolRequest]:
    """Find the tools that a message asks for: by name, by naming all their arguments, or as JSON.

    Mentioning a word that happens to be the name of a tool is no request: "use the add tool", "call add(...)" and
    "add 2 and 3" are, "I add sugar to my tea" is not.

    Args:
        text: The user's message.
        tools: The tools that may be called.

    Returns:
        A request for each tool asked for, in the order of the text. Arguments may be missing.

    Example:
        >>> add = Tool(
        ...     "add",
        ...     {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]},
        ... )
        >>> [request.arguments for request in find_requests("Please use the add tool with a=2 b=3.", [add])]
        [{'a': 2, 'b': 3}]
        >>> find_requests("I add sugar to my tea.", [add])
        []
    """
    plain = straighten(text)[:_LONGEST_TEXT]
    return _calls_in_json(plain, tools) or _calls_by_name(plain, tools) or _calls_by_arguments(plain, tools)


_LONGEST_TEXT = 10_000  # characters
_VERB = r"(?:use|using|call|calling|run|running|invoke|execute|try|apply|with|via|through|tool|function)"
_VALUE = (
    r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>\[[^\]]*\]|\{[^}]*\}|[^,;\n]+?))"""
    r"""(?=\s*(?:[,;\n)]|$)|\s+{next})"""
)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
_POLITENESS = re.compile(r"[\s,]+(?:please|thanks|thank\s+you|now)\W*$", re.IGNORECASE)
_FILLER = re.compile(r"^\W*(?:(?:tool|function|with|for|to|about|on|of|in|and|the|please|now)\b\W*)*", re.IGNORECASE)


def _mentions(tool: Tool) -> re.Pattern[str]:
    """Match where a text asks for a tool by its name, however the words of the name are joined."""
    name = r"[\s_-]".join(map(re.escape, re.split(r"[\s_-]+", tool.name)))
    quoted = rf"[\"'`]?\b{name}\b[\"'`]?"
    forms = [
        rf"\b{_VERB}\s+(?:the\s+|my\s+|your\s+)?{quoted}",
        rf"{quoted}\s+(?:tool|function)\b",
        rf"\b{name}\(",
    ]
    if re.search(r"[\s_-]", tool.name):
        forms.append(rf"\b{re.escape(tool.name)}\b")  # nobody writes "search_memory" by chance
    elif all(json_type(schema) in {"integer", "number"} for schema in tool.properties.values()) and tool.properties:
        forms.append(rf"^\W*(?:please\s+|can\s+you\s+|could\s+you\s+)?{name}(?=\s+-?\d)")
    return re.compile("|".join(forms), re.IGNORECASE)


def _calls_in_json(text: str, tools: Sequence[Tool]) -> list[ToolRequest]:
    """Find calls such as {"name": "add", "args": {"a": 2, "b": 3}}."""
    by_name = {tool.name: tool for tool in tools}
    requests: list[ToolRequest] = []
    for given in _json_objects(text):
        tool = by_name.get(str(given.get("name") or given.get("tool") or given.get("function")))
        arguments = given.get("arguments", given.get("args", given.get("parameters", {})))
        if tool is not None and isinstance(arguments, dict):
            requests.append(ToolRequest(tool, arguments))
    return requests


def _calls_by_name(text: str, tools: Sequence[Tool]) -> list[ToolRequest]:
    """Find tools asked for by name; what stands between one name and the next are the arguments."""
    mentions = [(match.start(), match.end(), tool) for tool in tools for match in _mentions(tool).finditer(text)]
    mentions.sort(key=lambda mention: mention[0])
    ends = [*(start for start, _, _ in mentions[1:]), len(text)]
    requests: list[ToolRequest] = []
    for (_, start, tool), end in zip(mentions, ends, strict=False):
        requests.append(ToolRequest(tool, _arguments(text[start:end], tool)))
    return requests


def _calls_by_arguments(text: str, tools: Sequence[Tool]) -> list[ToolRequest]:
    """Find the one tool whose required arguments are all named, as in "a=2, b=3" or {"a": 2, "b": 3}."""
    fitting = []
    for tool in tools:
        for given in [*_json_objects(text), _named_arguments(text, tool, assigned=True)]:
            if tool.required and set(tool.required) <= set(given) <= set(tool.properties):
                fitting.append(ToolRequest(tool, given))
    return fitting[:1] if len({request.tool.name for request in fitting}) == 1 else []


def _json_objects(text: str) -> list[dict[str, Any]]:
    decoder = json.JSONDecoder()
    found: list[dict[str, Any]] = []
    place = text.find("{")
    while place != -1:
        try:
            given, length = decoder.raw_decode(text[place:])
        except (ValueError, RecursionError):
            length = 1
        else:
            found.append(given)
        place = text.find("{", place + length)
    return found


def _arguments(text: str, tool: Tool) -> dict[str, Any]:
    for given in [*_json_objects(text), _named_arguments(text, tool)]:
        if given and set(given) <= set(tool.properties):
            return given
    open_names = tool.required or list(tool.properties)[:1]
    kinds = {name: json_type(tool.properties.get(name, {})) for name in open_names}
    numbers = _NUMBER.findall(text)
    numeric = [name for name in open_names if kinds[name] in {"integer", "number"}]
    if numeric and len(numbers) == len(numeric) == len(open_names):
        return {name: _coerced(number, kinds[name]) for name, number in zip(numeric, numbers, strict=True)}
    if len(open_names) == 1 and kinds[open_names[0]] in {"string", ""}:
        quoted = re.search(r"\"([^\"]+)\"|'([^']+)'", text)
        rest = (quoted[1] or quoted[2]) if quoted else _POLITENESS.sub("", _FILLER.sub("", text, count=1))
        rest = rest.strip(" \t\n.,:;!?()\"'`")
        return {open_names[0]: rest} if rest else {}
    return {}


def _named_arguments(text: str, tool: Tool, *, assigned: bool = False) -> dict[str, Any]:
    """Find arguments given as "name=value", "name: value" or (unless `assigned`) "name is value", "name value"."""
    if not tool.properties:
        return {}
    names = "|".join(re.escape(name) for name in sorted(tool.properties, key=len, reverse=True))
    sign = r"\s*[=:]\s*" if assigned else r"(?:\s*[=:]\s*|\s+(?:is|as|of|to)\s+|\s+(?=[\"'\d-]))"
    another = rf"(?:and\s+|with\s+)?[\"'`]?(?:{names})[\"'`]?(?:\s*[=:]|\s+(?:is|as|of|to)\b|\s+[\"'\d-])"
    pattern = rf"(?<![\w-])[\"'`]?(?P<name>{names})[\"'`]?{sign}{_VALUE.replace('{next}', another)}"
    given: dict[str, Any] = {}
    for match in re.finditer(pattern, text):
        quoted = match["double"] if match["double"] is not None else match["single"]
        raw = quoted if quoted is not None else match["bare"].strip().rstrip(".!?)")
        value = _coerced(raw, json_type(tool.properties[match["name"]]))
        if value is not None:
            given.setdefault(match["name"], value)
    return given


def _coerced(raw: str, kind: str) -> Any:
    """Read a value as the type that the tool wants; None when it is not of that type."""
    text = raw.strip()
    if kind in {"integer", "number"}:
        number = _NUMBER.match(text)
        if number is None or (kind == "integer" and "." in number[0]):
            return None
        return int(number[0]) if kind == "integer" else float(number[0])
    if kind == "boolean":
        return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(text.casefold())
    if kind in {"array", "object"}:
        try:
            value = json.loads(text)
        except ValueError:
            value = [part.strip() for part in text.split(",")] if kind == "array" else None
        return value if isinstance(value, list if kind == "array" else dict) else None
    return raw
