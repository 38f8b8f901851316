"""kill -9 in the middle of writes: nothing that was acknowledged is lost, and nothing is half done."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tests.store_worker

pytestmark = pytest.mark.faults

NS = ["memories", "ana"]
PLACE = ("memories", "ana")
ROUNDS = 20
COMMANDS = 400

Model = dict[str, str | None]


def script(seed: int) -> list[list[Any]]:
    """Return puts, overwrites, deletions and batches of both."""
    choose = random.Random(seed)
    commands: list[list[Any]] = []
    for n in range(COMMANDS):
        keys = choose.sample([str(key) for key in range(12)], 4)
        kind = choose.choice(["put", "put", "delete", "batch"])
        if kind == "put":
            commands.append(["put", NS, keys[0], f"round {seed} fact {n}"])
        elif kind == "delete":
            commands.append(["delete", NS, keys[0]])
        else:
            texts = [None, *[f"round {seed} fact {n} part {part}" for part in range(3)]]
            commands.append(["batch", NS, [list(pair) for pair in zip(keys, texts, strict=True)]])
    return commands


def apply(model: Model, command: list[Any]) -> Model:
    """Return what is held after a command."""
    if command[0] == "put":
        return {**model, command[2]: command[3]}
    if command[0] == "delete":
        return {**model, command[2]: None}
    return {**model, **dict(command[2])}


def killed_after(path: Path, kind: str, commands: list[list[Any]], acknowledged: int) -> int:
    """Run commands in a process, kill it when so many were acknowledged, and return how many really were."""
    with subprocess.Popen(
        [sys.executable, str(tests.store_worker.__file__), str(path), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert "ready" == json.loads(process.stdout.readline())
        process.stdin.write("".join(json.dumps(command) + "\n" for command in commands))
        process.stdin.flush()
        for _ in range(acknowledged):
            assert "done" == json.loads(process.stdout.readline())
        process.kill()
        rest = process.stdout.read()  # `communicate` would pass by what `readline` has read ahead
    return acknowledged + sum(line == '"done"' for line in rest.splitlines())


@pytest.mark.parametrize("kind", ["routed with vectors", "warm"])
def test_what_was_acknowledged_survives_a_kill(kind: str, tmp_path: Path) -> None:
    """20 kills of one file, each somewhere in a stream of writes: every acknowledged one is there afterwards.

    The write that was under way is there wholly or not at all, the file is sound, and the indexes equal the rows.
    """
    path = tmp_path / "memory.db"
    model: Model = {}
    for seed in range(ROUNDS):
        commands = script(seed)
        done = killed_after(path, kind, commands, random.Random(f"{kind}{seed}").randrange(1, 60))
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
    connection = sqlite3.connect(path)
    assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    with_vectors = {id for (id,) in connection.execute("SELECT item FROM vectors")}
    rows = {id for (id,) in connection.execute("SELECT id FROM items")}
    assert (rows if kind == "routed with vectors" else set()) == with_vectors
    connection.close()
