"""The chart of what a warm tier spares, and what that costs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from warmgraph.bench.charts import check_chart

__all__ = ["draw_trade_off"]

_COLOURS = {"peek": "#94a3b8", "calibrated": "#c2410c"}


def draw_trade_off(
    path: Path, figures: Mapping[str, Mapping[str, Any]], sweeps: Mapping[str, Sequence[Mapping[str, float]]]
) -> None:
    """Draw hits over gross loss, a panel for each schedule: a line over taus, an arrow from each fixed cell to ours.

    The same bytes for the same figures.

    Args:
        path: The file, .svg or .png.
        figures: By router and cell.
        sweeps: Hits and gross loss of a fixed tau after the other, by schedule.

    Raises:
        As `check_chart`; OSError, if the file cannot be written.
    """
    check_chart(path)
    matplotlib: Any = importlib.import_module("matplotlib")
    figure_class: Any = importlib.import_module("matplotlib.figure").Figure
    path.parent.mkdir(parents=True, exist_ok=True)
    schedules = list(dict.fromkeys(name.split()[1] for cells in figures.values() for name in cells))
    with matplotlib.rc_context({"svg.hashsalt": "warmgraph", "svg.fonttype": "none", "font.size": 8}):
        figure = figure_class(figsize=(4.2 * len(schedules), 3.8), layout="constrained")
        figure.suptitle("Questions answered warm over the recall lost by it; one point for each size and policy")
        panels = figure.subplots(1, len(schedules), squeeze=False)[0]
        for schedule, axes in zip(schedules, panels, strict=True):
            for router, cells in figures.items():
                chosen = [cell for name, cell in cells.items() if name.split()[1] == schedule]
                axes.scatter(
                    [cell["gross_percent"] for cell in chosen],
                    [cell["hits_ratio"] for cell in chosen],
                    s=14,
                    color=_COLOURS[router],
                    label={"peek": "fixed tau", "calibrated": "calibrated"}[router],
                    zorder=3,
                )
            swept = sweeps.get(schedule, ())
            if swept:
                points = [(each["gross_percent"], each["hits_ratio"]) for each in swept]
                axes.plot(*zip(*points, strict=True), color="#0f766e", linewidth=1.2, marker=".", markersize=4)
                for each, point in zip(swept, points, strict=True):
                    axes.annotate(f"{each['tau']:+.2f}", point, xytext=(3, -7), textcoords="offset points", fontsize=6)
            axes.axvline(1, color="#cbd5e1", linewidth=0.8, linestyle="--")
            axes.set_title(schedule, loc="left", fontsize=9)
            axes.set_xlabel("gross loss, % of evidence recall@5")
            axes.set_ylabel("hits, share of questions")
            axes.set_ylim(0, 1.02)
            axes.spines[["top", "right"]].set_visible(False)
        panels[0].legend(frameon=False, fontsize=7, loc="lower right")
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
