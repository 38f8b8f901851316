"""`warmgraph bench turn`: what memory costs a turn, over a bare LangGraph graph of the same shape."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from warmgraph.bench.benchmark import Benchmark, at_least_one
from warmgraph.bench.report import Report, Table, percentile

if TYPE_CHECKING:
    from warmgraph.bench.turn_timing import Laps

__all__ = ["BAR", "TURN"]

# The most that memory may add to a turn, as a share of the bare graph, the durable commit left out.
BAR = 0.25

_DESCRIPTION = """
Runs one turn through the memory agent and through a bare LangGraph graph: the same edges, the same state, the same
chat model that answers at once; its nodes are functions that return constants. What the agent takes longer is the
cost of memory. A namespace holds --items warm memories, the question recalls ten of them, and the turn writes two.

Each lap runs the bare graph, the agent on a store in RAM, and the agent on a file, one after the other, in turns.
The write of `remember` is timed inside the agent on a file: "without the write" leaves it out, and with it the
durable commit. "nodes" are the seconds inside each node, measured apart; the rest is LangGraph's.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--runs", type=at_least_one, default=300, metavar="N", help="laps to time (default: %(default)s)"
    )
    parser.add_argument(
        "--warmup", type=at_least_one, default=30, metavar="N", help="laps before that (default: %(default)s)"
    )
    parser.add_argument(
        "--items", type=at_least_one, default=200, metavar="N", help="warm memories of the user (default: %(default)s)"
    )
    parser.add_argument(
        "--profile", type=at_least_one, metavar="N", help="also list the N functions that take most time"
    )


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    from warmgraph.bench.turn_timing import profile_turns, time_nodes, time_turns

    figures: dict[str, Any] = {}
    turns: list[list[str]] = []
    nodes: list[list[str]] = []
    for mode in ("sync", "async"):
        for saver in ("none", "memory"):
            tell(f"{mode}, checkpointer: {saver}: {args.runs} laps of three graphs")
            found = _compare(
                time_turns(args.runs, args.warmup, args.items, use_async=mode == "async", checkpoints=saver == "memory")
            )
            figures[f"{mode}_checkpointer_{saver}"] = found
            turns.append([f"{mode}, {'InMemorySaver' if saver == 'memory' else 'no checkpointer'}", *_cells(found)])
        for place in ("ram", "file"):
            tell(f"{mode}: nodes apart, {place}")
            spent = time_nodes(args.runs, args.warmup, args.items, use_async=mode == "async", on_file=place == "file")
            medians = {name: 1000 * percentile(seconds, 0.5) for name, seconds in spent.items()}
            figures[f"{mode}_{place}_nodes_ms"] = medians
            nodes.append([f"{mode}, {place}", *(f"{medians[name]:.3f}" for name in medians)])
    tables = [
        Table(
            ["turn, median of paired laps", "bare ms", "RAM ms", "RAM +%", "file ms", "write ms", "file - write +%"],
            turns,
            title=f"One turn with {args.items} warm memories",
            note='"+%": over the bare graph, lap by lap, median. "write": two records, until they are on disk.',
        ),
        Table(["median ms", *figures["sync_ram_nodes_ms"]], nodes, title="Inside the nodes"),
    ]
    if args.profile:
        tables += [profile_turns(args.runs, args.items, args.profile, use_async=use) for use in (False, True)]
    settings = {
        "runs": args.runs,
        "warmup": args.warmup,
        "items": args.items,
        "command": f"warmgraph bench turn --runs {args.runs} --warmup {args.warmup} --items {args.items}",
    }
    return Report("turn", settings, figures, tables, _conclusion(figures))


def _compare(laps: Laps) -> dict[str, float]:
    def median_ms(seconds: list[float]) -> float:
        return 1000 * percentile(seconds, 0.5)

    def overhead(seconds: list[float]) -> float:
        return percentile([ours / bare for ours, bare in zip(seconds, laps.bare, strict=True)], 0.5) - 1

    without_write = [total - write for total, write in zip(laps.file, laps.file_writes, strict=True)]
    return {
        "bare_ms": median_ms(laps.bare),
        "ram_ms": median_ms(laps.ram),
        "ram_write_ms": median_ms(laps.ram_writes),
        "ram_overhead_ratio": overhead(laps.ram),
        "file_ms": median_ms(laps.file),
        "file_p95_ms": 1000 * percentile(laps.file, 0.95),
        "file_write_ms": median_ms(laps.file_writes),
        "file_overhead_ratio": overhead(laps.file),
        "file_without_write_overhead_ratio": overhead(without_write),
    }


def _cells(found: Mapping[str, float]) -> list[str]:
    return [
        f"{found['bare_ms']:.2f}",
        f"{found['ram_ms']:.2f}",
        f"{found['ram_overhead_ratio']:+.0%}",
        f"{found['file_ms']:.2f}",
        f"{found['file_write_ms']:.2f}",
        f"{found['file_without_write_overhead_ratio']:+.0%}",
    ]


def _conclusion(figures: Mapping[str, Mapping[str, float]]) -> str:
    worst = max(
        (ratio, name)
        for name, found in figures.items()
        for key, ratio in found.items()
        if key in ("ram_overhead_ratio", "file_without_write_overhead_ratio")
    )
    verdict = "within" if worst[0] <= BAR else "above"
    return (
        f"At most {worst[0]:+.0%} over the bare graph ({worst[1]}), without the commit: {verdict} the bar of {BAR:.0%}."
    )


TURN = Benchmark(
    name="turn",
    summary="what memory costs a turn, over a bare LangGraph graph",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
