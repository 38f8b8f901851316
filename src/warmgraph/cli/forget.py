"""`warmgraph forget`: erase a person's memories, or single ones, from a memory file and what lies beside it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from warmgraph.cli.failures import CommandError
from warmgraph.cli.terminal import Terminal, printable

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add_to", "run"]

_DESCRIPTION = """
Erase a namespace with all below it, or single memories of it: rows, vectors, history, what was made from them, jobs
that wait for them, and the pages of the files. The file may be in use. Without --yes nothing is erased: what would be
is counted. A run that is killed is completed when the file is next opened.
"""
NOT_DONE = 1


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "forget",
        help="erase a person's memories, or single ones",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the memory file")
    parser.add_argument("namespace", metavar="A.B", help="the namespace, labels joined by periods: memories.ana")
    parser.add_argument("--key", action="append", metavar="KEY", help="only this memory; may be given several times")
    parser.add_argument("--yes", action="store_true", help="erase; there is no way back")
    parser.add_argument("--json", action="store_true", help="say what was done as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Erase, and say what is gone."""
    from warmgraph.erasure import forget
    from warmgraph.steps import run as drive
    from warmgraph.store import RoutedStore

    if not args.file.is_file():
        raise CommandError(f"{args.file}: there is no such file")
    namespace, terminal = tuple(args.namespace.split(".")), Terminal()
    with RoutedStore(args.file) as store:
        if not args.yes:
            held = drive(store.held.under(namespace))
            count = len(held) if args.key is None else sum(each.key in args.key for each in held)
            terminal.write(f"{count:,} memories of {printable(args.namespace)} would be erased. With --yes they are.")
            return NOT_DONE
        report = forget(store, namespace, args.key)
    if args.json:
        terminal.write(json.dumps({**asdict(report), "complete": report.complete}, ensure_ascii=False, indent=2))
    else:
        terminal.write(f"{printable(str(report))}.")
        if report.threads and args.key is None:
            terminal.write(
                f"They came from {len(report.threads):,} threads, whose messages a checkpointer keeps;"
                " --json names them."
            )
    return 0 if report.complete else NOT_DONE
