"""What SQLite says when it fails, as errors of ours."""

from __future__ import annotations

import sqlite3
from types import TracebackType

from warmgraph.errors import StoreCorruptError, StoreError, StoreUnavailableError

__all__ = ["typed_errors"]

_CORRUPT = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
_UNAVAILABLE = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    )
)


class typed_errors:  # noqa: N801
    """Turn `sqlite3.Error` and `OSError` into `StoreError` and its kinds, naming the file, with the cause kept.

    A class and not a generator: it stands around every read, where a generator would cost as much as the read.
    """

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, StoreError):
            self._translate(error)

    def _translate(self, error: BaseException) -> None:
        message = f"{self._path}: {error}"
        if isinstance(error, sqlite3.Error):
            code = getattr(error, "sqlite_errorcode", None)
            primary = None if code is None else code & 0xFF
            if primary in _CORRUPT:
                raise StoreCorruptError(message) from error
            if primary in _UNAVAILABLE:
                raise StoreUnavailableError(message) from error
            raise StoreError(message) from error
        if isinstance(error, OSError):
            raise StoreUnavailableError(message) from error
