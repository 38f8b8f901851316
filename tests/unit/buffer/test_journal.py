"""The file of a buffer, in both forms."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from warmgraph.buffer import WarmBuffer
from warmgraph.buffer.lines import MANY_LINES
from warmgraph.errors import InvalidArgumentError, StoreCorruptError, StoreError, StoreUnavailableError
from warmgraph.testing import FakeEmbeddings


@pytest.fixture(params=["buffer.jsonl", "buffer.db"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Name a file of either kind."""
    return tmp_path / str(request.param)


def test_a_buffer_is_there_again_after_a_restart(path: Path) -> None:
    """Records with all their fields, the order, and the next id."""
    with WarmBuffer(3, path=path) as buffer:
        for at in range(5):
            text = f"text {at}\u2028 \ud83d \x00 é"
            buffer.add("user", text, summary="s", tags=["t"], metadata={"at": [at]}, importance=0.25)
        buffer.discard(4)
        kept = buffer.records()
        buffer._check()
    with WarmBuffer(3, path=path) as again:
        assert kept == again.records()
        assert 6 == again.add("user", "next")
        again._check()


def test_ids_go_on_after_clear_and_restart(path: Path) -> None:
    """An id is never given twice, even when the file holds no record any more."""
    with WarmBuffer(path=path) as buffer:
        buffer.add("user", "one")
        buffer.clear()
    with WarmBuffer(path=path) as buffer:
        assert ([], 2) == (buffer.records(), buffer.add("user", "two"))


def test_a_smaller_buffer_keeps_the_newest(path: Path) -> None:
    """A file with more records than there is room for is cut down as it is opened."""
    with WarmBuffer(10, path=path) as buffer:
        buffer.add_many([{"role": "user", "content": str(at)} for at in range(8)])
    with WarmBuffer(2, path=path) as buffer:
        assert ["6", "7"] == [record.content for record in buffer.records()]
        buffer.add("user", "8")
        buffer._check()


def test_retaining_and_reading_survive(path: Path) -> None:
    """What was dropped by choice stays dropped."""
    with WarmBuffer(path=path) as buffer:
        buffer.add_many([{"role": "user", "content": text} for text in ("cat", "dog", "cow")])
        buffer.retain_relevant("dog", 1)
    with WarmBuffer(path=path) as buffer:
        assert ["dog"] == [record.content for record in buffer.records()]


def test_vectors_are_made_in_one_batch_when_a_file_is_opened(path: Path) -> None:
    """A buffer that embeds pays for one call, whatever the number of records."""
    with WarmBuffer(path=path) as buffer:
        buffer.add_many([{"role": "user", "content": text} for text in ("cat", "dog", "cow")])
    model = FakeEmbeddings()
    with WarmBuffer(path=path, embed=model) as buffer:
        assert "dog" == buffer.relevant("dog", 1)[0].content
    assert [["cat", "dog", "cow"]] == model.documents


def test_what_json_cannot_express_is_refused_and_changes_nothing(path: Path) -> None:
    """A buffer in RAM takes any metadata; one with a file says what is wrong."""
    with WarmBuffer(path=path) as buffer:
        with pytest.raises(InvalidArgumentError, match="metadata"):
            buffer.add("user", "Hi", metadata={"file": object()})
        assert (0, 1) == (len(buffer), buffer.add("user", "Hi"))


def test_a_file_that_is_none_of_ours_is_refused(path: Path) -> None:
    """It is left as it was."""
    path.write_text("something else entirely\n" * 100)
    with pytest.raises(StoreCorruptError, match=path.name):
        WarmBuffer(path=path)

    assert path.read_text().startswith("something else")


def test_a_directory_that_does_not_exist_is_an_error(path: Path) -> None:
    """The error names the file, and is an OSError too."""
    with pytest.raises(StoreUnavailableError, match="nowhere"):
        WarmBuffer(path=path.parent / "nowhere" / path.name)


