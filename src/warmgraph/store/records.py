"""Records: what a memory's value looks like.

A value is `kind` and `content` with flat scalars beside them (flat, because nested filters fail on other stores).
The scalars are set by code. Values that other tools wrote can be read as well: reading never fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from warmgraph.index.tokens import is_question

__all__ = ["MemoryRecord", "is_question", "leaf_texts", "text_of"]

MemoryType = Literal["episodic", "semantic", "procedural"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecord:
    """One memory.

    Args:
        content: What is remembered: text, or a dict for a schema of one's own.
        kind: Name of the schema of `content`.
        author: Who said it, as a name or role.
        role: "user", "assistant" or "tool".
        thread_id: The conversation it comes from.
        message_id: The message it comes from.
        position: Where in its thread it stands; neighbours in a thread give each other context.
        said_at: When it was said, ISO 8601.
        is_question: Whether it is a question.
        category: "preference", "fact", "context", or one's own.
        type: "episodic" (what happened), "semantic" (what is so), or "procedural" (how to do it).
        importance: How much it matters, in [0, 1].
        trust: How far its source is to be trusted, from 0 (quarantined) to 1 (said by the user).
        valid_from: From when on it is true, ISO 8601.
        valid_to: Until when it was true, ISO 8601; unset while it still is.
        supersedes: What this one replaces: a revision of itself in its history, "KEY#NUMBER", or the key of another.
        checkpoint_id: The checkpoint at which it was written.
        embedding_model: What made its vector.
        meta: Anything else. In `meta.sources` a memory that was made from others names their keys.

    Example:
        >>> record = MemoryRecord(content="I live in Lisbon.", author="ana", role="user")
        >>> record.to_value()
        {'kind': 'Memory', 'content': 'I live in Lisbon.', 'author': 'ana', 'role': 'user'}
        >>> MemoryRecord.from_value({"content": "hello", "mood": "fine"}).meta
        {'mood': 'fine'}
    """

    content: str | dict[str, Any]
    kind: str = "Memory"
    author: str | None = None
    role: str | None = None
    thread_id: str | None = None
    message_id: str | None = None
    position: float | None = None
    said_at: str | None = None
    is_question: bool | None = None
    category: str | None = None
    type: MemoryType | None = None
    importance: float | None = None
    trust: float | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    supersedes: str | None = None
    checkpoint_id: str | None = None
    embedding_model: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def to_value(self) -> dict[str, Any]:
        """Return the value to put into a store. Fields that are not set are left out."""
        value: dict[str, Any] = {"kind": self.kind, "content": self.content}
        for name in _SCALARS:
            set_to = getattr(self, name)
            if set_to is not None:
                value[name] = set_to
        if self.meta:
            value["meta"] = dict(self.meta)
        return value

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> MemoryRecord:
        """Read any value: ours, `{"content": ...}`, `{"kind", "content"}`, or any other dict.

        Never fails. A field that is not of its type goes to `meta` under its own name; a value without content is
        taken whole, with kind "raw".
        """
        found: dict[str, Any] = {}
        meta: dict[str, Any] = {}
        for name, what in value.items():
            allowed = _FIELD_TYPES.get(name)
            if name == "meta" and isinstance(what, Mapping):
                meta.update(what)
            elif allowed is None or not isinstance(what, allowed) or (isinstance(what, bool) and bool not in allowed):
                meta[name] = what
            else:
                found[name] = what
        if "content" not in found:
            return cls(content=dict(value), kind="raw")
        return cls(**found, meta=meta)

    @property
    def text(self) -> str:
        """The content as text."""
        return text_of(self.content)

    @property
    def said(self) -> datetime | None:
        """`said_at` as a datetime; `None` when unset or unreadable."""
        try:
            return datetime.fromisoformat(self.said_at) if self.said_at else None
        except ValueError:
            return None


def leaf_texts(value: object) -> Iterator[str]:
    """Yield all strings and numbers inside a value, depth first, without the keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, (int, float)):
        yield str(value)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from leaf_texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from leaf_texts(inner)


def text_of(content: object) -> str:
    """Return content as one text: itself, or the texts inside it.

    Example:
        >>> text_of({"title": "Trip", "days": 3})
        'title: Trip; days: 3'
    """
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        text = content.get("content")
        if len(content) == 1 and isinstance(text, str):  # LangMem's default schema
            return text
        return "; ".join(f"{name}: {text}" for name, inner in content.items() if (text := text_of(inner)))
    return " ".join(leaf_texts(content))


_FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "content": (str, dict),
    "position": (int, float),
    "is_question": (bool,),
    "importance": (int, float),
    "trust": (int, float),
}
_SCALARS = tuple(each.name for each in fields(MemoryRecord) if each.name not in ("content", "kind", "meta"))
_FIELD_TYPES |= {name: (str,) for name in ("kind", *_SCALARS) if name not in _FIELD_TYPES}
