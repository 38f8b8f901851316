"""What the offline model extracts when it is asked for memories: the simple facts that the user stated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from warmgraph.extraction_request import DELETE, NOTHING, UPDATE, ExtractionRequest, ShownMemory
from warmgraph.models.facts import Fact, extract_facts, same_attribute
from warmgraph.models.field_values import Source
from warmgraph.models.schema_filling import fill_schema
from warmgraph.models.summaries import CHARS_PER_WORD
from warmgraph.models.tool_requests import Tool, ToolRequest

__all__ = ["memory_requests"]

# Of these a person has one at a time, so that a new one takes the place of the old one.
SINGLE = frozenset(("name", "location", "job", "employer", "age", "birthday"))
LONGEST_TITLE = 10 * CHARS_PER_WORD


def memory_requests(request: ExtractionRequest, tools: Sequence[Tool]) -> list[ToolRequest]:
    """Answer a request for extraction by tool calls.

    Among tools that keep memories: one call for each sentence in which the user states a fact, an update where the
    fact takes the place of one that is there, or the call that says there is nothing. A tool that stands alone is
    filled from the whole conversation.

    Args:
        request: What is asked.
        tools: The tools that may be called.
    """
    said = [line.text for line in request.said if line.role == "user"]
    facts = [fact for text in said for fact in extract_facts(text)]
    control = {tool.name.rstrip("_"): tool for tool in tools if tool.name.rstrip("_") in (UPDATE, DELETE, NOTHING)}
    inserting = [tool for tool in tools if tool not in control.values()]
    if not control:
        text = " ".join(said) or " ".join(line.text for line in request.said)
        source = Source(text, reply=text[:LONGEST_TITLE].strip(), facts=facts)
        return [ToolRequest(tool, fill_schema(tool.parameters, source)) for tool in inserting[:1]]
    calls: list[ToolRequest] = []
    for sentence, stated in _by_sentence(facts).items():
        old = _replaced(stated, request.existing)
        if any(_texts(one.content) == sentence for one in request.existing):
            continue
        if old is not None and UPDATE in control:
            calls.append(ToolRequest(control[UPDATE], {"id": old.id, "content": {"content": sentence}}))
        else:
            calls += [_insert(tool, sentence, stated) for tool in inserting if _is_plain(tool)]
    others = [tool for tool in inserting if not _is_plain(tool)]
    if facts:
        source = Source(" ".join(_by_sentence(facts)), facts=facts)
        for tool in others:
            calls.append(_filled(tool, source, request.existing, control))
    if not calls and NOTHING in control:
        return [ToolRequest(control[NOTHING], {})]
    return calls


def _by_sentence(facts: Sequence[Fact]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact.sentence, []).append(fact)
    return found


def _replaced(stated: Sequence[Fact], existing: Sequence[ShownMemory]) -> ShownMemory | None:
    for shown in reversed(existing):
        for old in extract_facts(_texts(shown.content)) if isinstance(shown.content, Mapping | str) else ():
            if any(same_attribute(old.attribute, new.attribute) and new.attribute in SINGLE for new in stated):
                return shown
    return None


def _texts(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        inner = content.get("content", "")
        return inner if isinstance(inner, str) else ""
    return ""


def _is_plain(tool: Tool) -> bool:
    return list(tool.properties) == ["content"]


def _insert(tool: Tool, sentence: str, stated: Sequence[Fact]) -> ToolRequest:
    if tool.properties["content"].get("type", "string") == "string":
        return ToolRequest(tool, {"content": sentence})
    return ToolRequest(tool, fill_schema(tool.parameters, Source(sentence, facts=stated)))


def _filled(tool: Tool, source: Source, existing: Sequence[ShownMemory], control: Mapping[str, Tool]) -> ToolRequest:
    filled = fill_schema(tool.parameters, source)
    old = next((one for one in existing if one.kind == tool.name), None)
    if old is None or UPDATE not in control:
        return ToolRequest(tool, filled)
    known = {name: value for name, value in filled.items() if value not in ("", None, [], {}, 0)}
    return ToolRequest(control[UPDATE], {"id": old.id, "content": known})