def test_a_failed_write_adds_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in RAM nor in the file, and the next write is fine."""
    with WarmBuffer(path=path) as buffer:
        buffer.add("user", "one")
        if path.suffix == ".db":
            other = WarmBuffer(path=path.with_name("other.db"))
            buffer._journal._connection.execute("pragma max_page_count = 4")  # type: ignore[union-attr]
            with pytest.raises(StoreUnavailableError, match="full"):
                buffer.add("user", "x" * 100_000)
            other.close()
        else:
            monkeypatch.setattr(os, "fsync", _no_space)
            with pytest.raises(StoreUnavailableError, match="No space"):
                buffer.add("user", "two")
            monkeypatch.undo()
        assert ["one"] == [record.content for record in buffer.records()]
        buffer.add("user", "three")
    with WarmBuffer(path=path) as buffer:
        assert ["one", "three"] == [record.content for record in buffer.records()]


def _no_space(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_what_add_returned_from_survives_a_kill(path: Path) -> None:
    """A process that dies without closing anything loses nothing that it was told is there."""
    code = (
        "import os, sys; from warmgraph.buffer import WarmBuffer; buffer = WarmBuffer(5, path=sys.argv[1])\n"
        "for at in range(20): buffer.add('user', str(at))\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    with WarmBuffer(5, path=path) as buffer:
        assert ["15", "16", "17", "18", "19"] == [record.content for record in buffer.records()]
        assert 21 == buffer.add("user", "20")
    assert -9 == done.returncode


class TestLines:
    def test_a_torn_line_does_not_count(self, tmp_path: Path) -> None:
        """Half a line at the end, as a crash leaves it, is cut off at every length."""
        path = tmp_path / "buffer.jsonl"
        with WarmBuffer(path=path) as buffer:
            buffer.add("user", "one")
            whole = path.read_bytes()
            buffer.add("user", "two")
            more = path.read_bytes()
        for end in range(len(whole), len(more), 7):
            path.write_bytes(more[:end])
            with WarmBuffer(path=path) as buffer:
                assert ["one"] == [record.content for record in buffer.records()]
                buffer.add("user", "three")
            with WarmBuffer(path=path) as buffer:
                assert ["one", "three"] == [record.content for record in buffer.records()]

    def test_the_file_does_not_grow_for_ever(self, tmp_path: Path) -> None:
        """It is written anew when most of its lines are of no use."""
        path = tmp_path / "buffer.jsonl"
        with WarmBuffer(2, path=path) as buffer:
            for at in range(MANY_LINES + 50):
                buffer.add("user", str(at))
            buffer._check()
        lines = path.read_bytes().splitlines()

        assert len(lines) < 100
        assert [path] == list(tmp_path.iterdir())
        with WarmBuffer(2, path=path) as buffer:
            assert [str(MANY_LINES + 48), str(MANY_LINES + 49)] == [each.content for each in buffer.records()]

    def test_a_person_can_read_it(self, tmp_path: Path) -> None:
        """One line of JSON for each write."""
        path = tmp_path / "buffer.jsonl"
        with WarmBuffer(path=path) as buffer:
            buffer.add("user", "Hi", metadata={"a": 1})
        entry: dict[str, Any] = json.loads(path.read_text())

        assert ["add", "drop", "next"] == list(entry)
        assert ("Hi", {"a": 1}) == (entry["add"][0]["content"], entry["add"][0]["metadata"])

    def test_a_damaged_line_is_named(self, tmp_path: Path) -> None:
        """A line in the middle that is no JSON of ours is an error, not a loss."""
        path = tmp_path / "buffer.jsonl"
        with WarmBuffer(path=path) as buffer:
            buffer.add("user", "one")
        path.write_bytes(b"{}\n" + path.read_bytes())
        with pytest.raises(StoreError, match="line 1"):
            WarmBuffer(path=path)
