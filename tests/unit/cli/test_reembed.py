"""`warmgraph reembed`: another model for a whole file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from warmgraph.cli import main
from warmgraph.store import RoutedStore

NS = ("memories", "ana")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a file with vectors of 64 dimensions."""
    made = tmp_path / "memory.db"
    index: Any = {"embed": "hashing:64", "fields": ["text"]}
    with RoutedStore(made, index=index) as store:
        for n in range(5):
            store.put(NS, str(n), {"text": f"fact {n}", "content": "the same everywhere"})
    return made


def test_it_embeds_everything_with_another_model(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fields are those of before, both models are named, and search is dense with the new one."""
    assert 0 == main(["reembed", str(path), "--embed", "hashing:32", "--batch", "2"])
    said = capsys.readouterr().out
    assert "5 memories embedded" in said
    assert "hashing-32 (32 dimensions), instead of hashing-64 (64 dimensions)" in said
    index: Any = {"embed": "hashing:32", "fields": ["text"]}
    with RoutedStore(path, index=index) as store:
        assert pytest.approx(1.0) == store.search(NS, query="fact 3")[0].score
        assert not store.stats().ranks_by_words


def test_fields_can_be_chosen(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--fields` says what is embedded; the result can be had as JSON."""
    assert 0 == main(["reembed", str(path), "--embed", "hashing:32", "--fields", "content", "--json"])
    done = json.loads(capsys.readouterr().out)
    assert {
        "model": "hashing-32 (32 dimensions)",
        "previous": "hashing-64 (64 dimensions)",
        "embedded": 5,
        "left": 0,
        "fields": ["content"],
    } == done
    with RoutedStore(path) as store:
        assert ("content",) == store.stats().vector_fields


def test_a_missing_file_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name is an error, and an unknown model too."""
    assert 1 == main(["reembed", str(tmp_path / "no.db"), "--embed", "hashing"])
    assert "there is no such file" in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())


def test_an_unknown_model_is_refused(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is changed."""
    assert 1 == main(["reembed", str(path), "--embed", "nonsense"])
    assert "embed: expected 'hashing'" in capsys.readouterr().err
    with RoutedStore(path) as store:
        assert "hashing-64 (64 dimensions)" == store.stats().vector_model
