"""Arguments that several commands share, checked before anything is done."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from pathlib import Path

from warmgraph.cli.failures import CommandError

__all__ = ["check_database", "file_name", "user_name"]


def user_name(text: str) -> str:
    """Take a user's name: any text that is not blank.

    Raises:
        ArgumentTypeError: It is blank, or no text in the terminal's encoding.

    Example:
        >>> user_name("ana@example.org")
        'ana@example.org'
    """
    if not text.strip() or not text.isprintable():
        raise ArgumentTypeError(f"expected a name, got {text!r}")
    return text


def file_name(text: str) -> Path:
    """Take the name of a file.

    Raises:
        ArgumentTypeError: It is empty; a path would take that for the working directory.
    """
    if not text:
        raise ArgumentTypeError("expected the name of a file, got ''")
    return Path(text)


def check_database(path: Path, option: str = "--db") -> None:
    """Check that a memory file can be opened or made, and say in words why not: SQLite knows one message for all.

    SQLite keeps a log beside its file, so the directory has to be writable as well.

    Args:
        path: The file.
        option: What named it, for the message.

    Raises:
        CommandError: It is a directory, cannot be read or written, or lies where no file can be made.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     check_database(Path(folder) / "memory.db")
        ...     check_database(Path(folder))
        Traceback (most recent call last):
        ...
        warmgraph.cli.failures.CommandError: --db: /tmp/... is a directory; name a file, such as /tmp/.../memory.db
    """
    if os.path.isdir(path):
        raise CommandError(f"{option}: {path} is a directory; name a file, such as {path / 'memory.db'}")
    folder = path.absolute().parent
    while not _exists(folder, option):  # missing directories are made
        folder = folder.parent
    if not os.path.isdir(folder):
        raise CommandError(f"{option}: {path} cannot be made: {folder} is a file")
    if not _may(folder, os.W_OK | os.X_OK):
        raise CommandError(f"{option}: {path} cannot be used: the directory {folder} may not be written to")
    if os.path.exists(path):
        if not os.path.isfile(path):
            raise CommandError(f"{option}: {path} is no regular file")
        if not _may(path, os.R_OK):
            raise CommandError(f"{option}: {path} may not be read")
        if not _may(path, os.W_OK):
            raise CommandError(f"{option}: {path} is read-only, and what is said could not be remembered")


def _exists(folder: Path, option: str) -> bool:
    try:
        folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:  # a directory on the way that may not be entered, a loop of links, a name too long
        raise CommandError(f"{option}: {folder}: {error.strerror}") from error
    return True


def _may(path: Path, mode: int) -> bool:
    try:
        return os.access(path, mode, effective_ids=True)
    except NotImplementedError:
        return os.access(path, mode)
