"""`warmgraph bench replay`: how often the warm tier is enough, and what answering from it costs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmgraph.bench.benchmark import Benchmark
from warmgraph.bench.report import Report

if TYPE_CHECKING:
    from warmgraph.bench.replay_anchors import Anchor
    from warmgraph.bench.replays import Cell, Replay
    from warmgraph.bench.vectors import Embed

__all__ = ["REPLAY"]

GROUPS = {"each": (32, 128, 256, 512), "pooled": (128, 512)}
CLEAR_LEAD = 0.14  # WarmStore's own, named here so that the help imports no store
EMBED_ALL = 2.0
POLICIES = ("fifo", "importance")
ROUTERS = ("peek", "calibrated")
SCHEDULES = ("inter", "zipf", "post")
TAUS = (-0.06, 0.0, 0.12, 0.2)
SWEPT = (256, "importance")

_DESCRIPTION = """
Writes conversations turn by turn into a store with a warm tier, and asks their questions between sessions. The router
answers each question from the warm tier alone (a hit) or from the long-term tier.

Groups: "each" has a namespace for each conversation, "pooled" one for all, as if they were one user's, its sessions in
the order of their time. Schedules: "inter" asks at the end of the session of the last evidence, "zipf" some sessions
later (lag with probability ~ 1 / (1 + lag), seeded), "post" at the very end. Questions of one moment come in a seeded
order. Routers: "peek" has a fixed tau, "calibrated" begins anew in each cell and learns while it answers.

hits: the share of questions answered warm. net and gross: recall lost by that, in percent of the evidence recall@5 that
the long-term tier alone has; gross counts only the questions that got worse. embedded: the share of questions that were
embedded. The reference script's figures stand beside ours: those for the development conversations are known, those
for others are read from what `replay.py DIR --stem simple` printed (--anchors).
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
    parser.add_argument("--max-loss", type=float, default=0.01, help="of the calibrated router (default: %(default)s)")
    parser.add_argument(
        "--clear-lead",
        type=float,
        default=CLEAR_LEAD,
        help="of the store under the calibrated router; 2 embeds every question (default: %(default)s)",
    )
    parser.add_argument("--routers", nargs="+", choices=ROUTERS, default=ROUTERS, help="only these routers")
    parser.add_argument("--groups", nargs="+", choices=tuple(GROUPS), default=tuple(GROUPS), help="only these groups")
    parser.add_argument("--schedules", nargs="+", choices=SCHEDULES, default=SCHEDULES, help="only these schedules")
    parser.add_argument("--capacities", nargs="+", type=int, metavar="N", help="instead of those of the groups")
    parser.add_argument("--anchors", type=Path, metavar="FILE", help="what the reference script printed for DIR")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the trade-off into FILE, .svg or .png")


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    from warmgraph.bench.charts import check_chart
    from warmgraph.bench.conversations import load_bundled, load_locomo, pack_folder
    from warmgraph.bench.replay_chart import draw_trade_off
    from warmgraph.bench.replay_verdicts import table_of, verdicts
    from warmgraph.bench.replays import replays_of
    from warmgraph.bench.vectors import available, embed_function

    if args.chart is not None:
        check_chart(args.chart)
    folder = None if args.data is None else pack_folder(args.data)
    pack = load_bundled() if folder is None else load_locomo(folder, "all")
    source = available(folder) if args.vectors == "auto" else args.vectors
    embed = _memoized(embed_function(source, folder, pack.conversations))
    figures: dict[str, dict[str, Any]] = {router: {} for router in args.routers}
    sweeps: dict[str, list[dict[str, float]]] = {}
    for group in args.groups:
        for schedule in args.schedules:
            replays = replays_of(pack.conversations, group, schedule)
            _measure(args, group, schedule, replays, embed, tell, figures, sweeps)
    anchors = _anchors(args, figures)
    settings = {
        "conversations": len(pack.conversations),
        "vectors": source,
        "tau": args.tau,
        "max_loss": args.max_loss,
        "clear_lead": args.clear_lead,
        "command": _command(args, source),
    }
    said = verdicts(figures, anchors, args.tau)
    if args.chart is not None:
        draw_trade_off(args.chart, figures, sweeps)
    found = {
        **figures,
        "script": {name: anchor._asdict() for name, anchor in anchors.items()},
        "taus": sweeps,
        "verdicts": said,
    }
    table = table_of(figures, anchors, args.tau)
    return Report("replay", settings, found, [table], "\n".join([_conclusion(figures), *said]))


