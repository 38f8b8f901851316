"""`warmgraph bench run`: the experiments that routing-memory published, on vectors of one's choice."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from warmgraph.bench.benchmark import Benchmark
from warmgraph.bench.report import Report, Table

__all__ = ["RUN"]

_NAMES = ("H1", "H2", "H4", "H5", "H7", "A2", "A3", "A4", "A5", "A6")

_DESCRIPTION = """
H1  how well cells stand for their vectors, over the number of cells
H2  recall@5 over the number of cells probed, with everything in them compared: what routing alone loses
H4  how many cells to make: recall, and how evenly they are filled, by rule
H5  after how many writes from elsewhere the drift detector gives the alarm
H7  bytes and time of a search, over the number of vectors
A2  evidence that is found of what answers questions about conversations, with its time and tokens (--data)
A3  the same, by what is embedded with a text: author, date, caption, the turn before (--data)
A4  --largest vectors
A5  recall over time: which settings no other one beats
A6  how uneven cells get, where vectors crowd

Each is a table, a chart if --charts names a directory, and states what routing-memory claims. --vectors takes a .npy
file as for `warmgraph bench index`; without it vectors are made up, from --seed.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--select", nargs="+", choices=_NAMES, default=list(_NAMES[:4]), metavar="NAME", help="which")
    parser.add_argument("--vectors", type=Path, metavar="FILE", help="a .npy file (default: synthetic vectors)")
    parser.add_argument("--size", type=int, default=20_000, metavar="N", help="vectors (default: %(default)s)")
    parser.add_argument("--largest", type=int, default=1_000_000, metavar="N", help="of A4 (default: %(default)s)")
    parser.add_argument("--queries", type=int, default=300, metavar="N", help="queries (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is random (default: %(default)s)")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="of A2, A3: a LoCoMo pack (default: the bundled conversations)"
    )
    parser.add_argument("--charts", type=Path, metavar="DIR", help="draw a chart of each into DIR")


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    from threadpoolctl import threadpool_limits

    from warmgraph.bench.experiment_recalls import RECALL_RUNS, load_asked
    from warmgraph.bench.experiment_runs import RUNS
    from warmgraph.bench.index_chart import draw
    from warmgraph.bench.index_data import load_corpus

    corpus = load_corpus(args.vectors, args.queries, args.largest if "A4" in args.select else args.size, args.seed)
    asked = load_asked(args.data) if set(args.select) & set(RECALL_RUNS) else None
    figures: dict[str, Any] = {}
    tables: list[Table] = []
    with threadpool_limits(limits=1):
        for name in args.select:
            if name in RECALL_RUNS:
                assert asked is not None
                table, found, chart = RECALL_RUNS[name](asked, tell)
            else:
                tell(f"{name}: {corpus.describe(args.largest if name == 'A4' else args.size)}")
                table, found, chart = RUNS[name](corpus, args.largest if name == "A4" else args.size, tell)
            figures[name] = found
            tables.append(table)
            if args.charts is not None:
                draw(args.charts / f"{name}.svg", chart)
    settings = {
        "select": args.select,
        "vectors": corpus.name,
        "real_vectors": len(corpus.base) if args.vectors else 0,
        "dims": corpus.dims,
        "size": args.size,
        "queries": args.queries,
        "conversations": None if asked is None else asked.describe(),
        "seed": args.seed,
    }
    return Report("run", settings, figures, tables)


RUN = Benchmark(
    name="run",
    summary="routing-memory's experiments, by name",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
