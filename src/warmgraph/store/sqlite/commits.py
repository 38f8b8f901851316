"""Whether anybody committed to a file: told from SQLite's index of its write-ahead log, without asking SQLite.

The first 48 bytes of that index (`FILE-shm`) say up to where the log is valid; every commit of any process writes them
anew, with a counter of transactions among them ("WAL-mode File Format" in SQLite's documentation).

A process that closes any descriptor of a file drops all the locks that it holds there, SQLite's included ("How To
Corrupt An SQLite Database", 2.2). So a descriptor is kept, for whoever opens the same index again, as long as the index
exists; it goes with the last connection of the last process.
"""

from __future__ import annotations

import os
import struct
import threading

__all__ = ["CommitWatch"]

_HEADER = 48
_TRANSACTIONS = struct.Struct("=8xI")
_CAN_READ = hasattr(os, "pread")
_descriptors: dict[tuple[int, int], int] = {}  # by device and inode, of all indexes that this process ever looked at
_lock = threading.Lock()


def _renew_lock() -> None:
    """Have a lock that no thread of the parent holds; descriptors go on to a forked child as they are."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


class CommitWatch:
    """Compares the header of a log's index with what it was when all commits were known.

    Looking costs 1 us and waits for nothing, so it may be done before every read from RAM, on an event loop too.

    Args:
        file: The database file; `None` for one in memory, of which nobody else knows.

    Example:
        >>> CommitWatch(None).changed()
        False
    """

    def __init__(self, file: str | None) -> None:
        self._index = None if file is None else f"{file}-shm"
        self._descriptor: int | None = None
        self._known: bytes | None = None

    def look(self) -> bytes | None:
        """Return the header as it is now, opening the index if need be; take it *before* reading what was committed."""
        if self._index is None:
            return None
        header = self._read()
        if header is None:
            self._descriptor = _descriptor_of(self._index)
            header = self._read()
        return header

    def note(self, header: bytes | None) -> None:
        """Note that all commits up to a look are known."""
        self._known = header

    def changed(self) -> bool:
        """Whether there may have been a commit since the look that was noted last."""
        if self._index is None:
            return False
        header = self._read()
        return header is None or header != self._known

    def note_own(self, before: bytes | None) -> None:
        """Note a commit of our own, if nobody else committed since a look within its transaction.

        Args:
            before: That look. While a transaction writes, nobody else commits.
        """
        if before is None or before != self._known:  # the second of a group need not look again
            return
        now = self.look()
        if now is not None and _count(now) == _count(before) + 1:
            self._known = now

    def _read(self) -> bytes | None:
        if self._descriptor is None:
            return None
        try:
            header = os.pread(self._descriptor, _HEADER, 0)
            if len(header) < _HEADER or not os.fstat(self._descriptor).st_nlink:
                return None  # removed with the last connection; there may be another one by now
        except OSError:
            return None
        return header


def _count(header: bytes) -> int:
    found: int = _TRANSACTIONS.unpack_from(header)[0]
    return found


def _descriptor_of(path: str) -> int | None:
    """Return a descriptor of an index that exists, the same one as long as it does."""
    if not _CAN_READ:
        return None
    with _lock:
        for place, descriptor in list(_descriptors.items()):
            if not os.fstat(descriptor).st_nlink:  # nobody has it open any more, so nobody's locks are dropped
                os.close(descriptor)
                del _descriptors[place]
        try:
            status = os.stat(path)
            known = _descriptors.get((status.st_dev, status.st_ino))
            if known is not None:
                return known
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return None
        status = os.fstat(descriptor)
        # Between the two calls another index may have taken the name; one that is known already stays unclosed as well.
        return _descriptors.setdefault((status.st_dev, status.st_ino), descriptor)
