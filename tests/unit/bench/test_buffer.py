"""The benchmark of buffers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from warmgraph.cli import main


def test_ours_is_timed_with_and_without_the_peer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where WarmMemory is not installed there is nothing to compare with, and the benchmark says so."""
    monkeypatch.setitem(sys.modules, "warm_memory", None)
    file = tmp_path / "buffer.json"
    assert 0 == main(["bench", "buffer", "--items", "20", "--laps", "2", "--json", str(file)])

    figures = json.loads(file.read_text())["figures"]
    assert figures["WarmBuffer_add_p50_us"] > 0
    assert figures["WarmBuffer_relevant_p50_us"] > 0
    assert "WarmMemory is not installed" in capsys.readouterr().out


def test_both_are_raced(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside WarmMemory there are ratios, and a verdict on the bar."""
    pytest.importorskip("warm_memory")
    assert 0 == main(["bench", "buffer", "--items", "20", "--laps", "2"])
    assert "the bar of 100" in capsys.readouterr().out