def _measure(
    args: Namespace,
    group: str,
    schedule: str,
    replays: Sequence[Replay],
    embed: Embed | None,
    tell: Callable[[str], None],
    figures: dict[str, dict[str, Any]],
    sweeps: dict[str, list[dict[str, float]]],
) -> None:
    """Add the cells of a group and schedule to the figures, and those of other taus to the sweeps."""
    from warmgraph.bench.replays import Setting, recalls_of_all, run_cell
    from warmgraph.ranking import CalibratedRouter, PeekRouter

    tell(f"{group}, {schedule}: the long-term tier alone")
    full = recalls_of_all(replays, embed)

    def measured(capacity: int, policy: str, router: str, tau: float) -> dict[str, Any]:
        tell(f"{group}, {schedule}: {capacity} warm items, {policy}, {router} {tau:+.2f}")
        if router == "peek":
            setting = Setting(capacity, policy, lambda: PeekRouter(tau), EMBED_ALL)
        else:
            base = PeekRouter(tau)
            setting = Setting(capacity, policy, lambda: CalibratedRouter(base, max_loss=args.max_loss), args.clear_lead)
        return _outcome(full, run_cell(replays, setting, embed))

    for capacity in args.capacities or GROUPS[group]:
        for policy in POLICIES:
            for router in args.routers:
                cell = measured(capacity, policy, router, args.tau)
                figures[router][f"{group} {schedule} {capacity} {policy}"] = cell
            if args.chart is not None and (group, capacity, policy) == ("each", *SWEPT):
                found = [{"tau": tau, **measured(*SWEPT, "peek", tau)} for tau in (*TAUS, args.tau)]
                kept = ("tau", "hits_ratio", "gross_percent")
                swept = [{name: each[name] for name in kept} for each in found]
                sweeps[schedule] = sorted(swept, key=lambda each: each["tau"])


def _memoized(embed: Embed | None) -> Embed | None:
    """Embed each text once in a run: the same conversations are lived through many times."""
    if embed is None:
        return None
    import numpy as np

    known: dict[str, Any] = {}

    def remembered(texts: Sequence[str]) -> Any:
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, embed(missing), strict=True))
        return np.stack([known[text] for text in texts])

    return remembered


def _outcome(best: Sequence[float], cell: Cell) -> dict[str, Any]:
    total, questions, hits = sum(best) or 1.0, max(len(best), 1), sum(cell.hits)
    changes = [recall - reference for hit, recall, reference in zip(cell.hits, cell.recalls, best, strict=True) if hit]
    found: dict[str, Any] = {
        "questions": len(best),
        "hits_ratio": hits / questions,
        "net_percent": 100 * sum(changes) / total,
        "gross_percent": 100 * sum(max(-change, 0.0) for change in changes) / total,
        "embedded_ratio": cell.embedded / questions,
        "full_recall_at_5": sum(best) / questions,
    }
    if cell.loss is not None:
        found["checked_ratio"] = cell.checks / max(hits, 1)
        found["told_percent"] = [100 * each for each in (cell.loss.value, cell.loss.low, cell.loss.high)]
    return found


def _anchors(args: Namespace, figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Anchor]:
    from warmgraph.bench.replay_anchors import DEVELOPMENT_QUESTIONS, development_anchors, read_anchors

    known: dict[str, Anchor] = {}
    if args.anchors is not None:
        known = read_anchors(args.anchors)
    elif all(cell["questions"] == DEVELOPMENT_QUESTIONS for cells in figures.values() for cell in cells.values()):
        known = development_anchors()
    names = {name for cells in figures.values() for name in cells}
    return {name: anchor for name, anchor in known.items() if name in names}


def _command(args: Namespace, source: str) -> str:
    words = ["warmgraph", "bench", "replay", *(["--data", "DIR"] if args.data is not None else [])]
    words += ["--vectors", source, "--tau", f"{args.tau:g}", "--max-loss", f"{args.max_loss:g}"]
    words += ["--clear-lead", f"{args.clear_lead:g}"]
    for name, chosen, every in (
        ("routers", args.routers, ROUTERS),
        ("groups", args.groups, tuple(GROUPS)),
        ("schedules", args.schedules, SCHEDULES),
    ):
        if tuple(chosen) != every:
            words += [f"--{name}", *chosen]
    return " ".join([*words, "--capacities", *map(str, args.capacities)] if args.capacities else words)


def _conclusion(figures: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    said = []
    for router, cells in figures.items():
        worst = max(cells, key=lambda name: cells[name]["gross_percent"])
        said.append(f"The largest gross loss of {router} is {cells[worst]['gross_percent']:.2f}% ({worst}).")
    return " ".join(said)


REPLAY = Benchmark(
    name="replay",
    summary="how often the warm tier is enough, and what that costs in recall",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
