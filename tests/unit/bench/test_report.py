"""Reports: tables for people, figures for files."""

from __future__ import annotations

import json
import math
from pathlib import Path

from warmgraph.bench import Report, Table, percentile, write_json


def test_columns_line_up_whatever_is_in_them() -> None:
    """The first column stands left, numbers stand right, and wide characters count twice."""
    table = Table(["user", "@5"], [["ana", ".5"], ["住在", "1.00"]], title="By user", note="two\nlines")

    assert table.render().splitlines() == [
        "By user",
        "  user    @5",
        "  ----  ----",
        "  ana     .5",
        "  住在  1.00",
        "  two",
        "  lines",
    ]


def test_a_table_without_rows_shows_its_headings() -> None:
    """An empty table renders, too."""
    assert Table(["a", "b"], []).render() == "  a  b\n  -  -"


def test_a_report_holds_what_is_needed_to_run_it_again() -> None:
    """What goes to a file: settings, environment and figures, not the tables."""
    report = Report("turn", {"runs": 3}, {"turn_ms": 1.5}, [Table(["a"], [["1"]])], "fast")

    written = report.to_json()

    assert {"benchmark", "settings", "environment", "figures"} == set(written)
    assert written["environment"]["langgraph"]
    assert report.render() == "  a\n  -\n  1\n\nfast"


def test_files_are_readable_and_hold_no_more_digits_than_were_measured(tmp_path: Path) -> None:
    """Floats are cut, what could not be measured is null, and the directory is made."""
    file = tmp_path / "results" / "turn.json"

    write_json(file, {"ms": 1 / 3, "none": math.nan, "deep": [{"user": "Tomé", "hit": True}]})

    assert json.loads(file.read_text(encoding="utf-8")) == {
        "ms": 0.3333,
        "none": None,
        "deep": [{"user": "Tomé", "hit": True}],
    }
    assert "Tomé" in file.read_text(encoding="utf-8")


def test_percentiles_are_interpolated() -> None:
    """A percentile between two values lies between them; of nothing there is none."""
    assert 1.9 == percentile([2.0, 1.0], 0.9)
    assert 7.0 == percentile([7.0], 0.95)
    assert math.isnan(percentile([], 0.5))
