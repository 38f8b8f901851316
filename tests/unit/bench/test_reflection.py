"""The benchmark of the durable queue."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from warmgraph.cli import main


def test_it_tells_what_a_submit_costs_and_how_late_jobs_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside a bare row of SQLite, with delayed jobs in the queue, and whether the bars are kept."""
    sizes = ["--calls", "2", "--submits", "5", "--delayed", "5", "--due", "2"]
    assert 0 == main(["bench", "reflection", *sizes, "--json", str(tmp_path / "reflection.json")])

    said = capsys.readouterr().out
    assert "times a bare row" in said
    assert ["5 ms", "5 ms", "1 ms", "100 ms"] == re.findall(r"the bar of (\d+ ms)", said)
    figures = json.loads((tmp_path / "reflection.json").read_text())["figures"]
    assert {
        "manager_call_p50_ms",
        "store_manager_call_p50_ms",
        "submit_p50_ms",
        "late_max_ms",
        "submit_over_bare_row_ratio",
    } < set(figures)
    assert all(figure > 0 for name, figure in figures.items() if name != "langmem")
