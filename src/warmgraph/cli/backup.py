"""`warmgraph backup`: a copy of a memory file that is in use, whole and checked, with the jobs that lie beside it."""

from __future__ import annotations

import argparse
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from warmgraph.cli.arguments import file_name
from warmgraph.cli.failures import CommandError
from warmgraph.cli.terminal import Terminal, printable

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add_to", "run"]

_DESCRIPTION = """
Copy a memory file that may be in use, as of one moment, and the queue of background jobs beside it. Nobody has to wait.
The copy is checked, and stands under its name once it is whole. To restore, stop what uses the file and put the copy in
its place.
"""


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "backup",
        help="copy a memory file that is in use",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the memory file")
    parser.add_argument("copy", type=file_name, metavar="COPY", help="where to; a file that is there is replaced")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Copy, and say what was copied."""
    from warmgraph.store.own_records import JOBS_SUFFIX
    from warmgraph.store.sqlite.inspection import read_file

    if args.copy.exists() and args.file.exists() and args.copy.samefile(args.file):
        raise CommandError(f"{args.copy} is the memory file itself")
    items = read_file(args.file, lambda connection: _copy(connection, args.copy))
    jobs = Path(f"{args.file}{JOBS_SUFFIX}")
    if jobs.is_file():
        connection = sqlite3.connect(f"{jobs.absolute().as_uri()}?mode=ro", uri=True)
        try:
            _copy(connection, Path(f"{args.copy}{JOBS_SUFFIX}"), "jobs")
        finally:
            connection.close()
    size = os.path.getsize(args.copy) / 1e6
    Terminal().write(f"{items:,} items, {size:,.1f} MB, copied to {printable(str(args.copy))}")
    return 0


def _copy(source: sqlite3.Connection, target: Path, table: str = "items") -> int:
    """Copy a database, check the copy, and return how many rows a table has."""
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    if source.in_transaction:  # a snapshot cannot be copied from within
        source.execute("COMMIT")
    copy = sqlite3.connect(partial)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, whatever the other one lies beside
        told = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if told != "ok":
            raise CommandError(f"the copy is damaged, as the file is: {told}")
        count: int = copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        copy.close()
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    finally:
        copy.close()
        partial.unlink(missing_ok=True)
    return count
