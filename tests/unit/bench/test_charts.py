"""Charts: the same figures give the same file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from warmgraph.bench.charts import Panel, check_chart, write_chart
from warmgraph.errors import InvalidArgumentError, MissingDependencyError

_PANELS = [
    Panel("search", "microseconds", {"ours": 20.0, "theirs": 12_345.6}, ["ours"]),
    Panel("get", "microseconds", {"ours": 1.5}, ["ours"]),
    Panel("put", "microseconds", {"theirs": 7.0}),
]


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_chart_drawn_twice_is_the_same_file(tmp_path: Path, suffix: str) -> None:
    """A chart that is committed changes when its figures do, and at no other time."""
    pytest.importorskip("matplotlib")
    files = [tmp_path / "deep" / f"{name}{suffix}" for name in ("one", "two")]

    for file in files:
        write_chart(file, "Stores", _PANELS, "a note")

    assert files[0].read_bytes() == files[1].read_bytes()
    if suffix == ".svg":
        text = files[0].read_text(encoding="utf-8")
        assert [] == [said for said in ("Stores", "search", "theirs", "12,346", "a note") if said not in text]
        assert "dc:date" not in text


def test_a_chart_that_cannot_be_written_is_refused_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the file and the package that draws are looked at before anything is measured."""
    with pytest.raises(InvalidArgumentError, match=r"\.svg or \.png"):
        check_chart(tmp_path / "chart.gif")

    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(MissingDependencyError, match=r"warmgraph\[bench\]"):
        check_chart(tmp_path / "chart.svg")
