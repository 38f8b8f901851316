"""kill -9 while jobs are submitted, run and applied: none is lost, and none has its effects twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import tests.reflection_worker as worker

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]

ROUNDS = 100
SERVER = """
import os, sys
import tests.reflection_worker as worker
for line in sys.stdin:
    sys.argv = ["worker", *line.split()]
    child = os.fork()
    if not child:
        os.write(1, f"pid {os.getpid()}\\n".encode())
        worker.main()
    os.waitpid(child, 0)
    os.write(1, b"ended\\n")
"""


def test_parity_17_jobs_survive_kills_and_have_their_effects_once(tmp_path: Path) -> None:
    """100 kills at random points; then every acknowledged submit has been counted once.

    The submit that was under way may be there or not.
    """
    choose = random.Random(7)
    root = str(Path(__file__).parents[2])
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert server.stdin is not None
    assert server.stdout is not None
    start, acknowledged, unsure = 0, set(), set()
    for _ in range(ROUNDS):
        server.stdin.write(f"{tmp_path} {start} 1000\n")
        server.stdin.flush()
        number = int(server.stdout.readline().removeprefix("pid "))
        until = start + choose.randrange(1, 40)
        while start < until:
            said = int(server.stdout.readline())
            assert said == start
            acknowledged.add(str(start))
            start += 1
        os.kill(number, signal.SIGKILL)
        while (line := server.stdout.readline()) != "ended\n":
            acknowledged.add(line.strip())
            start = int(line) + 1
        unsure.add(str(start))
        start += 1
    server.communicate(timeout=60)
    store, executor = worker.open_both(tmp_path)
    executor.pending = "drain"
    assert executor.shutdown(timeout=300)
    counted = {item.key: item.value["times"] for item in store.search(("count",), limit=100_000)}
    assert {1} == set(counted.values())
    assert set() == acknowledged - counted.keys()
    assert set() == counted.keys() - acknowledged - unsure
    seen = [store.search(("seen", part), limit=100_000) for part in ("one", "two")]
    assert {item.key for item in seen[0]} == {item.key for item in seen[1]}
    assert sorted(counted) == sorted(text for item in seen[0] for text in item.value["messages"])
    store.close()
