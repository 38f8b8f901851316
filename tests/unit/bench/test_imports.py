"""The benchmark of imports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warmgraph.cli import main


def test_it_compares_imports_with_langgraphs_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each import of ours is told with what it adds, and the bar with whether it is kept."""
    assert 0 == main(["bench", "import", "--runs", "1", "--json", str(tmp_path / "import.json")])

    said = capsys.readouterr().out
    assert "import warmgraph: " in said
    assert "the bar of 0.3 s" in said
    figures = json.loads((tmp_path / "import.json").read_text())["figures"]
    ours = {"warmgraph", "WarmStore", "create_memory_agent", "the memory tools"}
    assert {"langgraph.store.base", "langgraph.graph", "langchain_core.tools", *ours} == set(figures) - {"langmem"}
    assert "the bar of 0.45" in said
    assert figures["langgraph.store.base"]["modules"] < figures["warmgraph"]["modules"]
    assert all(found["cpu_seconds"] > 0 for found in figures.values())
