"""`warmgraph inspect`: what a memory file holds, while it is in use or not."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmgraph.bench.report import Table
from warmgraph.cli.terminal import Terminal, printable, shorten

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from warmgraph.store import Inspection

__all__ = ["add_to", "run"]

_DESCRIPTION = """
Show what a memory file holds: namespaces with their counts and bytes, the embedding models, the last memories.
The file may be in use. It is opened for reading only: nothing is changed, and nobody has to wait.
With --web it is shown as a page on this machine, on which memories can be changed and forgotten as well.
"""
LONGEST_TEXT = 72


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "inspect",
        help="show what a memory file holds",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the memory file")
    parser.add_argument(
        "--namespace", default="", metavar="A.B", help="this namespace and those below it, labels joined by periods"
    )
    parser.add_argument("--recent", type=int, default=10, metavar="N", help="memories to show (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="namespaces to show (default: %(default)s)")
    parser.add_argument("--web", action="store_true", help="serve a page on this machine instead, until Ctrl-C")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="its port (default: one that is free)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Inspect a file and print what was found."""
    if args.web:
        from warmgraph.server.inspector.local import serve_file

        serve_file(args.file, port=args.port, announce=lambda url: print(f"Open {url}", flush=True))
        return 0
    from warmgraph.store import inspect_file

    namespace = tuple(args.namespace.split(".")) if args.namespace else ()
    found = inspect_file(args.file, namespace=namespace, recent=args.recent)
    terminal = Terminal()
    if args.json:
        terminal.write(
            json.dumps({**asdict(found), "items": found.items}, default=_plain, ensure_ascii=False, indent=2)
        )
    else:
        terminal.write(_render(found, terminal, args.limit))
    return 0


def _render(found: Inspection, terminal: Terminal, limit: int) -> str:
    parts = [
        f"{terminal.bold(printable(found.path))}: {found.items:,} memories in {len(found.namespaces):,} namespaces,"
        f" {_size(found.file_bytes)} and {_size(found.log_bytes)} of log, {_size(found.free_bytes)} free inside,"
        f" schema {found.schema}"
    ]
    largest = sorted(found.namespaces, key=lambda each: -each.items)[:limit]
    if largest:
        more = len(found.namespaces) - len(largest)
        parts.append(_namespaces(largest).render() + (f"\n  and {more:,} more; --limit shows them" if more else ""))
    if found.models:
        parts.append(_models(found).render())
    else:
        parts.append("No embeddings: words rank.")
    if found.recent:
        parts.append("\n".join([terminal.bold("Last memories"), *_memories(found, terminal)]))
    return "\n\n".join(parts)


def _namespaces(namespaces: Any) -> Table:
    return Table(
        ["namespace", "memories", "expired", "bytes", "found by words", "last written"],
        [
            [
                shorten(".".join(each.namespace), 60),
                f"{each.items:,}",
                f"{each.expired:,}",
                _size(each.bytes),
                f"{each.indexed:,}",
                _time(each.newest),
            ]
            for each in namespaces
        ],
        title="Namespaces",
    )


def _models(found: Inspection) -> Table:
    return Table(
        ["model", "dimensions", "of", "memories", "vectors", "bytes", ""],
        [
            [
                each.name,
                str(each.dims),
                ", ".join(each.fields or ()),
                f"{each.items:,}",
                f"{each.vectors:,}",
                _size(each.bytes),
                each.status,
            ]
            for each in found.models
        ],
        title="Embeddings",
    )


def _memories(found: Inspection, terminal: Terminal) -> list[str]:
    lines = []
    for each in found.recent:
        value = each.value
        content = value.get("content", value) if isinstance(value, dict) else value
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        place = shorten(".".join((*each.namespace, each.key)), 60)
        lines.append(f"  {_time(each.updated_at)}  {terminal.dim(place)}  {shorten(text, LONGEST_TEXT)}")
    return lines


def _size(count: int) -> str:
    """Write a number of bytes for people.

    >>> _size(999), _size(20_480), _size(5_000_000)
    ('999 B', '20.5 kB', '5.0 MB')
    """
    size, units = float(count), iter(("kB", "MB", "GB", "TB"))
    if count < 1_000:
        return f"{count} B"
    unit = ""
    while size >= 1_000 and (larger := next(units, None)) is not None:
        size, unit = size / 1_000, larger
    return f"{size:.1f} {unit}"


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


def _plain(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
