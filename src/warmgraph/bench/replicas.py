"""Replicas that share a database: how fast one sees what the other wrote, and whether load makes them lose anything."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from warmgraph.store import WarmStore

__all__ = ["LoadOutcome", "Replica", "propagation", "run_load"]

NAMESPACE = ("memories", "load")
NAMES = ["left", "right"]


@dataclass(slots=True)
class LoadOutcome:
    """What became of a load.

    Args:
        writes: Writes that were acknowledged.
        reads: Reads that told something.
        lost: Keys whose last acknowledged write is not what is stored, or not what a replica holds.
        stale: Reads that returned what had been overwritten or deleted for longer than the bound.
        errors: What clients ran into.
        oldest_seconds: For how long the oldest thing that was read had been overwritten.
    """

    writes: int = 0
    reads: int = 0
    lost: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    oldest_seconds: float = 0.0


class Replica:
    """A process with a warm tier of its own.

    Args:
        uri: The database.
        name: Of the replica.
        staleness: Its bound, in seconds.
    """

    def __init__(self, uri: str, name: str, staleness: float) -> None:
        command = [sys.executable, "-m", "warmgraph.bench.replica_worker", uri, name, str(staleness)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=60)

    def tell(self, *command: Any) -> None:
        """Say what to do."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """Wait for what came of it."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def __call__(self, *command: Any) -> Any:
        """Have something done."""
        self.tell(*command)
        return self.answer()


def propagation(uri: str, rounds: int, staleness: float = 2.0) -> list[float]:
    """Return the seconds from the call of a put in one process until another one reads it from its warm tier.

    Args:
        uri: The database.
        rounds: How often.
        staleness: The bound of both.
    """
    taken: list[float] = []
    with WarmStore.open(uri, max_staleness=staleness) as store, Replica(uri, "watcher", staleness) as watcher:
        store.put(NAMESPACE, "watched", {"content": "watched", "n": 0})
        watcher("watch", "watched", 0)
        for number in range(1, rounds + 1):
            watcher.tell("watch", "watched", number)
            time.sleep(0.01)  # it is at it
            began = time.monotonic()
            store.put(NAMESPACE, "watched", {"content": "watched", "n": number})
            taken.append(watcher.answer() - began)
    return taken


def run_load(uri: str, *, seconds: float, clients: int, bound: float, staleness: float = 2.0) -> LoadOutcome:
    """Let two replicas write and read the same namespace, and compare what was read with what had been written.

    Args:
        uri: The database.
        seconds: How long.
        clients: Threads in each replica.
        bound: Seconds after which no read may return what had been overwritten.
        staleness: The bound of the stores.
    """
    with Replica(uri, NAMES[0], staleness) as left, Replica(uri, NAMES[1], staleness) as right:
        both = [left, right]
        with ThreadPoolExecutor(2) as pool:
            logs = list(pool.map(lambda replica: replica("load", NAMES, clients, seconds), both))
        time.sleep(min(bound, staleness))
        finals = [replica("final") for replica in both]
    return _judged(logs, finals, bound)


def _judged(logs: Sequence[Mapping[str, Any]], finals: Sequence[Mapping[str, Any]], bound: float) -> LoadOutcome:
    outcome = LoadOutcome(errors=[error for log in logs for error in log["errors"]])
    written: dict[str, list[tuple[int, bool, float, float]]] = defaultdict(list)
    for log in logs:
        for key, number, gone, began, done in log["writes"]:
            written[key].append((number, gone, began, done))
            outcome.writes += 1
    for log in logs:
        for key, seen, began, ended in log["reads"]:
            outcome.reads += 1
            age = _age(written[key], seen, began, ended)
            outcome.oldest_seconds = max(outcome.oldest_seconds, age)
            if age > bound:
                outcome.stale.append(f"{key}: {seen}, overwritten {age:.3f} s before")
    for key, writes in written.items():
        number, gone, _, _ = writes[-1]
        expected = None if gone else number
        for final in finals:
            for where in ("database", "held"):
                found = final[where].get(key)
                if expected != (None if found is None else found["n"]):
                    outcome.lost.append(f"{key}: {expected} was acknowledged, {where} has {found}")
    shared = [{key: value for key, value in final["held"].items() if key.startswith("shared")} for final in finals]
    stored = {key: value for key, value in finals[0]["database"].items() if key.startswith("shared")}
    if not shared[0] == shared[1] == stored:
        outcome.lost.append("replicas disagree on a shared key")
    return outcome


def _age(writes: Sequence[tuple[int, bool, float, float]], seen: int | None, began: float, ended: float) -> float:
    """Return for how many seconds what was read had been overwritten when the read began; 0 if it was current.

    A key has one writer, so its writes are in order. What is not there may be what was before the first of them, or
    any deletion; the latest that could have been meant counts.
    """
    oldest: float = 0.0
    for at in range(len(writes) - 1, -2, -1):
        matches = (at < 0 or writes[at][1]) if seen is None else (at >= 0 and writes[at][0] == seen)
        if not matches or (at >= 0 and writes[at][2] > ended):
            continue
        following = writes[at + 1] if at + 1 < len(writes) else None
        oldest = 0.0 if following is None else max(began - following[3], 0.0)
        return oldest
    return float("inf")  # nobody ever wrote that
