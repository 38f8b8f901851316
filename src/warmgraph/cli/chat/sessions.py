"""What a chat needs of the agent, wherever that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

__all__ = ["Event", "Memory", "Session"]

# A piece of the answer, or an event of the custom stream (`warmgraph.recall.MemoryEvent`).
Event: TypeAlias = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Memory:
    """One memory as `/memories` lists it."""

    text: str
    author: str
    said_at: str


class Session(Protocol):
    """One user's conversation with the agent."""

    @property
    def about(self) -> str:
        """What the agent is, where its memories are: one line."""
        ...

    @property
    def user(self) -> str:
        """Whose memories are used."""
        ...

    @property
    def thread(self) -> str:
        """The thread that goes on with the next message."""
        ...

    def say(self, text: str) -> Iterator[Event]:
        """Send a message; yield the answer piece by piece, and what memory tells about itself."""
        ...

    def new_thread(self) -> None:
        """Begin a new thread: the agent knows of it only what it remembers."""
        ...

    def memories(self, query: str, limit: int) -> Sequence[Memory]:
        """Return what is remembered: the best for a query, or the newest without one."""
        ...

    def explain(self, error: Exception) -> str:
        """Say in one line why a call above failed."""
        ...

    def close(self) -> None:
        """End the session."""
        ...


def memory_of(value: Mapping[str, Any]) -> Memory:
    """Read a stored value, whoever wrote it.

    Example:
        >>> memory_of({"content": "I live in Lisbon.", "role": "user"})
        Memory(text='I live in Lisbon.', author='user', said_at='')
    """
    from warmgraph.store import MemoryRecord

    record = MemoryRecord.from_value(value)
    return Memory(record.text, record.author or record.role or "", record.said_at or "")
