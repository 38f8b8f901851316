"""`warmgraph bench buffer`: `WarmBuffer` beside WarmMemory's buffer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from warmgraph.bench.benchmark import Benchmark, at_least_one
from warmgraph.bench.report import Report, Table

__all__ = ["BAR_RATIO", "BUFFER"]

# How many times as fast as WarmMemory's a full buffer adds and finds, at least.
BAR_RATIO = 100.0
OURS, THEIRS = "WarmBuffer", "WarmMemory"

_DESCRIPTION = """
Fills a buffer of --items interactions with the bundled conversation, ours and WarmMemory's, each as it comes: ranked by
words, one goes for each that comes. Then both add one more, and look for the five interactions that answer one of the
bundled questions best, by turns, in the same process. What is compared is the processor's time, lap by lap: a call of
tens of milliseconds is interrupted every time on a busy machine, one of microseconds hardly ever. Without WarmMemory
(`warmgraph[bench]`) only ours is timed.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--items", type=at_least_one, default=512, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--laps", type=at_least_one, default=60, metavar="N", help="laps to time (default: %(default)s)"
    )


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    import warnings
    from importlib.util import find_spec

    from warmgraph.bench.race import Runner, cpu_ratio, race, ratio
    from warmgraph.buffer import WarmBuffer

    texts, asked = _bundled("conversations", "text"), _bundled("questions", "question")
    buffers: dict[str, Any] = {OURS: WarmBuffer(capacity=args.items)}
    if find_spec("warm_memory") is not None:
        import importlib

        buffers[THEIRS] = importlib.import_module("warm_memory").WarmMemoryBuffer(capacity=args.items)

    def adding(buffer: Any) -> Runner:
        return lambda number: buffer.add("user", texts[number % len(texts)])

    def asking(buffer: Any) -> Runner:
        return lambda number: buffer.relevant(asked[number % len(asked)], limit=5)

    figures: dict[str, Any] = {}
    rows: list[list[str]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # WarmMemory appends to an empty frame
        tell(f"filling buffers of {args.items}")
        for buffer in buffers.values():
            for number in range(args.items):
                buffer.add("user", texts[number % len(texts)])
        for what, runner in (("add", adding), ("relevant", asking)):
            tell(f"{args.laps} laps of {what}")
            timings = race({name: runner(buffer) for name, buffer in buffers.items()}, laps=args.laps, seconds=120.0)
            for name, timing in timings.items():
                figures[f"{name}_{what}_p50_us"] = 1e6 * timing.p50
                figures[f"{name}_{what}_cpu_us"] = 1e6 * timing.cpu_p50
            row = [what, *(f"{1e6 * timing.p50:,.0f}" for timing in timings.values())]
            if THEIRS in timings:
                figures[f"{what}_ratio"] = cpu_ratio(timings[THEIRS], timings[OURS])
                figures[f"{what}_wall_ratio"] = ratio(timings[THEIRS], timings[OURS])
                row.append(f"{figures[f'{what}_ratio']:,.0f}")
            rows.append(row)
    columns = ["p50 us", *buffers, *(["times as fast"] if THEIRS in buffers else [])]
    table = Table(columns, rows, title=f"A full buffer of {args.items} interactions")
    command = f"warmgraph bench buffer --items {args.items} --laps {args.laps}"
    settings = {"items": args.items, "laps": args.laps, "command": command}
    return Report("buffer", settings, figures, [table], _conclusion(figures))


def _bundled(name: str, field: str) -> list[str]:
    """Return the texts of a file that comes with the package."""
    import json
    from importlib.resources import files

    lines = (files("warmgraph") / "cli" / "data" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)[field] for line in lines]


def _conclusion(figures: dict[str, Any]) -> str:
    if "add_ratio" not in figures:
        return "WarmMemory is not installed: there is nothing to compare with (pip install 'warmgraph[bench]')."
    add, relevant = figures["add_ratio"], figures["relevant_ratio"]
    within = min(add, relevant) >= BAR_RATIO
    return (
        f"add is {add:,.0f} times and relevant {relevant:,.0f} times as fast as WarmMemory's: "
        f"{'above' if within else 'below'} the bar of {BAR_RATIO:.0f}."
    )


BUFFER = Benchmark(
    name="buffer",
    summary="WarmBuffer beside WarmMemory's buffer",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
