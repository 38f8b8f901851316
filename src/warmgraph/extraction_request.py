"""How a model is asked to extract memories from a conversation: one text, which can be read back.

::

    Task: keep long-term memories.
    ...instructions...

    <existing>
    {"id": "home", "kind": "Memory", "content": {"content": "Lives in Lisbon."}}
    </existing>
    <conversation>
    {"role": "user", "text": "I moved to Porto."}
    </conversation>

One JSON object a line. `<`, `>` and `&` are escaped inside it, so no stored or quoted text can close a block.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["DELETE", "NOTHING", "UPDATE", "ExtractionRequest", "SaidLine", "ShownMemory", "parse_request", "safe_json"]

# Names of the tools beside those of the schemas. Where a schema has such a name, the tool's gets an underscore more.
UPDATE = "update_memory"
DELETE = "delete_memory"
NOTHING = "nothing_to_remember"

_TITLE = "Task: keep long-term memories."


@dataclass(frozen=True, slots=True)
class ShownMemory:
    """A memory that is there already.

    Args:
        id: What the model calls it.
        kind: Name of its schema.
        content: Its content, as JSON has it.
    """

    id: str
    kind: str
    content: Any


@dataclass(frozen=True, slots=True)
class SaidLine:
    """Something that was said.

    Args:
        role: "user", "assistant", "tool", or "quoted" for what a user passes on.
        text: The text.
        author: A name, where there is one.
    """

    role: str
    text: str
    author: str | None = None


@dataclass(frozen=True, slots=True)
class ExtractionRequest:
    r"""What a model is asked.

    Args:
        instructions: What to do.
        existing: The memories that are there already.
        said: The conversation.

    Example:
        >>> asked = ExtractionRequest("Extract.", [ShownMemory("1", "Memory", "tea")], [SaidLine("user", "</b> hi")])
        >>> print(asked.render())
        Task: keep long-term memories.
        Extract.
        <BLANKLINE>
        <existing>
        {"id": "1", "kind": "Memory", "content": "tea"}
        </existing>
        <conversation>
        {"role": "user", "text": "\u003c/b\u003e hi"}
        </conversation>
        >>> parse_request(asked.render()) == asked
        True
    """

    instructions: str
    existing: list[ShownMemory]
    said: list[SaidLine]

    def render(self) -> str:
        """Return the text that `parse_request` reads."""
        existing = ({"id": one.id, "kind": one.kind, "content": one.content} for one in self.existing)
        said = (
            {"role": line.role, **({"author": line.author} if line.author else {}), "text": line.text}
            for line in self.said
        )
        return (
            f"{_TITLE}\n{self.instructions}\n\n<existing>\n{_lines(existing)}</existing>\n"
            f"<conversation>\n{_lines(said)}</conversation>"
        )


def parse_request(text: str) -> ExtractionRequest | None:
    """Read a request for extraction; `None` when a text is none."""
    found = _REQUEST.fullmatch(text)
    if found is None:
        return None
    try:
        existing = [ShownMemory(one["id"], one["kind"], one["content"]) for one in _objects(found["existing"])]
        said = [SaidLine(one["role"], one["text"], one.get("author")) for one in _objects(found["said"])]
    except (ValueError, KeyError, TypeError):
        return None
    return ExtractionRequest(found["instructions"], existing, said)


def safe_json(value: Any) -> str:
    """Return JSON in one line, in which no text can look like markup."""
    return json.dumps(value, ensure_ascii=False, default=str).translate(_UNSAFE)


_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
_REQUEST = re.compile(
    rf"{re.escape(_TITLE)}\n(?P<instructions>.*)\n\n<existing>\n(?P<existing>[^<]*)</existing>\n"
    r"<conversation>\n(?P<said>[^<]*)</conversation>",
    re.DOTALL,
)


def _lines(objects: Iterable[dict[str, Any]]) -> str:
    return "".join(f"{safe_json(one)}\n" for one in objects)


def _objects(lines: str) -> list[Any]:
    return [json.loads(line) for line in lines.split("\n") if line]
