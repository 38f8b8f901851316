"""kill -9 in the middle of everything: nothing that was acknowledged is lost, and nothing is half done."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import PutOp

import tests.faults.kill_server
import tests.store_worker
from warmgraph.store import RoutedStore

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]

NS = ["memories", "ana"]
PLACE = ("memories", "ana")
ROUNDS = 100  # for each kind of store
COMMANDS = 400

Model = dict[str, str | None]


class Killable:
    """A server that forks a process for each job, which is killed when it has done so much."""

    def __init__(self) -> None:
        command = [sys.executable, "-W", "ignore", str(tests.faults.kill_server.__file__)]
        root = str(Path(__file__).parents[2])
        environment = {**os.environ, "PYTHONPATH": root}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert "ready" == self._heard()

    def killed_after(self, acknowledged: int | None, path: Path, kind: str, commands: list[list[Any]]) -> int:
        """Run commands in a process, kill it when so many were acknowledged, and return how many really were."""
        assert self._process.stdin is not None
        job = {"path": str(path), "kind": kind, "commands": commands}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        number, done = self._heard(), 0
        while (heard := self._heard()) != "ended":
            assert "done" == heard
            done += 1
            if done == acknowledged:
                os.kill(number, signal.SIGKILL)
        return done

    def close(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=60)
        assert 0 == self._process.returncode

    def _heard(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="module")
def killable() -> Iterator[Killable]:
    """Start the server."""
    server = Killable()
    yield server
    server.close()


def script(seed: int) -> list[list[Any]]:
    """Return puts, overwrites, deletions, batches, items that expire at once, sweeps and compactions."""
    choose = random.Random(seed)
    kinds = ["put"] * 6 + ["delete"] * 2 + ["batch"] * 3 + ["mortal"] * 2 + ["sweep", "compact"]
    commands: list[list[Any]] = []
    for n in range(COMMANDS):
        keys = choose.sample([str(key) for key in range(12)], 4)
        kind = choose.choice(kinds)
        if kind in ("put", "mortal"):
            commands.append([kind, NS, keys[0], f"round {seed} fact {n} " + "x" * choose.choice([0, 0, 5_000])])
        elif kind == "delete":
            commands.append(["delete", NS, keys[0]])
        elif kind == "batch":
            texts = [None, *[f"round {seed} fact {n} part {part}" for part in range(3)]]
            commands.append(["batch", NS, [list(pair) for pair in zip(keys, texts, strict=True)]])
        else:
            commands.append([kind])
    return commands


def apply(model: Model, command: list[Any]) -> Model:
    """Return what is held after a command."""
    kind = command[0]
    if kind == "put":
        return {**model, command[2]: command[3]}
    if kind in ("delete", "mortal"):
        return {**model, command[2]: None}
    return {**model, **dict(command[2])} if kind == "batch" else model


def check_file(path: Path) -> None:
    """Assert that a file is sound."""
    connection = sqlite3.connect(path)
    assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    assert [] == connection.execute("PRAGMA foreign_key_check").fetchall()
    connection.close()


@pytest.mark.parametrize("kind", ["routed with vectors", "warm"])
def test_what_was_acknowledged_survives_a_kill(kind: str, killable: Killable, tmp_path: Path) -> None:
    """100 kills of one file, each somewhere in a stream of changes: every acknowledged one is there afterwards.

    The change that was under way is there wholly or not at all, the file is sound, and the indexes equal the rows.
    """
    path = tmp_path / "memory.db"
    model: Model = {}
    for seed in range(ROUNDS):
        commands = script(seed)
        done = killable.killed_after(random.Random(f"{kind}{seed}").randrange(1, 60), path, kind, commands)
        assert done < COMMANDS
        for command in commands[:done]:
            model = apply(model, command)
        possible = [model, apply(model, commands[done])]
        with tests.store_worker.MAKERS[kind](str(path)) as store:
            items = store.search(PLACE, limit=1000)
            held: Model = {item.key: item.value["content"] for item in items}
            assert held in [{key: text for key, text in each.items() if text is not None} for each in possible]
            model = held
            assert set(held) == {item.key for item in store.search(PLACE, query="fact", limit=1000)}
            for key, text in list(held.items())[:3]:
                assert text is not None
                assert key in [item.key for item in store.recall_long_term(PLACE, text, limit=20).items]
            store._check()
            if seed % 10 == 9:
                store.sweep_ttl()
                assert len(held) == getattr(store, "long_term", store).stats().items
                check_file(path)
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'vectors%'")]
    assert (["vectors_1"] if kind == "routed with vectors" else []) == tables
    for table in tables:
        with_vectors = {id for (id,) in connection.execute(f"SELECT item FROM {table}")}
        assert {id for (id,) in connection.execute("SELECT id FROM items")} == with_vectors
    connection.close()


def test_embedding_anew_goes_on_after_a_kill(killable: Killable, tmp_path: Path) -> None:
    """Killed again and again, each call goes on where the last one was; readers never see vectors of two models."""
    path = tmp_path / "memory.db"
    with tests.store_worker.MAKERS["routed with vectors"](str(path)) as store:
        for n in range(40):
            store.put(PLACE, str(n), {"content": "x" * n})
    calls = 0
    while killable.killed_after(7, path, "reembed", []) == 7:
        calls += 1
        assert calls < 40
        with RoutedStore(path, index=tests.store_worker.INDEX) as reader:
            if not reader.stats().ranks_by_words:
                assert {True} == {item.score is not None for item in reader.search(PLACE, query="x", limit=100)}
            reader._check()
    assert 5 <= calls <= 6
    with tests.store_worker.MAKERS["routed with other vectors"](str(path)) as store:
        assert not store.stats().ranks_by_words
        assert {True} == {item.score is not None for item in store.search(PLACE, query="x", limit=100)}
        store._check()
    check_file(path)


def test_a_kill_in_a_compaction_loses_nothing(killable: Killable, tmp_path: Path) -> None:
    """Wherever it is in rewriting the file of an older version, or in freeing pages, the file stays as it was."""
    path = tmp_path / "memory.db"
    connection = sqlite3.connect(path)
    connection.executescript((Path(__file__).parents[1] / "data" / "schema_v1.sql").read_text(encoding="utf-8"))
    connection.close()
    with RoutedStore(path) as store:
        store.batch([PutOp(PLACE, str(n), {"content": f"fact {n} " + "x" * 3_000}) for n in range(300)])
        store.batch([PutOp(PLACE, str(n), None) for n in range(0, 300, 2)])
        before = store.search((), limit=1_000)
    killed, steps = 0, 50
    while killable.killed_after(None, path, "dies in a compaction", [[steps]]) == 0:
        killed, steps = killed + 1, 2 * steps
        assert killed < 30
        with RoutedStore(path) as store:
            assert before == store.search((), limit=1_000)
            store._check()
        check_file(path)
    assert killed > 3
    with RoutedStore(path) as store:
        assert before == store.search((), limit=1_000)
        assert store.compact().bytes_after < 1_000_000


def test_a_kill_in_a_migration_leaves_the_old_file(killable: Killable, tmp_path: Path) -> None:
    """The file is of the old version until the step is committed, and the next one who opens it does it again."""
    path = tmp_path / "memory.db"
    connection = sqlite3.connect(path)
    connection.executescript((Path(__file__).parents[1] / "data" / "schema_v1.sql").read_text(encoding="utf-8"))
    connection.close()
    for _ in range(3):
        assert 0 == killable.killed_after(None, path, "dies in a migration", [["put", NS, "k", "text"]])
        connection = sqlite3.connect(path)
        assert (1,) == connection.execute("PRAGMA user_version").fetchone()
        connection.close()
    assert 1 == killable.killed_after(None, path, "routed", [["put", NS, "k", "text"]])
    with RoutedStore(path) as store:
        assert {"a-0", "k"} <= {item.key for item in store.search(PLACE, limit=100)}
        store._check()
    check_file(path)
