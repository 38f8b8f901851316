"""`warmgraph bench index`: recall, speed, writes and bytes of vector indexes, side by side."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmgraph.bench.benchmark import Benchmark
from warmgraph.bench.report import Report, Table

if TYPE_CHECKING:
    from warmgraph.bench.index_data import Corpus
    from warmgraph.bench.index_timing import Outcome

__all__ = ["INDEX"]

_PARTS = ("compare", "churn", "growth")

_DESCRIPTION = """
Stores --sizes many vectors in each index, on one thread. Each one is set so that its recall@k reaches --target, then
all are searched by turns; a query counts with the best of its five rounds. Writes go one at a time into the live index.

--vectors takes a .npy file, array of shape (n, dims); its last rows become the queries. Where it is smaller than the
size asked for, copies with jitter are added (cosine .9 to the original). "wordnet" stands for the 117,659 glosses that
Debian's wordnet-base installs, embedded by all-MiniLM-L6-v2 once, in some minutes, and kept below XDG_CACHE_HOME or
~/.cache. Without it vectors are made up, from --seed.
Peers that are not installed are left out: pip install 'warmgraph[bench]'.

"churn" replaces, or removes and adds again, every vector three times, and refits while searches go on; as a control,
as many go on beside a thread that has nothing to do with the index. "growth"
measures RoutedIndex alone, with vectors in a mapped file, up to a million; --chart draws it.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--vectors", type=Path, metavar="FILE", help='a .npy file, or "wordnet" (default: made up)')
    parser.add_argument("--sizes", type=_counts, default=[1_000, 10_000, 100_000], metavar="N,N", help="to compare at")
    parser.add_argument(
        "--growth-sizes",
        type=_counts,
        default=[1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
        metavar="N,N",
        help="sizes of the part growth",
    )
    parser.add_argument("--churn-size", type=_count, default=100_000, metavar="N", help="vectors of the part churn")
    parser.add_argument("--parts", type=_parts, default=["compare", "churn"], metavar="A,B", help=", ".join(_PARTS))
    parser.add_argument("--peers", type=_names, default=None, metavar="A,B", help="only engines whose name has this")
    parser.add_argument("--queries", type=_count, default=500, metavar="N", help="queries (default: %(default)s)")
    parser.add_argument("--k", type=_count, default=10, metavar="K", help="hits (default: %(default)s)")
    parser.add_argument("--target", type=float, default=0.99, metavar="R", help="recall wanted (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is random (default: %(default)s)")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the growth of the cost to a .svg or .png")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _counts(text: str) -> list[int]:
    return [_count(part) for part in text.split(",")]


def _names(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",")]


def _parts(text: str) -> list[str]:
    parts = _names(text)
    if not set(parts) <= set(_PARTS):
        raise ValueError(text)
    return parts


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    from threadpoolctl import threadpool_limits

    from warmgraph.bench.index_data import load_corpus

    largest = max(
        [*(args.sizes if "compare" in args.parts else ()), *([args.churn_size] if "churn" in args.parts else ())]
        + (args.growth_sizes if "growth" in args.parts else [])
    )
    tell("loading vectors")
    corpus = load_corpus(args.vectors, args.queries, largest, args.seed)
    figures: dict[str, Any] = {}
    tables: list[Table] = []
    with threadpool_limits(limits=1):
        if "compare" in args.parts:
            for count in args.sizes:
                outcomes, missing = _compared(corpus, count, args, tell)
                figures[f"compare_{count}"] = [outcome.figures() for outcome in outcomes]
                tables.append(_comparison(corpus, count, args.k, outcomes, missing))
        if "churn" in args.parts:
            from warmgraph.bench.index_life import churn

            figures["churn"] = churn(corpus, args.churn_size, args.k, tell)
            tables.append(_churned(corpus, figures["churn"]))
        if "growth" in args.parts:
            from warmgraph.bench.index_life import exponent, grow

            figures["growth"] = grow(corpus, args.growth_sizes, args.k, tell)
            figures["growth_exponent"] = exponent(figures["growth"])
            tables.append(_grown(corpus, figures["growth"], figures["growth_exponent"]))
            if args.chart is not None:
                from warmgraph.bench.index_chart import draw, growth_chart

                draw(args.chart, growth_chart(figures["growth"], figures["growth_exponent"], figures))
    settings = {
        "vectors": corpus.name,
        "real_vectors": len(corpus.base) if args.vectors else 0,
        "dims": corpus.dims,
        "parts": args.parts,
        "sizes": args.sizes,
        "queries": args.queries,
        "k": args.k,
        "target": args.target,
        "seed": args.seed,
    }
    return Report("index", settings, figures, tables, _conclusion(figures))


