"""`warmgraph bench`: run a benchmark by name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from warmgraph.bench.registry import BENCHMARKS
from warmgraph.cli.terminal import Terminal

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from warmgraph.bench import Benchmark

__all__ = ["add_to", "run"]


def add_to(commands: _SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command, with one command below it for each benchmark."""
    parser = commands.add_parser(
        "bench",
        help="run a benchmark",
        description="Measure something, print it, and write it to a file.",
        parents=[shared],
    )
    names = parser.add_subparsers(dest="benchmark", metavar="BENCHMARK", required=True, title="benchmarks")
    for benchmark in BENCHMARKS:
        results = f"bench/results/{benchmark.name}.json"
        each = names.add_parser(
            benchmark.name,
            help=benchmark.summary,
            description=benchmark.description,
            epilog=f"The results that are committed: warmgraph bench {benchmark.name} --json {results}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[shared],
        )
        benchmark.configure(each)
        each.add_argument("--json", type=Path, metavar="FILE", help="write settings, environment and figures to FILE")
        each.set_defaults(run=run, chosen=benchmark)


def run(args: argparse.Namespace) -> int:
    """Run the benchmark that was chosen."""
    from warmgraph.bench.report import write_json

    terminal = Terminal()
    benchmark: Benchmark = args.chosen
    report = benchmark.run(args, terminal.progress)
    terminal.write(report.render())
    if args.json is not None:
        write_json(args.json, report.to_json())
        terminal.write(f"\nWritten to {args.json}")
    return 0
