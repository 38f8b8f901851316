"""The benchmark of the page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from warmgraph.bench.page import CHROMIUM
from warmgraph.cli import main

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.skipif(
    not any(map(shutil.which, CHROMIUM)) or not shutil.which("chromedriver"),
    reason="there is no Chromium with its chromedriver on this machine",
)
def test_it_times_the_page_at_two_widths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the browser measured, and whether anything overhangs."""
    file = tmp_path / "page.json"
    assert 0 == main(["bench", "page", "--items", "30", "--loads", "2", "--json", str(file)])

    assert "the bar of 300 ms" in capsys.readouterr().out
    figures = json.loads(file.read_text())["figures"]
    assert 0 < figures["phone_first_paint_p50_ms"] <= figures["phone_memories_shown_p50_ms"]
    assert (0, 0) == (figures["phone_pixels_too_wide"], figures["desk_pixels_too_wide"])