def _compared(
    corpus: Corpus, count: int, args: Namespace, tell: Callable[[str], None]
) -> tuple[list[Outcome], list[str]]:
    from warmgraph.bench.index_engines import ENGINES
    from warmgraph.bench.index_timing import compare
    from warmgraph.errors import MissingDependencyError

    engines, missing = [], []
    for kind in ENGINES:
        wanted = args.peers is None or any(name in kind.name.lower() for name in args.peers)
        if not (wanted or kind.package is None) or count > kind.largest:
            continue
        try:
            engines.append(kind(corpus.dims))
        except MissingDependencyError:
            missing.append(kind.name)
    return compare(corpus, count, engines, k=args.k, target=args.target, tell=tell), missing


def _comparison(corpus: Corpus, count: int, k: int, outcomes: Sequence[Outcome], missing: Sequence[str]) -> Table:
    ours = next(outcome for outcome in outcomes if outcome.name.endswith("RoutedIndex"))
    rows = [
        [
            outcome.name,
            f"{outcome.recall:.4f}",
            f"{outcome.p50_us:,.0f}",
            f"{outcome.p50_us / ours.p50_us:.2f}x",
            f"{outcome.p99_us:,.0f}",
            f"{outcome.build_s:.2f}",
            f"{outcome.build_s / ours.build_s:.1f}x",
            _number(outcome.insert_us),
            f"{outcome.insert_us / ours.insert_us:.1f}x" if outcome.insert_us == outcome.insert_us else "-",
            _number(outcome.update_us),
            _number(outcome.delete_us),
            _number(outcome.bytes_per_item),
        ]
        for outcome in outcomes
    ]
    columns = ["one thread", f"recall@{k}", "p50 us", "/ours", "p99 us", "build s", "/ours", "insert us", "/ours"]
    note = f"Not installed: {', '.join(missing)}" if missing else ""
    title = corpus.describe(count)
    return Table([*columns, "update us", "delete us", "B/item"], rows, title=title, note=note)


def _churned(corpus: Corpus, found: dict[str, Any]) -> Table:
    rows = [
        [
            name,
            *(f"{found[f'{key}_{at}_us']:,.0f}" for at in ("p50", "p99", "p999", "worst")),
            f"{found[f'{key}_worst_us'] / found['alone_p50_us']:.1f}x",
        ]
        for name, key in (
            ("alone", "alone"),
            ("beside a thread that multiplies matrices and sleeps", "control"),
            ("during a refit", "refit"),
        )
    ]
    recalls = [
        f"{name} {found[key]:.4f}"
        for name, key in (
            ("fresh", "recall_fresh"),
            ("after churn", "recall_after_churn"),
            ("after the refit", "recall_after_refit"),
        )
    ]
    note = (
        f"Recall: {', '.join(recalls)}. A write took {found['write_us']:.0f} us, a refit {found['refit_s']:.1f} s,"
        f" beside {found['searches_during_refit']:,} searches in all, and as many for control. Worst: of the calmest of"
        " five laps."
    )
    title = f"{corpus.describe(found['items'])}, each replaced or removed and added again three times"
    return Table(["searches", "p50 us", "p99 us", "p99.9 us", "worst us", "worst / p50 alone"], rows, title, note)


def _grown(corpus: Corpus, found: Sequence[dict[str, Any]], power: float) -> Table:
    rows = [
        [
            f"{each['items']:,}",
            each["mode"],
            f"{each['nlist']:,}",
            f"{each['recall']:.4f}",
            f"{each['p50_us']:,.0f}",
            f"{each['p99_us']:,.0f}",
            f"{each['build_s']:.1f}",
            f"{each['ram_bytes_per_item']:.1f}",
            f"{each['fixed_bytes'] / 1e6:.1f}",
            f"{each['disk_bytes_per_item']:,.0f}",
            "-" if each["resident_bytes"] is None else f"{each['resident_bytes'] / 1e6:.0f}",
        ]
        for each in found
    ]
    columns = ["vectors", "mode", "cells", "recall", "p50 us", "p99 us", "build s", "RAM B/item", "fixed MB"]
    note = f"The median search grows with N to the power of {power:.2f}. Resident: memory of the process beyond files."
    title = f"RoutedIndex with vectors in a mapped file: {corpus.describe(max(each['items'] for each in found))}"
    return Table([*columns, "disk B/item", "resident MB"], rows, title, note)


def _number(value: float) -> str:
    return "-" if value != value else f"{value:,.0f}"


def _conclusion(figures: dict[str, Any]) -> str:
    compared = [key for key in figures if key.startswith("compare_")]
    if not compared:
        return ""
    key = max(compared, key=lambda name: int(name.removeprefix("compare_")))
    by_name = {each["name"]: each for each in figures[key]}
    ours = by_name["warmgraph RoutedIndex"]
    parts = [
        f"{ours['p50_us'] / by_name[name]['p50_us']:.2f}x the time of {name} (recall {by_name[name]['recall']:.3f})"
        for name in ("hnswlib M=16", "faiss IVFFlat", "numpy exact")
        if name in by_name
    ]
    count = int(key.removeprefix("compare_"))
    return f"At {count:,} vectors RoutedIndex finds {ours['recall']:.3f} of the true best in {', '.join(parts)}."


INDEX = Benchmark(
    name="index",
    summary="vector indexes: recall, speed, writes, bytes",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
