"""`warmgraph backup`: a whole copy of a file that is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from warmgraph.cli import main
from warmgraph.reflection import LocalReflectionExecutor
from warmgraph.store import RoutedStore

ANA = ("memories", "ana")


def test_a_file_in_use_is_copied_with_its_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was acknowledged before is in the copy, which is one file and can be opened."""
    copy = tmp_path / "copies" / "copy.db"
    copy.parent.mkdir()
    whose: Any = {"configurable": {"user_id": "ana"}}
    with (
        RoutedStore(tmp_path / "memory.db") as store,
        LocalReflectionExecutor(len, ANA, store=store, name="jobs") as executor,
    ):
        store.put(ANA, "1", {"content": "one"})
        executor.submit({"messages": ["later"]}, whose, after_seconds=3_600)
        for _ in range(2):  # a copy that is there is replaced
            assert 0 == main(["backup", str(tmp_path / "memory.db"), str(copy)])
        assert ["copy.db", "copy.db-jobs"] == sorted(each.name for each in copy.parent.iterdir())
    assert "1 items, " in capsys.readouterr().out
    with RoutedStore(copy) as store:
        assert "one" == store.get(ANA, "1").value["content"]  # type: ignore[union-attr]
        with LocalReflectionExecutor(len, ANA, store=store, name="jobs") as executor:
            assert 1 == len(executor.jobs())


def test_what_cannot_be_copied_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there, and one onto itself; nothing is made."""
    path = tmp_path / "memory.db"
    assert 1 == main(["backup", str(path), str(tmp_path / "copy.db")])
    assert "there is no such file" in capsys.readouterr().err
    RoutedStore(path).close()
    assert 1 == main(["backup", str(path), str(path)])
    assert "the memory file itself" in capsys.readouterr().err
    assert ["memory.db"] == [each.name for each in tmp_path.iterdir()]
