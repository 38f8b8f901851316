"""`warmgraph forget`: says what would go, and erases when told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.byte_scan import found_in_files
from warmgraph.cli import main
from warmgraph.store import RoutedStore

ANA = ("memories", "ana")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a file with two memories."""
    with RoutedStore(tmp_path / "memory.db") as store:
        turn = {"role": "user", "position": 1.0, "thread_id": "thread-1"}
        store.put(ANA, "1", {"content": "A quokkaria.", **turn})
        store.put(ANA, "2", {"content": "Tea."})
    return tmp_path / "memory.db"


def test_nothing_goes_without_consent(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It counts, and ends with 1."""
    assert 1 == main(["forget", str(path), "memories.ana"])
    assert "2 memories of memories.ana would be erased. With --yes they are.\n" == capsys.readouterr().out
    assert 1 == main(["forget", str(path), "memories.ana", "--key", "1"])
    assert capsys.readouterr().out.startswith("1 memories")
    assert found_in_files(path.parent, ["quokkaria"])


def test_one_memory_or_all_are_erased(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files hold nothing of them afterwards, and the threads that they came from are counted."""
    assert 0 == main(["forget", str(path), "memories.ana", "--key", "1", "--yes", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (1, True, ["thread-1"]) == (told["memories"], told["complete"], told["threads"])
    assert {} == found_in_files(path.parent, ["quokkaria"])
    assert 0 == main(["forget", str(path), "memories.ana", "--yes"])
    assert "memories.ana: 1 memories erased.\n" == capsys.readouterr().out
    assert {} == found_in_files(path.parent, ["memories.ana"])


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says so."""
    assert 1 == main(["forget", str(tmp_path / "none"), "memories.ana", "--yes"])
    assert "there is no such file" in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())
