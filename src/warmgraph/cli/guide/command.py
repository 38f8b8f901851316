"""The command: where the figures come from, and where the page goes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from warmgraph.cli.arguments import file_name
from warmgraph.cli.failures import CommandError
from warmgraph.cli.terminal import Terminal, printable

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from warmgraph.cli.guide.figures import Results

__all__ = ["add_to", "run"]

_DESCRIPTION = """
Write the guide: one HTML page without any outside assets. Its pictures are drawn from the graphs that this version
compiles, its list of commands is that of this program, and its figures are those of the results of the benchmarks.
"""


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "guide",
        help="write the guide, one HTML page",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument(
        "--output", type=file_name, default=Path("guide.html"), metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("bench") / "results",
        metavar="DIR",
        help="where `make results` wrote its figures (default: %(default)s)",
    )
    parser.add_argument(
        "--documents",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="instead: put the figures of the results into these documents",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    from warmgraph.cli.guide.figures import Results
    from warmgraph.cli.guide.page import render_guide

    if not args.results.is_dir():
        raise CommandError(f"--results: {args.results} is no directory; `make results` measures into bench/results")
    if args.documents:
        return _documents(args.documents, Results(args.results))
    page = render_guide(Results(args.results))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(page, encoding="utf-8")
    Terminal().write(f"{printable(str(args.output))}: {len(page) // 1_000} kB, to be opened in a browser")
    return 0


def _documents(files: list[Path], results: Results) -> int:
    from warmgraph.cli.guide.documents import put_in_figures

    for file in files:
        before = file.read_text(encoding="utf-8")
        after = put_in_figures(before, results)
        file.write_text(after, encoding="utf-8")
        Terminal().write(f"{printable(str(file))}: {'figures put in' if after != before else 'as it was'}")
    return 0
