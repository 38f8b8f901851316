"""`warmgraph doctor`: what is wrong with a memory file, and with `--fix` what is mended of it."""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from warmgraph.bench.report import Table
from warmgraph.cli.failures import CommandError
from warmgraph.cli.terminal import Terminal, printable, shorten

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from warmgraph.doctor import Examination, Mended

__all__ = ["add_to", "run"]

_DESCRIPTION = """
Look for what is wrong with a memory file: near-duplicates, echoes of the assistant's own words, links that lead
nowhere or in circles, items without a vector of the model in use, drift, values that cannot be read, words that are not
those of the value, erasures that were cut short. The file may be in use. Nothing is changed without --fix; with it,
what was found is said first, then mended, then looked for again.

Ends with 0 if nothing is wrong (any more), 3 if something is, 1 if the file cannot be read.
"""
PROBLEMS = 3


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="find what is wrong with a memory file, and mend it",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the memory file (default: as the server's)")
    parser.add_argument("--namespace", default="", metavar="A.B", help="only this namespace and those below it")
    parser.add_argument("--fix", action="store_true", help="mend what can be mended")
    parser.add_argument(
        "--embed", metavar="NAME", help='with --fix: embed what lacks a vector, with "hashing", "openai:MODEL", ...'
    )
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="findings to show (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine, mend if that is wanted, and say what there is."""
    from warmgraph.doctor import examine, mend
    from warmgraph.server import default_path
    from warmgraph.store import RoutedStore

    file = args.file or default_path()
    if args.embed and not args.fix:
        raise CommandError("--embed: needs --fix, as nothing is changed without")
    namespace = tuple(args.namespace.split(".")) if args.namespace else ()
    terminal = Terminal()
    found = examine(file, namespace=namespace)
    if not args.json:
        terminal.write(_render(found, terminal, args.limit))
    if not args.fix:
        if args.json:
            terminal.write(json.dumps(_as_json(found), ensure_ascii=False, indent=2))
        return PROBLEMS if found.problems else 0
    logging.getLogger("warmgraph").addHandler(logging.NullHandler())  # another model is among the findings
    with RoutedStore(file) as store:
        fields = list(store.stats().vector_fields or ["content"])
    with RoutedStore(file, index={"embed": args.embed, "fields": fields} if args.embed else None) as store:
        mended = mend(store, found.findings)
    after = examine(file, namespace=namespace)
    if args.json:
        told = {**_as_json(found), "mended": mended.done, "after": _as_json(after)}
        terminal.write(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        terminal.write(f"\n{_told(mended, after, terminal, args.limit)}")
    return PROBLEMS if after.problems else 0


def _as_json(found: Examination) -> dict[str, object]:
    findings = [{**asdict(each), "problem": each.is_problem} for each in found.findings]
    return {"path": found.path, "items": found.items, "counts": found.counts(), "findings": findings}


def _render(found: Examination, terminal: Terminal, limit: int) -> str:
    head = f"{terminal.bold(printable(found.path))}: {found.items:,} items examined"
    if not found.findings:
        return f"{head}, nothing is wrong."
    problems, notes = len(found.problems), len(found.findings) - len(found.problems)
    parts = [f"{head}, {problems:,} to be mended, {notes:,} worth knowing."]
    remedies: dict[str, str] = {each.kind: each.remedy or "-" for each in found.findings}
    parts.append(
        Table(
            ["finding", "how many", "what --fix does"],
            [[kind, f"{count:,}", shorten(remedies[kind], 70)] for kind, count in sorted(found.counts().items())],
        ).render()
    )
    lines = [f"  {shorten(printable(str(each)), 116)}" for each in found.findings[:limit]]
    if len(found.findings) > limit:
        lines.append(f"  and {len(found.findings) - limit:,} more; --limit shows them")
    parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _told(mended: Mended, after: Examination, terminal: Terminal, limit: int) -> str:
    done = ", ".join(f"{count:,} {kind}" for kind, count in sorted(mended.done.items())) or "nothing"
    return f"{terminal.bold('Mended')}: {done}.\n{_render(after, terminal, limit)}"
