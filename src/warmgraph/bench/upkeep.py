"""`warmgraph bench upkeep`: what memories weigh, and what it costs to back up, check, move and erase them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from warmgraph.bench.benchmark import Benchmark, at_least_one
from warmgraph.bench.report import Report, Table

__all__ = ["UPKEEP"]

WORDS = 16  # of a memory: about those of a turn of a conversation
DIMS = 384
WARM = 256

_DESCRIPTION = """
Fills a file with memories of users who have --each of them, as words alone and with vectors of 384 dimensions, and
measures: bytes of a memory on disk, in the indexes in RAM and in the warm tier; seconds to open the file, to bring a
user into RAM, to copy it while it is open, to examine, export and import it, and to erase one user with and without
rewriting the file. Each is measured once, after the file was read once.
"""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--items", type=at_least_one, nargs="+", default=[10_000, 100_000], metavar="N", help="memories in the file"
    )
    parser.add_argument("--each", type=at_least_one, default=1_000, metavar="N", help="memories of a user")


def _run(args: Namespace, tell: Callable[[str], None]) -> Report:
    figures: dict[str, Any] = {}
    for items in args.items:
        for kind in ("words", "vectors"):
            tell(f"{items:,} memories, {kind}")
            figures[f"{kind}_{items}"] = _measured(items, args.each, kind == "vectors")
    names = list(figures)
    rows = [[name, *(_shown(figures[each][name]) for each in names)] for name in figures[names[0]]]
    table = Table(["", *names], rows, title="What memories weigh, and what their upkeep costs")
    command = f"warmgraph bench upkeep --items {' '.join(map(str, args.items))} --each {args.each}"
    settings = {"items": args.items, "each": args.each, "words": WORDS, "dims": DIMS, "warm": WARM, "command": command}
    last = figures[names[-1]]
    conclusion = (
        f"a memory with its vector takes {last['disk_bytes_per_item']:.0f} bytes of disk and"
        f" {last['ram_bytes_per_item']:.0f} of RAM while its user is there."
    )
    return Report("upkeep", settings, figures, [table], conclusion)


def _measured(items: int, each: int, vectors: bool) -> dict[str, float]:
    import os
    import sqlite3
    import tempfile
    from pathlib import Path
    from random import Random
    from time import perf_counter

    import numpy as np
    from langgraph.store.base import PutOp

    from warmgraph.bench.words import Vocabulary
    from warmgraph.doctor import examine
    from warmgraph.erasure import forget
    from warmgraph.store import MemoryRecord, RoutedStore, WarmStore, export_memories, import_memories

    spread = np.random.default_rng(0)

    def embed(texts: list[str]) -> list[list[float]]:
        found: list[list[float]] = spread.normal(size=(len(texts), DIMS)).tolist()
        return found

    index: Any = {"embed": embed, "dims": DIMS, "fields": ["content"]} if vectors else None
    words, users = Vocabulary(Random(0), 20_000), max(items // each, 1)
    figures: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begun = perf_counter()
        found = work()
        figures[name] = perf_counter() - begun
        return found

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "memory.db"
        with RoutedStore(path, index=index) as store:
            for user in range(users):
                records = [
                    MemoryRecord(
                        content=" ".join(words.some(WORDS)),
                        author=f"user {user}",
                        role="user",
                        thread_id=f"thread-{user}-{n // 50}",
                        message_id=f"message-{user}-{n}",
                        position=float(n % 50),
                        said_at="2026-11-30T09:00:00+00:00",
                    )
                    for n in range(each)
                ]
                puts = [PutOp(_of(user), str(n), record.to_value(), ["content"]) for n, record in enumerate(records)]
                store.batch(puts)
            store.compact()
            total = users * each
            figures["disk_bytes_per_item"] = store.stats().file_bytes / total
        store = timed("open_s", lambda: RoutedStore(path, index=index))
        with store, WarmStore(store, capacity=WARM) as warm:
            timed("first_recall_s", lambda: warm.recall(_of(0), "hello"))
            stats = store.stats()
            figures["ram_bytes_per_item"] = (stats.lexical_bytes + stats.vector_bytes) / each
            figures["warm_bytes_per_item"] = warm.stats().bytes / warm.stats().items
            timed("backup_s", lambda: _copied(sqlite3.connect(path), Path(directory) / "copy.db"))
            timed("doctor_s", lambda: examine(path))
            export = Path(directory) / "export.jsonl"
            timed("export_s", lambda: export_memories(store, export))
            figures["export_bytes_per_item"] = os.path.getsize(export) / total
            with RoutedStore(Path(directory) / "import.db", index=index) as other:
                timed("import_s", lambda: import_memories(other, export))
            timed("forget_without_rewriting_s", lambda: forget(warm, _of(0), rewrite=False))
            timed("forget_s", lambda: forget(warm, _of(users - 1)))
            timed("forget_one_memory_s", lambda: forget(warm, _of(users // 2), "7"))
    return figures


def _of(user: int) -> tuple[str, ...]:
    return "memories", f"user-{user}"


def _copied(source: Any, target: Any) -> None:
    import sqlite3

    with sqlite3.connect(target) as copy:
        source.backup(copy)
    copy.close()
    source.close()


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3f}"


UPKEEP = Benchmark(
    name="upkeep",
    summary="what memories weigh, and what it costs to back up, check, move and erase them",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
