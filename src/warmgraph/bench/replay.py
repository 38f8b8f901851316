"""`warmgraph bench replay`: how often the warm tier is enough, and what answering from it costs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmgraph.bench.benchmark import Benchmark
from warmgraph.bench.report import Report, Table

if TYPE_CHECKING:
    from warmgraph.bench.replays import Cell, Replay
    from warmgraph.bench.vectors import Embed

__all__ = ["REPLAY"]

GROUPS = {"each": (32, 128, 256, 512), "pooled": (128, 512)}
CLEAR_LEAD = 0.14  # WarmStore's own, named here so that the help imports no store
POLICIES = ("fifo", "importance")
SCHEDULES = ("inter", "zipf", "post")

_DESCRIPTION = """
Writes conversations turn by turn into a store with a warm tier, and asks their questions between sessions. The router
answers each question from the warm tier alone (a hit) or from the long-term tier.

Groups: "each" has a store for each conversation, "pooled" one for all, as if they were one user's, its sessions in the
order of their time. Schedules: "inter" asks at the end of the session of the last evidence, "zipf" some sessions later
(lag with probability ~ 1 / (1 + lag), seeded), "post" at the very end. Questions of one moment come in a seeded order.

hits: the share of questions answered warm. net and gross: recall lost by that, in percent of the evidence recall@5 that
the long-term tier alone has; gross counts only the questions that got worse. embedded: the share of questions that were
embedded.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="the folder of a LoCoMo pack, or of its folder locomo")
    parser.add_argument(
        "--vectors",
        choices=("auto", "none", "pack", "model"),
        default="auto",
        help="where vectors come from (default: the model if it is installed, else the pack)",
    )
    parser.add_argument("--tau", type=float, default=0.06, help="of the router (default: %(default)s)")
    parser.add_argument(
        "--clear-lead",
        type=float,
        default=CLEAR_LEAD,
        help="of the store; 2 embeds every question (default: %(default)s)",
    )
    parser.add_argument("--groups", nargs="+", choices=tuple(GROUPS), default=tuple(GROUPS), help="only these groups")
    parser.add_argument("--schedules", nargs="+", choices=SCHEDULES, default=SCHEDULES, help="only these schedules")
    parser.add_argument("--capacities", nargs="+", type=int, metavar="N", help="instead of those of the groups")


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    from warmgraph.bench.conversations import load_bundled, load_locomo, pack_folder
    from warmgraph.bench.replays import replays_of
    from warmgraph.bench.vectors import available, embed_function

    folder = None if args.data is None else pack_folder(args.data)
    pack = load_bundled() if folder is None else load_locomo(folder, "all")
    source = available(folder) if args.vectors == "auto" else args.vectors
    embed = embed_function(source, folder, pack.conversations)
    figures: dict[str, Any] = {}
    for group in args.groups:
        for schedule in args.schedules:
            replays = replays_of(pack.conversations, group, schedule)
            figures.update(_cells(args, group, schedule, replays, embed, tell))
    settings = {
        "conversations": len(pack.conversations),
        "vectors": source,
        "tau": args.tau,
        "clear_lead": args.clear_lead,
        "command": _command(args, source),
    }
    return Report("replay", settings, figures, [_table(figures, args.tau)], _conclusion(figures))


def _cells(
    args: Namespace,
    group: str,
    schedule: str,
    replays: Sequence[Replay],
    embed: Embed | None,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    from warmgraph.bench.replays import recalls_of_all, run_cell

    tell(f"{group}, {schedule}: the long-term tier alone")
    full = [recalls_of_all(replay, embed) for replay in replays]
    found: dict[str, Any] = {}
    for capacity in args.capacities or GROUPS[group]:
        for policy in POLICIES:
            tell(f"{group}, {schedule}: {capacity} warm items, {policy}")
            cells = [run_cell(replay, capacity, policy, args.tau, args.clear_lead, embed) for replay in replays]
            found[f"{group} {schedule} {capacity} {policy}"] = _outcome(full, cells)
    return found


def _outcome(full: Sequence[Sequence[float]], cells: Sequence[Cell]) -> dict[str, float]:
    best = [recall for recalls in full for recall in recalls]
    total = sum(best) or 1.0
    hits = [hit for cell in cells for hit in cell.hits]
    changes = [
        recall - reference
        for hit, recall, reference in zip(hits, [each for cell in cells for each in cell.recalls], best, strict=True)
        if hit
    ]
    questions = max(len(best), 1)
    return {
        "questions": len(best),
        "hits_ratio": sum(hits) / questions,
        "net_percent": 100 * sum(changes) / total,
        "gross_percent": 100 * sum(max(-change, 0.0) for change in changes) / total,
        "embedded_ratio": sum(cell.embedded for cell in cells) / questions,
        "full_recall_at_5": sum(best) / questions,
    }


def _table(figures: Mapping[str, Mapping[str, float]], tau: float) -> Table:
    rows = [
        [
            name,
            f"{found['hits_ratio']:.3f}",
            f"{found['net_percent']:+.2f}",
            f"{found['gross_percent']:.2f}",
            f"{found['embedded_ratio']:.2f}",
            f"{found['full_recall_at_5']:.3f}",
        ]
        for name, found in figures.items()
    ]
    return Table(
        ["group, schedule, warm items, eviction", "hits", "net %", "gross %", "embedded", "R@5 long term"],
        rows,
        title=f"Lexical peek at tau {tau:+.2f}",
    )


def _command(args: Namespace, source: str) -> str:
    words = ["warmgraph", "bench", "replay", *(["--data", "DIR"] if args.data is not None else [])]
    words += ["--vectors", source, "--tau", f"{args.tau:g}", "--clear-lead", f"{args.clear_lead:g}"]
    if tuple(args.groups) != tuple(GROUPS):
        words += ["--groups", *args.groups]
    if tuple(args.schedules) != SCHEDULES:
        words += ["--schedules", *args.schedules]
    return " ".join([*words, "--capacities", *map(str, args.capacities)] if args.capacities else words)


def _conclusion(figures: Mapping[str, Mapping[str, float]]) -> str:
    worst = max(figures, key=lambda name: figures[name]["gross_percent"])
    spared = [1 - found["embedded_ratio"] for found in figures.values() if found["gross_percent"] <= 1]
    said = f"The largest gross loss is {figures[worst]['gross_percent']:.2f}% ({worst})."
    if spared:
        said += f" Where it is at most 1%, up to {max(spared):.0%} of the questions need no embedding."
    return said


REPLAY = Benchmark(
    name="replay",
    summary="how often the warm tier is enough, and what that costs in recall",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
