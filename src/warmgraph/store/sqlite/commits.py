"""Whether anybody committed to a file, told from its write-ahead log without reading it."""

from __future__ import annotations

import os
from typing import TypeAlias

__all__ = ["CommitWatch", "Signature"]

Signature: TypeAlias = tuple[int, int, int] | None


class CommitWatch:
    """Compares the write-ahead log of a SQLite file with what it was when it was looked at last.

    Every commit appends to the log, whichever process makes it, so one `stat` (1 us) tells whether there is anything
    new to read: cheap enough for every read from RAM, and no wait that an event loop could not bear. A log that is
    begun anew would keep its size, and its time is only kept to some milliseconds; it has to be truncated then
    (`PRAGMA journal_size_limit = 0`), so that its size tells. See "WAL-mode File Format" in SQLite's documentation.

    Args:
        file: The database file; `None` for one in memory, of which nobody else knows.

    Example:
        >>> CommitWatch(None).changed()
        False
    """

    def __init__(self, file: str | None) -> None:
        self._log = None if file is None else f"{file}-wal"
        self._seen: Signature = None

    def look(self) -> Signature:
        """Return what the log is like now. Take it *before* reading what was committed, and `note` it afterwards."""
        if self._log is None:
            return None
        try:
            status = os.stat(self._log)
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def note(self, signature: Signature) -> None:
        """Note that everything up to a look at the log is known."""
        self._seen = signature

    def changed(self) -> bool:
        """Whether there may have been a commit since the look that was noted last."""
        return self._log is not None and self.look() != self._seen
