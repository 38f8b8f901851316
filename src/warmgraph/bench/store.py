"""`warmgraph bench store`: the stores beside LangGraph's own and others', at the bars they were built for."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from warmgraph.bench.benchmark import Benchmark
from warmgraph.bench.report import Report, Table

if TYPE_CHECKING:
    from warmgraph.bench.store_outcome import Outcome

__all__ = ["STORE"]

_PARTS = ("alone", "crowd", "access", "writes", "reopen", "memory")

_DESCRIPTION = """
Compares WarmStore and RoutedStore with InMemoryStore, SqliteStore and WarmMemory's WarmStore (and with PostgresStore
where a database is named), in one run. Peers come with `pip install 'warmgraph[bench]'`; one that is not installed is
left out. Vectors are looked up, so no model's time is counted; no question is asked twice, so none is remembered.
Models return lists of floats, and so does the lookup; "numpy rows" says what a store does with one that returns arrays.

All runners of a comparison take turns of some milliseconds, so that what else the machine does slows all of them.
Ratios are medians over the laps: of the median call of a turn for what happens in RAM, of the mean for writes to disk.
Long calls are interrupted more often than short ones, so what happens in RAM is judged by the time on the wall or on
the processor, whichever is less favourable to us.
"floor" is what a search by meaning cannot do without: the vector, one matrix-vector product, the best ten.

The parts: alone (a namespace of 32 and one of 1,000 items), crowd (1,000 namespaces of 100 items: one of them, and all
of them by prefix), access (get and put in RAM), writes (durable: one by one, in batches, from 16 threads), reopen
(10,000 items until the first answer), memory (RAM an item).
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--select", nargs="+", choices=_PARTS, default=_PARTS, metavar="PART", help="only these parts")
    parser.add_argument("--quick", action="store_true", help="small sizes and few laps: no verdicts, only a look")
    parser.add_argument(
        "--seconds",
        type=float,
        default=20.0,
        help="begin no lap of a comparison after this time (default: %(default)s)",
    )
    parser.add_argument(
        "--directory", type=Path, metavar="DIR", help="where files go; a disk, not a file system in RAM"
    )
    parser.add_argument(
        "--postgres", metavar="URI", help="also measure PostgresStore, below the label 'warmgraph-bench'"
    )
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the results into FILE, .svg or .png")


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    from warmgraph.bench.charts import Panel, check_chart, write_chart
    from warmgraph.bench.store_corpus import Scale
    from warmgraph.bench.store_outcome import bars_table, judged
    from warmgraph.bench.store_peers import FILE, RAM, RAM_ARRAYS, ROUTED, SMALL_FILE, Peers

    if args.chart is not None:
        check_chart(args.chart)
    scale = Scale.quick() if args.quick else Scale(seconds=args.seconds)
    with TemporaryDirectory(prefix="warmgraph-", dir=args.directory) as folder:
        peers = Peers(Path(folder), args.postgres)
        outcomes, others, tables = _measure(args.select, peers, scale, tell)
    verdicts = judged(outcomes, apply=scale.bars)
    titles = {outcome.name: outcome.title for outcome in outcomes}
    if args.chart is not None:
        ours = [RAM, RAM_ARRAYS, FILE, SMALL_FILE, ROUTED]
        panels = [
            Panel(
                outcome.title,
                "microseconds" if outcome.items == 1 else "microseconds an item",
                {name: p50 for name, (p50, _) in outcome.microseconds.items()},
                [*ours, *(name for name in outcome.timings if name.startswith(("WarmStore", ROUTED)))],
            )
            for outcome in outcomes
        ]
        write_chart(args.chart, "Stores: the median call, shorter is better", panels, "warmgraph bench store")
    shown = [*(outcome.table() for outcome in outcomes), *tables]
    if verdicts:
        shown.append(bars_table(verdicts, titles))
    settings = {
        "dims": scale.dims,
        "queries": "looked up",
        "left_out": dict(peers.missing),
        "command": _command(args),
    }
    figures = {
        **{outcome.name: outcome.to_json() for outcome in outcomes},
        **others,
        "bars": verdicts,
    }
    return Report("store", settings, figures, shown, _conclusion(verdicts, peers.missing))


def _measure(
    parts: Sequence[str], peers: Any, scale: Any, tell: Callable[[str], None]
) -> tuple[list[Outcome], dict[str, Any], list[Table]]:
    from warmgraph.bench.store_access import access
    from warmgraph.bench.store_durable import reopening, writes
    from warmgraph.bench.store_memory import memory, memory_table
    from warmgraph.bench.store_search import search_alone, search_crowd

    outcomes: list[Outcome] = []
    others: dict[str, Any] = {}
    tables: list[Table] = []
    if "alone" in parts:
        for items, bars in zip(scale.sizes, ((8.0, 4.0), (60.0, 2.5)), strict=True):
            tell(f"search: {items:,} items alone")
            outcomes.append(search_alone(peers, scale, items, bars))
    if "crowd" in parts:
        tell(f"search: {scale.namespaces:,} namespaces x {scale.items_each}")
        found, others["crowd_index"] = search_crowd(peers, scale, (25.0, 150.0))
        outcomes += found
        tables.append(_crowd_table(others["crowd_index"]))
    if "access" in parts:
        tell("get and put")
        outcomes += access(peers, scale, 3.0)
    if "writes" in parts:
        tell("durable writes")
        outcomes += writes(peers, scale, (2.0, 1.5, 8.0))
    if "reopen" in parts:
        tell(f"opening {scale.reopened:,} items")
        outcomes.append(reopening(peers, scale, 1.0))
    if "memory" in parts:
        tell("RAM")
        others["ram_bytes_per_item"] = memory(peers, scale)
        tables.append(memory_table(others["ram_bytes_per_item"], scale.dims))
    return outcomes, others, tables


def _crowd_table(costs: Mapping[str, float]) -> Table:
    items = costs["items"]
    rows = [
        [label, f"{costs[key]:,.0f}", f"{costs[key] / items:,.0f}"]
        for key, label in (("vector_bytes", "vectors"), ("lexical_bytes", "words"))
    ]
    return Table(
        ["", "bytes", "an item"], rows, title=f"RAM of the indexes over {items:,.0f} items, by their own account"
    )


def _command(args: Namespace) -> str:
    words = ["warmgraph", "bench", "store"]
    if tuple(args.select) != _PARTS:
        words += ["--select", *args.select]
    if args.quick:
        words.append("--quick")
    elif args.seconds != 20.0:
        words += ["--seconds", f"{args.seconds:g}"]
    return " ".join(words + (["--postgres", "URI"] if args.postgres else []))


def _conclusion(verdicts: Sequence[Mapping[str, Any]], missing: Mapping[str, str]) -> str:
    counts = {kind: sum(each["verdict"] == kind for each in verdicts) for kind in ("met", "missed", "not judged")}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "none measured"
    return "\n".join([f"Bars: {told}.", *(f"Left out: {name} ({reason})." for name, reason in missing.items())])


STORE = Benchmark(
    name="store",
    summary="the stores beside LangGraph's and others': searches, reads, durable writes, RAM",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
