"""One interaction, as a buffer keeps it and gives it out."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from warmgraph.errors import InvalidArgumentError

__all__ = ["InteractionRecord"]

_PLAIN = frozenset((str, int, float, bool, type(None)))


@dataclass(frozen=True, slots=True)
class InteractionRecord:
    """Something that was said, asked or answered.

    Args:
        interaction_id: Counts up from 1, and never begins anew: neither after `clear` nor when a file is opened again.
        timestamp: When it was added, timezone-aware, in UTC.
        role: Who said it, such as "user", "assistant", "tool" or "error".
        content: What was said.
        summary: The same in short.
        tags: Labels.
        metadata: Anything else; a copy, the caller's own.
        importance: How much it matters, in [0, 1]; looked at by the eviction policy "importance".
        score: How well it answers the query that found it; `None` where nothing was asked.
    """

    interaction_id: int
    timestamp: datetime
    role: str
    content: str
    summary: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    importance: float = 0.5
    score: float | None = None

    def copy(self, score: float | None = None) -> InteractionRecord:
        """Return a record that shares nothing that could be changed."""
        return InteractionRecord(
            self.interaction_id,
            self.timestamp,
            self.role,
            self.content,
            self.summary,
            self.tags,
            _copied(self.metadata),
            self.importance,
            score,
        )

    def to_json(self) -> str:
        """Write it as one line of JSON, without the score.

        Raises:
            InvalidArgumentError: The metadata holds something that JSON cannot express.
        """
        value = {
            "interaction_id": self.interaction_id,
            "timestamp": self.timestamp.isoformat(),
            "role": self.role,
            "content": self.content,
            "summary": self.summary,
            "tags": self.tags,
            "metadata": self.metadata,
            "importance": self.importance,
        }
        try:
            # ASCII: lone surrogates, as broken input has them, can be written, and no line separator breaks a line.
            return json.dumps(value, ensure_ascii=True)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidArgumentError("metadata", expected=f"JSON values ({error})", got=self.metadata) from error

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> InteractionRecord:
        """Read what `to_json` wrote."""
        return cls(
            int(value["interaction_id"]),
            datetime.fromisoformat(value["timestamp"]),
            str(value["role"]),
            str(value["content"]),
            str(value["summary"]),
            tuple(value["tags"]),
            dict(value["metadata"]),
            float(value["importance"]),
        )


def make_record(
    interaction_id: int,
    timestamp: datetime,
    role: str,
    content: str,
    *,
    summary: str = "",
    tags: Iterable[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    importance: float = 0.5,
) -> InteractionRecord:
    """Make a record of what a caller gave.

    Raises:
        InvalidArgumentError: An argument is of the wrong kind.
    """
    for name, text in (("role", role), ("content", content), ("summary", summary)):
        if not isinstance(text, str):
            raise InvalidArgumentError(name, expected="a string", got=text)
    labels = () if tags is None or isinstance(tags, str) else tuple(tags)
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in labels):
        raise InvalidArgumentError("tags", expected="a sequence of strings", got=tags)
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidArgumentError("metadata", expected="a mapping", got=metadata)
    if not 0 <= importance <= 1:
        raise InvalidArgumentError("importance", expected="a number from 0 to 1", got=importance)
    kept = _copied(dict(metadata)) if metadata else {}
    return InteractionRecord(interaction_id, timestamp, role, content, summary, labels, kept, importance)


def _copied(metadata: dict[str, Any]) -> dict[str, Any]:
    if not metadata:
        return {}
    if all(type(value) in _PLAIN for value in metadata.values()):
        return dict(metadata)
    return copy.deepcopy(metadata)
