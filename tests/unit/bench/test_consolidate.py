"""The benchmark of consolidation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warmgraph.cli import main


def test_recall_is_told_before_and_after(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the bundled conversations, for which there is no bar: items, turns reached, and what was lost."""
    results = tmp_path / "consolidate.json"
    assert 0 == main(["bench", "consolidate", "--conversations", "1", "--json", str(results)])

    said = capsys.readouterr().out
    assert "points of evidence recall@10" in said
    assert "the bar" not in said
    figures = json.loads(results.read_text(encoding="utf-8"))["figures"]
    assert (109, 28) == (figures["items_before"], figures["questions"])
    assert figures["items_after"] == round(figures["items_ratio"] * 109)
    assert 0 < figures["items_ratio"] < 0.35
    assert figures["recall_at_10_after"] <= figures["recall_of_all_reached"]
    assert 10 < figures["turns_reached"] < 109
