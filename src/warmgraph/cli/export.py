"""`warmgraph export`: everything that a memory file holds, as lines of JSON."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from warmgraph.cli.arguments import file_name
from warmgraph.cli.failures import CommandError
from warmgraph.cli.terminal import Terminal, printable

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add_to", "run"]

_DESCRIPTION = """
Write everything that a memory file holds as lines of JSON: values, times, expiries, vectors, history.
The file may be in use: what is written is one state of it, and nobody has to wait. `warmgraph import` reads it.
"""


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "export",
        help="write what a memory file holds as lines of JSON",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the memory file")
    parser.add_argument(
        "--output",
        type=file_name,
        metavar="JSONL",
        help='where to; compressed if the name ends in ".gz" (default: the standard output)',
    )
    parser.add_argument(
        "--namespace", default="", metavar="A.B", help="only this namespace and those below it, with their history"
    )
    parser.add_argument("--no-vectors", action="store_true", help="leave the vectors out; they can be made anew")
    parser.add_argument("--json", action="store_true", help="say what was done as JSON; needs --output")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, and say what was written."""
    from warmgraph.store import RoutedStore, export_memories

    if not args.file.is_file():
        raise CommandError(f"{args.file}: there is no such file")
    if args.output is None and args.json:
        raise CommandError("--json: needs --output, as the lines go to the standard output")
    namespace = tuple(args.namespace.split(".")) if args.namespace else ()
    with RoutedStore(args.file) as store:
        report = export_memories(store, args.output or sys.stdout, namespace=namespace, vectors=not args.no_vectors)
    if args.output is None:
        return 0
    terminal = Terminal()
    if args.json:
        terminal.write(json.dumps({**asdict(report), "output": str(args.output)}, indent=2))
        return 0
    damaged = f", {report.damaged:,} of them damaged" if report.damaged else ""
    terminal.write(
        f"{report.items:,} items{damaged} with {report.vectors:,} vectors written to {printable(str(args.output))}"
    )
    return 0
