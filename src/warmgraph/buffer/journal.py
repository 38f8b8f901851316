"""The file behind a buffer: lines of JSON, or SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from warmgraph.buffer.record import InteractionRecord
from warmgraph.errors import InvalidArgumentError

__all__ = ["Journal", "open_journal"]

LINES = frozenset({".jsonl", ".ndjson"})
SQLITE = frozenset({".db", ".sqlite", ".sqlite3"})


class Journal(Protocol):
    """Keeps records. Each write is there as a whole after a crash, or not at all. Not thread-safe by itself."""

    def load(self) -> tuple[list[InteractionRecord], int]:
        """Return the records in the order of their ids, and the next id."""
        ...

    def append(self, records: Sequence[InteractionRecord], dropped: Sequence[int]) -> None:
        """Add records with ever higher ids, and drop others by their ids; on disk when it returns."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def open_journal(path: str | Path) -> Journal:
    """Open the file of a buffer, or make it; its ending says what it is.

    Raises:
        InvalidArgumentError: The ending is unknown.
        StoreError: The file cannot be opened, or is none of ours.
    """
    file = Path(path)
    if file.suffix in LINES:
        from warmgraph.buffer.lines import LineJournal

        return LineJournal(file)
    if file.suffix in SQLITE:
        from warmgraph.buffer.sqlite import SqliteJournal

        return SqliteJournal(file)
    raise InvalidArgumentError("path", expected=f"a name that ends with {', '.join(sorted(LINES | SQLITE))}", got=path)
