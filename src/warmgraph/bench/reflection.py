"""`warmgraph bench reflection`: what managers, submits and jobs cost beside the model, and how late jobs start."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from warmgraph.bench.benchmark import Benchmark, at_least_one
from warmgraph.bench.report import Report, Table, percentile

__all__ = ["LATE_BAR_MS", "MANAGER_BAR_MS", "REFLECTION", "SUBMIT_BAR_MS"]

# The most that a call of a manager may take beside its model, median; a durable submit, median; and how late a due job
# may be at most.
MANAGER_BAR_MS = 5.0
SUBMIT_BAR_MS = 1.0
LATE_BAR_MS = 100.0

_PLACE = ("memories", "{user_id}")
_DELAY = 0.05  # seconds; long enough that the submit itself is over
_PAYLOAD = {"messages": [{"role": "user", "content": "I moved to Porto last week, and I like it there."}]}
_WRITERS = 8

_DESCRIPTION = """
Calls managers whose model answers at once, with one memory to add: without a store, and with one. Where LangMem is
installed its managers are called in turn with ours, with the same model and the same kind of store.
Submits jobs to an executor whose queue is a file, synchronous FULL, each on disk when the call returns: from one
thread, in turn with a row that bare SQLite commits to a file of its own, and from eight threads, whose submits share
commits.
Then, with so many jobs in the queue that are delayed by an hour, it submits jobs that are due after 50 ms and measures
how much later their reflector was called, through the claim, which is committed as well.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--calls", type=at_least_one, default=50, metavar="N", help="default: %(default)s")
    parser.add_argument("--submits", type=at_least_one, default=500, metavar="N", help="default: %(default)s")
    parser.add_argument("--delayed", type=at_least_one, default=1_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--due", type=at_least_one, default=50, metavar="N", help="default: %(default)s")


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    import tempfile

    from warmgraph.bench.manager_calls import manager_calls, peer_version

    tell(f"{args.calls} calls of each manager")
    calls = manager_calls(args.calls)
    with tempfile.TemporaryDirectory(prefix="warmgraph-bench-") as folder:
        tell(f"{args.submits} submits beside bare SQLite")
        submit, bare = _submits(Path(folder), args.submits)
        tell(f"{args.submits} submits from {_WRITERS} threads")
        together = _together(Path(folder), args.submits)
        tell(f"{args.due} due jobs beside {args.delayed} delayed ones")
        late = _late(Path(folder), args.delayed, args.due)
    figures: dict[str, Any] = {
        **{f"{_slug(name)}_call_p50_ms": percentile(seconds, 0.5) * 1e3 for name, seconds in calls.items()},
        "langmem": peer_version(),
        "submit_p50_ms": percentile(submit, 0.5) * 1e3,
        "submit_p95_ms": percentile(submit, 0.95) * 1e3,
        "bare_row_p50_ms": percentile(bare, 0.5) * 1e3,
        "submit_over_bare_row_ratio": percentile(submit, 0.5) / percentile(bare, 0.5),
        "together_per_submit_ms": together * 1e3,
        "late_p50_ms": percentile(late, 0.5) * 1e3,
        "late_max_ms": max(late) * 1e3,
    }
    rows = [
        ["bare SQLite, one row, one commit", *_cells(bare)],
        ["submit", *_cells(submit)],
        ["start of a due job, after it was due", *_cells(late)],
    ]
    table = Table(
        ["", "p50 ms", "p95 ms", "max ms"],
        rows,
        title=f"A durable queue, {args.delayed} delayed jobs beside those that start",
        note=f"{_WRITERS} threads at once: {figures['together_per_submit_ms']:.2f} ms for each submit.",
    )
    managers = Table(
        ["one call, one memory added", "p50 ms", "p95 ms", "max ms"],
        [[name, *_cells(seconds)] for name, seconds in calls.items()],
        title="A call of a manager with a model that answers at once",
        note="" if peer_version() else "LangMem is not installed: there is nothing to compare with.",
    )
    command = f"warmgraph bench reflection --calls {args.calls} --submits {args.submits} --delayed {args.delayed}"
    command += f" --due {args.due}"
    return Report(
        "reflection", {**_numbers(args), "command": command}, figures, [managers, table], _conclusion(figures)
    )


def _slug(name: str) -> str:
    return name.lower().replace("'s", "").replace(" ", "_")


def _conclusion(figures: dict[str, Any]) -> str:
    """Return a line for each bar."""
    bars = [
        ("a manager's call", figures["manager_call_p50_ms"], MANAGER_BAR_MS),
        ("a store manager's call", figures["store_manager_call_p50_ms"], MANAGER_BAR_MS),
        ("a durable submit", figures["submit_p50_ms"], SUBMIT_BAR_MS),
        ("the latest start of a due job", figures["late_max_ms"], LATE_BAR_MS),
    ]
    lines = [
        f"{what}: {got:.2f} ms, {'within' if got <= bar else 'above'} the bar of {bar:.0f} ms."
        for what, got, bar in bars
    ]
    lines[2] = f"{lines[2][:-1]}; {figures['submit_over_bare_row_ratio']:.1f} times a bare row."
    if figures["langmem"] is not None:
        ours, theirs = figures["manager_call_p50_ms"], figures["langmem_manager_call_p50_ms"]
        lines[0] = (
            f"{lines[0][:-1]}; LangMem {figures['langmem']} takes {theirs:.1f} ms, {theirs / ours:.0f} times as long."
        )
    return "\n".join(lines)


def _numbers(args: Namespace) -> dict[str, int]:
    return {"calls": args.calls, "submits": args.submits, "delayed": args.delayed, "due": args.due}


def _cells(seconds: list[float]) -> list[str]:
    return [f"{value * 1e3:.2f}" for value in (percentile(seconds, 0.5), percentile(seconds, 0.95), max(seconds))]


def _whose(thread: object) -> Any:
    return {"configurable": {"user_id": "ana", "thread_id": str(thread)}}


def _submits(folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Return the seconds of submits, and of bare rows, in turn."""
    import sqlite3

    from warmgraph.reflection import LocalReflectionExecutor

    submits, rows = [], []
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.execute("pragma journal_mode = wal")
    bare.execute("pragma synchronous = full")
    bare.execute("create table jobs (id integer primary key, payload blob)")
    with LocalReflectionExecutor(str, _PLACE, queue=folder / "submits.db") as executor:
        for number in range(count):
            began = perf_counter()
            executor.submit(_PAYLOAD, _whose(number), after_seconds=3600)
            between = perf_counter()
            bare.execute("insert into jobs (payload) values (?)", (bytes(500),))
            rows.append(perf_counter() - between)
            submits.append(between - began)
    bare.close()
    return submits, rows


def _together(folder: Path, count: int) -> float:
    """Return the seconds for each submit when several threads submit at once: those of all, by their number."""
    from concurrent.futures import ThreadPoolExecutor

    from warmgraph.reflection import LocalReflectionExecutor

    with (
        LocalReflectionExecutor(str, _PLACE, queue=folder / "together.db") as executor,
        ThreadPoolExecutor(_WRITERS) as pool,
    ):
        began = perf_counter()
        list(pool.map(lambda n: executor.submit(_PAYLOAD, _whose(n), after_seconds=3600), range(count)))
        return (perf_counter() - began) / count


def _late(folder: Path, delayed: int, due: int) -> list[float]:
    """Return by how many seconds jobs began after they were due."""
    from warmgraph.reflection import LocalReflectionExecutor

    def reflect(payload: dict[str, float]) -> float:
        return perf_counter() - payload["due"]

    late = []
    with LocalReflectionExecutor(reflect, _PLACE, queue=folder / "late.db") as executor:
        for number in range(delayed):
            executor.submit({"due": 0.0}, _whose(number), after_seconds=3600)
        for number in range(due):
            at = perf_counter() + _DELAY
            future = executor.submit({"due": at}, _whose(f"due {number}"), after_seconds=_DELAY)
            late.append(future.result())
    return late


REFLECTION = Benchmark(
    "reflection",
    "what managers, the durable queue and its jobs cost beside the model",
    _DESCRIPTION,
    _configure,
    _run,
)
