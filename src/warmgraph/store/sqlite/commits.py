"""Whether anybody committed to a file, told from its write-ahead log without reading it."""

from __future__ import annotations

import os
from typing import TypeAlias

__all__ = ["CommitWatch", "Signature"]

Signature: TypeAlias = tuple[int, int, int] | None


class CommitWatch:
    """Compares the write-ahead log of a SQLite file with what it was when it was looked at last.

    Every commit appends to the log, whichever process makes it, so one `fstat` (1 us, and no wait that an event loop
    could not bear) tells before every read from RAM whether there is anything new. A log that is begun anew would keep
    its size, and times are only kept to some milliseconds; it has to be truncated then (`PRAGMA journal_size_limit =
    0`), so that its size tells. See "WAL-mode File Format" in SQLite's documentation: processes lock the database and
    its index of the log, never the log itself, so that a descriptor of it may be opened and closed at any time.

    Args:
        file: The database file; `None` for one in memory, of which nobody else knows.

    Example:
        >>> CommitWatch(None).changed()
        False
    """

    def __init__(self, file: str | None) -> None:
        self._log = None if file is None else f"{file}-wal"
        self._descriptor: int | None = None
        self._seen: Signature = None

    def look(self) -> Signature:
        """Return what the log is like now, opening it if need be. Take it *before* reading what was committed."""
        if self._log is None:
            return None
        signature = self._signature()
        if signature is None:
            self.close()
            try:
                self._descriptor = os.open(self._log, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            except OSError:
                return None
            signature = self._signature()
        return signature

    def note(self, signature: Signature) -> None:
        """Note that everything up to a look at the log is known."""
        self._seen = signature

    def changed(self) -> bool:
        """Whether there may have been a commit since the look that was noted last."""
        if self._log is None:
            return False
        signature = self._signature()
        return signature is None or signature != self._seen

    def close(self) -> None:
        """Let go of the log. Whoever asks afterwards hears that it changed."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _signature(self) -> Signature:
        descriptor = self._descriptor
        if descriptor is None:
            return None
        try:
            status = os.fstat(descriptor)
        except OSError:
            return None
        if not status.st_nlink:  # removed with the last connection; there may be another one by now
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns
