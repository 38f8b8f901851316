"""Line charts of what was measured of indexes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from warmgraph.errors import MissingDependencyError

__all__ = ["Chart", "draw", "growth_chart"]

_OURS, _PEERS = ("#c2410c", "#0f766e", "#7c3aed", "#ca8a04"), "#94a3b8"


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over a common axis.

    Args:
        title: Above it.
        x: What lies along the bottom.
        y: What lies along the side.
        lines: Points by name.
        peers: The names drawn in grey.
        log_x: Whether the bottom is logarithmic.
        log_y: Whether the side is.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    peers: Sequence[str] = ()
    log_x: bool = True
    log_y: bool = False


def draw(path: Path, chart: Chart) -> None:
    """Draw a chart, the same bytes for the same figures.

    Args:
        path: The file, .svg or .png; its directory is made if it is missing.
        chart: What to draw.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        OSError: The file cannot be written.
    """
    if find_spec("matplotlib") is None:
        raise MissingDependencyError("matplotlib", extra="bench")
    matplotlib: Any = importlib.import_module("matplotlib")
    figure_class: Any = importlib.import_module("matplotlib.figure").Figure
    path.parent.mkdir(parents=True, exist_ok=True)
    # Ids within an SVG are hashes of this salt, which is random otherwise; text stays text.
    with matplotlib.rc_context({"svg.hashsalt": "warmgraph", "svg.fonttype": "none", "font.size": 8}):
        figure = figure_class(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        ours = [name for name in chart.lines if name not in chart.peers]
        for name, points in chart.lines.items():
            mine = name in ours
            colour = _OURS[ours.index(name) % len(_OURS)] if mine else _PEERS
            axes.plot(
                *zip(*points, strict=True), marker="o", markersize=3, linewidth=1.8 if mine else 0.8, color=colour
            )
            axes.annotate(name, points[-1], xytext=(4, 0), textcoords="offset points", fontsize=7, color=colour)
        if chart.log_x:
            axes.set_xscale("log")
        if chart.log_y:
            axes.set_yscale("log")
        axes.margins(x=0.2)
        axes.set_xlabel(chart.x)
        axes.set_ylabel(chart.y)
        axes.set_title(chart.title, loc="left", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})


def growth_chart(found: Sequence[Mapping[str, Any]], power: float, figures: Mapping[str, Any]) -> Chart:
    """Return the chart of median search times over the number of vectors, the peers that were compared beside ours.

    Args:
        found: The part growth.
        power: Its exponent.
        figures: All figures; comparisons among them give the peers' points.
    """
    peers: dict[str, list[tuple[float, float]]] = {}
    for key, outcomes in figures.items():
        if key.startswith("compare_"):
            for outcome in outcomes:
                if "warmgraph" not in outcome["name"]:
                    point = (float(key.removeprefix("compare_")), outcome["p50_us"])
                    peers.setdefault(outcome["name"], []).append(point)
    ours = {f"RoutedIndex, N^{power:.2f}": [(each["items"], each["p50_us"]) for each in found]}
    lowest = min(each["recall"] for each in found)
    title = f"Median search over the number of vectors; ours at a recall of {lowest:.3f} or more"
    return Chart(title, "vectors", "microseconds", {**peers, **ours}, peers=list(peers), log_y=True)
