from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from warmgraph.errors import StoreUnavailableError
from warmgraph.store.plan import Put
from warmgraph.store.postgres.outbox import Outbox, Waiting

NS = ("memories", "ana")


def put(text: str | None) -> Put:
    return Put(NS, "home", None if text is None else {"content": text}, ["content"], 5.0)


def test_batches_leave_in_order_as_they_came(tmp_path: Path) -> None:
    """What was added is handed on in order: values, deletions, paths and times to live."""
    outbox = Outbox(tmp_path / "outbox.db")
    batches = [[put("Lisbon")], [put("Porto"), put(None)], [put("Ünïcode 住")]]
    for at, batch in enumerate(batches):
        outbox.add(batch, at=float(at))
    seen: list[Waiting] = []
    assert 3 == len(outbox)
    assert 3 == outbox.drain(seen.append)
    assert batches == [each.puts for each in seen]
    assert [0.0, 1.0, 2.0] == [each.at for each in seen]
    assert 3 == len({each.id for each in seen})
    assert 0 == len(outbox)
    outbox.close()


def test_a_batch_that_fails_stays_first(tmp_path: Path) -> None:
    """When writing fails nothing is skipped: the batch stays, and those behind it wait."""
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.add([put("Lisbon")], at=0.0)
    outbox.add([put("Porto")], at=1.0)

    def fail(waiting: Waiting) -> None:
        raise StoreUnavailableError("away again")

    with pytest.raises(StoreUnavailableError):
        outbox.drain(fail)
    assert 2 == len(outbox)
    seen: list[Waiting] = []
    outbox.drain(seen.append)
    assert [[put("Lisbon")], [put("Porto")]] == [each.puts for each in seen]
    outbox.close()


def test_what_was_added_survives_the_process(tmp_path: Path) -> None:
    """A process that ends without closing the file leaves what it added there."""
    path = tmp_path / "outbox.db"
    program = (
        "import os, sys\n"
        "from warmgraph.store.plan import Put\n"
        "from warmgraph.store.postgres.outbox import Outbox\n"
        "outbox = Outbox(sys.argv[1])\n"
        "for n in range(3):\n"
        "    outbox.add([Put(('m',), str(n), {'n': n})], at=0.0)\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    outbox = Outbox(path)
    seen: list[Waiting] = []
    outbox.drain(seen.append)
    outbox.close()
    assert ["0", "1", "2"] == [each.puts[0].key for each in seen]


def test_what_left_is_nowhere_in_the_file(tmp_path: Path) -> None:
    """A text that was written to the database is no longer in a page of the outbox."""
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    outbox.add([put("a very private sentence")], at=0.0)
    assert b"very private" in path.read_bytes()
    outbox.drain(lambda waiting: None)
    outbox.close()
    assert b"very private" not in b"".join(each.read_bytes() for each in tmp_path.iterdir())


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    """A path where no outbox can be is an error of the store."""
    path = tmp_path / "outbox.db"
    path.write_text(json.dumps(["no database"]) * 200)
    with pytest.raises(StoreUnavailableError):
        Outbox(path)
