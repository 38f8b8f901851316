"""`warmgraph reembed`: give a memory file the vectors of another model, while it is in use."""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from warmgraph.cli.failures import CommandError
from warmgraph.cli.terminal import Terminal

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add_to", "run"]

_DESCRIPTION = """
Embed every memory of a file with another model, put that in use, and delete the vectors of the old one.
The file may be in use: readers rank by the old vectors, or by words, until the last memory is done. A run that was
stopped goes on where it was.
"""


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "reembed",
        help="embed all memories of a file with another model",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the memory file")
    parser.add_argument(
        "--embed",
        metavar="NAME",
        help='"hashing", "openai:MODEL" or "provider:MODEL" (default: as the server chooses, by $WARMGRAPH_EMBED)',
    )
    parser.add_argument(
        "--fields", nargs="+", metavar="PATH", help="what of a memory is embedded (default: as before, else content)"
    )
    parser.add_argument(
        "--batch", type=int, default=64, metavar="N", help="memories in one call (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Embed anew and say what was done."""
    from warmgraph.embeddings import default_embedding
    from warmgraph.store import RoutedStore

    if not args.file.is_file():
        raise CommandError(f"{args.file}: there is no such file")
    logging.getLogger("warmgraph").addHandler(logging.NullHandler())  # that the model is another one is known here
    terminal = Terminal()
    with RoutedStore(args.file) as store:
        known = store.stats().vector_fields
    fields = args.fields or list(known or ["content"])
    with RoutedStore(args.file, index={"embed": args.embed or default_embedding(), "fields": fields}) as store:
        done = store.reembed(
            batch=args.batch, progress=lambda count: terminal.progress(f"{count:,} memories embedded ...")
        )
    if args.json:
        terminal.write(json.dumps({**asdict(done), "fields": fields}, ensure_ascii=False, indent=2))
        return 0
    before = f", instead of {done.previous}" if done.previous not in (None, done.model) else ""
    terminal.write(f"{done.embedded:,} memories embedded; {args.file} holds vectors of {done.model}{before}.")
    if done.left:
        terminal.write(f"{done.left:,} were written with the previous model meanwhile: stop using it, and run again.")
    return 0
