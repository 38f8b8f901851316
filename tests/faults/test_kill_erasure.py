"""kill -9 while a person is being erased: when the file is opened again, the erasure is completed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from langgraph.store.base import PutOp

from tests.byte_scan import found_in_files
from warmgraph.reflection import LocalReflectionExecutor
from warmgraph.store import WarmStore

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]

ANA, BOB = ("memories", "ana"), ("memories", "bob")
MEMORIES = 1_500
NEEDLES = ["quokkaria", "memories.ana", '"ana"']

# Kills itself when so many waits of the erasure are through: each commit, rewrite and checkpoint is one.
VICTIM = """
import json, os, signal, sys
from warmgraph import erasure
from warmgraph.reflection import LocalReflectionExecutor
from warmgraph.store import WarmStore
from warmgraph.store.erasing import Erasure

path, last, key = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
store = WarmStore.open(path)
steps = erasure._forget(store, Erasure.of(("memories", "ana"), key), (), None)
io, done = next(steps), 0
try:
    while True:
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        io = steps.send(io.call())
except StopIteration:
    print("through", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def fill(path: Path) -> None:
    """Write memories of two people, and a job of each that waits."""
    with WarmStore.open(path) as store:
        for person in (ANA, BOB):
            what, count = ("A quokkaria", MEMORIES) if person == ANA else ("Tea", 20)
            store.batch([PutOp(person, f"{person[1]}-{n}", {"content": f"{what}, number {n}."}) for n in range(count)])
            with LocalReflectionExecutor(len, person, store=store, name="jobs", pending="persist") as executor:
                whose = {"configurable": {"user_id": person[1]}}
                text = "A quokkaria." if person == ANA else "Tea."
                executor.submit({"messages": [text]}, whose, after_seconds=3_600, thread_id=None)  # type: ignore[arg-type]


def kill_after(path: Path, waits: int, key: str | None = None) -> bool:
    """Erase in another process, which is killed after so many waits; whether it was through before."""
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-W", "ignore", "-c", VICTIM, str(path), str(waits), json.dumps(key)]
    victim = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root})
    assert -signal.SIGKILL == victim.returncode, victim.stderr
    return victim.stdout == "through\n"


def test_an_erasure_that_is_killed_is_completed(tmp_path: Path) -> None:
    """Killed after each of its waits in turn: nothing was erased yet, or everything is after the file was opened.

    Jobs of the person never run: the queue is emptied before its first job may begin.
    """
    waits, through, noted = 0, False, 0
    while not through:
        folder = tmp_path / str(waits)
        folder.mkdir()
        path = folder / "memory.db"
        fill(path)
        through = kill_after(path, waits)
        ran: list[object] = []
        with WarmStore.open(path) as store:
            begun = not store.search(ANA, limit=1)
            with LocalReflectionExecutor(ran.append, ANA, store=store, name="jobs", pending="persist") as executor:
                places = {job.namespace for job in executor.jobs()}
            if begun:
                noted += 1
                assert {BOB} == places
                assert {} == found_in_files(folder, NEEDLES)
                assert [] == store.search(("_warmgraph", "erasures"))
            else:  # killed before the intent was on disk
                assert MEMORIES == len(store.search(ANA, limit=2 * MEMORIES))
                assert {ANA, BOB} == places
            assert 20 == len(store.search(BOB, limit=50))
            store._check()
        connection = sqlite3.connect(path)
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        connection.close()
        waits += 1
    assert noted > 10


def test_erasing_one_memory_is_completed_as_well(tmp_path: Path) -> None:
    """The intent names the key, and holds nothing of what the memory says."""
    waits, through = 1, False
    while not through:
        folder = tmp_path / str(waits)
        folder.mkdir()
        path = folder / "memory.db"
        with WarmStore.open(path) as store:
            store.put(ANA, "one", {"content": "A quokkaria."})
            store.put(ANA, "digest", {"content": "On quokkaria.", "meta": {"sources": ["one"]}})
            store.put(ANA, "other", {"content": "Tea."})
        through = kill_after(path, waits, "one")
        with WarmStore.open(path) as store:
            left = {item.key for item in store.search(ANA)}
            assert left in ({"one", "digest", "other"}, {"other"})
            if left == {"other"}:
                assert {} == found_in_files(folder, ["quokkaria"])
        waits += 3
