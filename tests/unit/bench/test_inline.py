"""The benchmark of clients with memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warmgraph.cli import main


def test_it_compares_a_client_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bare and the wrapped client call the same server, and memory does not fail."""
    file = tmp_path / "inline.json"
    assert 0 == main(["bench", "inline", "--items", "20", "--laps", "2", "--json", str(file)])

    assert "the bar of 3 ms" in capsys.readouterr().out
    figures = json.loads(file.read_text())["figures"]
    assert figures["bare_p50_ms"] > 0
    assert {} == figures["failures"]
