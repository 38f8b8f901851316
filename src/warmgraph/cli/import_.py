"""`warmgraph import`: take what `warmgraph export` wrote into a memory file, all of it or nothing."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmgraph.cli.arguments import check_database
from warmgraph.cli.failures import CommandError
from warmgraph.cli.terminal import Terminal

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add_to", "run"]

_DESCRIPTION = """
Take an export into a memory file, which is made if there is none. Every line is checked before anything is written, and
all are written in one transaction: after a failure the file is as it was.
"""


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "import",
        help="take an export into a memory file",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the memory file")
    parser.add_argument("export", metavar="JSONL", help='the export, compressed or not; "-" for the standard input')
    parser.add_argument(
        "--existing",
        choices=("refuse", "replace", "keep"),
        default="refuse",
        help="what becomes of memories that are there already (default: refuse the whole import)",
    )
    parser.add_argument("--json", action="store_true", help="say what was done as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Import, and say what was taken in."""
    from warmgraph.store import RoutedStore, import_memories

    if args.export != "-" and not Path(args.export).is_file():
        raise CommandError(f"{args.export}: there is no such file")
    check_database(args.file, "FILE")
    source: Any = sys.stdin if args.export == "-" else args.export
    terminal = Terminal()
    with RoutedStore(args.file) as store:
        report = import_memories(store, source, existing=args.existing)
    if args.json:
        terminal.write(json.dumps(asdict(report), indent=2))
        return 0
    told = {"kept": report.kept, "replaced": report.replaced, "expired since, and left out": report.expired}
    more = "".join(f", {count:,} {what}" for what, count in told.items() if count)
    terminal.write(f"{report.items:,} items with {report.vectors:,} vectors taken into {args.file}{more}.")
    return 0
