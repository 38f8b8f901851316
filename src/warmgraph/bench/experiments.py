"""`warmgraph bench run`: the experiments that routing-memory published, on vectors of one's choice."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from warmgraph.bench.benchmark import Benchmark
from warmgraph.bench.report import Report, Table

__all__ = ["RUN"]

_NAMES = ("H1", "H2", "H3", "H4", "H5", "H6", "H7", "A1", "A2", "A3", "A4", "A5", "A6")
_DEFAULT = ("H1", "H2", "H4", "H5")

_DESCRIPTION = """
H1  how well cells stand for their vectors, over the number of cells
H2  recall@5 over the number of cells probed, with everything in them compared: what routing alone loses
H3  tokens spared over recall kept, where results below a score are left out
H4  how many cells to make: recall, and how evenly they are filled, by rule
H5  after how many writes from elsewhere the drift detector gives the alarm
H6  what routing keeps of an exact search's recall, with one encoder and another
H7  bytes and time of a search, over the number of vectors
A1  whether the passage that answers a question is found
A2  evidence that is found of what answers questions about conversations, with its time and tokens (--data)
A3  the same, by what is embedded with a text: author, date, caption, the turn before (--data)
A4  --largest vectors
A5  recall over time: which settings no other one beats
A6  how uneven cells get, where vectors crowd

Each is a table, a chart if --charts names a directory, and states what routing-memory claims. --vectors takes a .npy
file as for `warmgraph bench index`, or "wordnet"; without it vectors are made up, from --seed.

H3, H6 and A1 need texts. --passages takes a folder: WordNet's, where a word asks for its glosses (the default where
Debian's wordnet-base is installed, else the conversations that come with the package); MS MARCO's collection.tsv,
queries.tsv and qrels.tsv; or a LoCoMo pack. Texts are embedded by all-MiniLM-L6-v2 where it is installed, once: the
vectors are kept below XDG_CACHE_HOME, or ~/.cache.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--select", nargs="+", choices=_NAMES, default=list(_DEFAULT), metavar="NAME", help="which")
    parser.add_argument("--vectors", type=Path, metavar="FILE", help='a .npy file, or "wordnet" (default: made up)')
    parser.add_argument("--passages", type=Path, metavar="DIR", help="texts with questions, for H3, H6 and A1")
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
    from warmgraph.bench.passage_runs import PASSAGE_RUNS
    from warmgraph.bench.passages import load_passages

    vectors = [name for name in args.select if name in RUNS]
    largest = args.largest if "A4" in args.select else args.size
    corpus = load_corpus(args.vectors, args.queries, largest, args.seed) if vectors else None
    texts = [name for name in args.select if name in PASSAGE_RUNS]
    passages = load_passages(args.passages, args.size, args.queries, args.seed) if texts else None
    asked = load_asked(args.data) if set(args.select) & set(RECALL_RUNS) else None
    figures: dict[str, Any] = {}
    tables: list[Table] = []
    with threadpool_limits(limits=1):
        for name in args.select:
            if name in RECALL_RUNS:
                assert asked is not None
                table, found, chart = RECALL_RUNS[name](asked, tell)
            elif name in PASSAGE_RUNS:
                assert passages is not None
                tell(f"{name}: {passages.describe()}")
                table, found, chart = PASSAGE_RUNS[name](passages, tell)
            elif name in RECALL_RUNS:
                assert asked is not None
                table, found, chart = RECALL_RUNS[name](asked, tell)
            else:
                assert corpus is not None
                size = args.largest if name == "A4" else args.size
                tell(f"{name}: {corpus.describe(size)}")
                table, found, chart = RUNS[name](corpus, size, tell)
            figures[name] = found
            tables.append(table)
            if args.charts is not None:
                draw(args.charts / f"{name}.svg", chart)
    settings = {
        "select": args.select,
        "vectors": None if corpus is None else corpus.name,
        "real_vectors": len(corpus.base) if args.vectors and corpus is not None else 0,
        "dims": None if corpus is None else corpus.dims,
        "passages": None if passages is None else passages.name,
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
