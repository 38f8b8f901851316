"""The benchmark of the durable queue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warmgraph.cli import main


def test_it_tells_what_a_submit_costs_and_how_late_jobs_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside a bare row of SQLite, with delayed jobs in the queue, and whether the bars are kept."""
    sizes = ["--submits", "5", "--delayed", "5", "--due", "2"]
    assert 0 == main(["bench", "reflection", *sizes, "--json", str(tmp_path / "reflection.json")])

    said = capsys.readouterr().out
    assert "times a bare row" in said
    assert "the bars of 1 and 100 ms" in said
    figures = json.loads((tmp_path / "reflection.json").read_text())["figures"]
    assert {"submit_p50_ms", "late_max_ms", "submit_over_bare_row_ratio"} < set(figures)
    assert all(figure > 0 for figure in figures.values())
