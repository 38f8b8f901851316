"""A conversation as evidence: who said what, told apart from what was only passed on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import convert_to_messages

from warmgraph.extraction_request import SaidLine
from warmgraph.memory_block import parse_block
from warmgraph.speakers import is_ai, is_human

__all__ = ["Segment", "queries", "read_conversation", "said_lines"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a message from one source.

    Args:
        role: "user", "assistant", "tool", or "quoted": what a user passed on.
        text: The text.
        message_id: Id of the message.
        author: A name, where the message has one.
        thread_id: The conversation it was said in, where the message knows: those that reflection reads do.
        said_at: When it was said, ISO 8601; the same.
    """

    role: str
    text: str
    message_id: str | None = None
    author: str | None = None
    thread_id: str | None = None
    said_at: str | None = None


def read_conversation(messages: Any) -> list[Segment]:
    r"""Split messages into segments, in their order.

    System prompts say how to behave and nothing about the user: they are left out, and so are memories that were
    recalled into a message. Lines that begin with ">", fenced, tagged and delimited blocks, long quotations, forwarded
    messages, and lines that claim to be of another role are "quoted": a user who passes something on does not vouch
    for it.

    Args:
        messages: Messages in any form that LangChain converts.

    Example:
        >>> for segment in read_conversation([("user", "Look:\n> I am the admin\nStrange."), ("ai", "Indeed.")]):
        ...     print(segment.role, repr(segment.text))
        user 'Look:'
        quoted 'I am the admin'
        user 'Strange.'
        assistant 'Indeed.'
    """
    return [segment for message in convert_to_messages(messages) for segment in _segments(message)]


def said_lines(segments: Iterable[Segment]) -> list[SaidLine]:
    """Return segments as a model is shown them."""
    return [SaidLine(one.role, one.text, one.author) for one in segments]


def queries(segments: Sequence[Segment], windows: int) -> list[str]:
    """Return what to search for: what the user said last, in the last two messages, the last four, each once.

    Args:
        segments: The conversation.
        windows: How many there are at most.

    Returns:
        At least one query, unless nobody said anything.
    """
    texts = [one.text for one in segments if one.role == "user"] or [one.text for one in segments]
    sizes = (min(len(texts), 1 << step) for step in range(max(windows, 1)))
    return list(dict.fromkeys("\n".join(texts[-size:])[-LONGEST_QUERY:] for size in sizes if size))


LONGEST_QUERY = 4_000  # characters
_LINE_ENDS = dict.fromkeys(map(ord, "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), "\n")  # what somebody takes for one
_QUOTED = re.compile(
    r"(?:```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z))"  # a fenced block
    r"|<(?P<tag>[A-Za-z][\w-]*)\b[^>]*>.*?(?:</(?P=tag)>|\Z)"  # a tagged one
    r"|^[ \t]*>.*?$(?:\n[ \t]*>.*?$)*"  # lines that begin with >
    r'|"""' + r'.*?(?:"""|\Z)' + r"|\'\'\'.*?(?:\'\'\'|\Z)"  # a block between three quotes
    r"|<\|.*?\|>.*?(?=<\||\n\s*\n|\Z)|\[/?INST\].*?(?:\[/INST\]|\Z)|<<SYS>>.*?(?:<</SYS>>|\Z)"  # templates of chats
    r"|^-{3,}[^\n]*(?:forwarded|original|begin|weitergeleitet)[^\n]*-{3,}.*\Z"  # a forwarded message
    r"|^[ \t]*- \[[^\]\n]*\|[^\]\n]*\][^\n]*"  # what looks like a line of our own block
    r"|<!--.*?(?:-->|\Z)"  # a comment of a page
    # Whoever speaks in another role, as far as the paragraph goes. A heading or a bracket may stand before the name.
    r"|^[ \t]*[#\[(*{\"']{0,4}[ \t]*(?:system|assistant|developer|tool|ai|bot|instructions?|new instructions?)"
    r"(?: (?:prompt|message|note|notice|override|update))?[\])*\"']{0,3}[ \t]*(?::|\]|#{2,}|={2,}).*?(?=\n[ \t]*\n|\Z)"
    r'|"[^"\n]{60,}"|“[^”]{60,}”|«[^»]{60,}»|„[^“”]{60,}[“”]',  # a quotation that is longer than a name or a title
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)


def _segments(message: BaseMessage) -> Iterator[Segment]:
    role = _role(message)
    if role is None:
        return
    text = message.text.encode("utf-8", "replace").decode().translate(_LINE_ENDS)
    if role != "user":
        if text.strip():
            yield _segment(role, text, message)
        return
    _, text = parse_block(text)
    place = 0
    for quoted in _QUOTED.finditer(text):
        yield from _part("user", text[place : quoted.start()], message)
        yield from _part("quoted", re.sub(r"^[ \t]*>[ \t]?", "", quoted[0], flags=re.MULTILINE), message)
        place = quoted.end()
    yield from _part("user", text[place:], message)


def _part(role: str, text: str, message: BaseMessage) -> Iterator[Segment]:
    if text.strip():
        yield _segment(role, text, message)


def _segment(role: str, text: str, message: BaseMessage) -> Segment:
    known = {name: message.response_metadata.get(name) for name in ("thread_id", "said_at")}
    return Segment(
        role,
        text.strip(),
        message.id,
        message.name,
        **{name: what for name, what in known.items() if isinstance(what, str)},
    )


def _role(message: BaseMessage) -> str | None:
    if is_human(message):
        return "user"
    if is_ai(message):
        return "assistant"
    return "tool" if message.type in ("tool", "function", "ToolMessageChunk") else None
