"""The benchmark of upkeep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warmgraph.cli import main


def test_it_weighs_and_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Vectors weigh their bytes more on disk, and every figure is there for both kinds."""
    file = tmp_path / "upkeep.json"
    assert 0 == main(["bench", "upkeep", "--items", "60", "--each", "20", "--json", str(file)])
    assert "bytes of disk" in capsys.readouterr().out
    figures = json.loads(file.read_text())["figures"]
    assert ["words_60", "vectors_60"] == list(figures)
    assert list(figures["words_60"]) == list(figures["vectors_60"])
    assert figures["vectors_60"]["disk_bytes_per_item"] > figures["words_60"]["disk_bytes_per_item"] + 4 * 384
    assert all(figure > 0 for figure in figures["words_60"].values())
