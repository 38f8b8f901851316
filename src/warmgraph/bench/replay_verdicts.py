"""What was replayed, beside the reference script, and whether it is what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warmgraph.bench.replay_anchors import Anchor
from warmgraph.bench.report import Table

__all__ = ["table_of", "verdicts"]

HITS_APART, GROSS_ABOVE = 0.03, 0.3
MOST_GROSS, AIMED_GROSS = 2.0, 1.0
LEAST_SPARED = 0.4

Figures = Mapping[str, Mapping[str, Any]]


def table_of(figures: Mapping[str, Figures], anchors: Mapping[str, Anchor], tau: float) -> Table:
    """Return all cells, with what the script has for each."""
    names = list(dict.fromkeys(name for cells in figures.values() for name in cells))
    columns = ["group, schedule, warm items, eviction"]
    if anchors:
        columns += ["script hits", "gross %"]
    if "peek" in figures:
        columns += ["peek hits", "net %", "gross %"]
    if "calibrated" in figures:
        columns += ["calibrated hits", "net %", "gross %", "it says", "checked", "embedded"]
    columns.append("R@5 long term")
    rows = []
    for name in names:
        row = [name]
        if anchors:
            anchor = anchors.get(name)
            row += ["", ""] if anchor is None else [f"{anchor.hits_ratio:.3f}", f"{anchor.gross_percent:.2f}"]
        for router in figures:
            cell = figures[router][name]
            row += [f"{cell['hits_ratio']:.3f}", f"{cell['net_percent']:+.2f}", f"{cell['gross_percent']:.2f}"]
            if router == "calibrated":
                row += [
                    f"{cell['told_percent'][1]:.1f}-{cell['told_percent'][2]:.1f}",
                    f"{cell['checked_ratio']:.2f}",
                    f"{cell['embedded_ratio']:.2f}",
                ]
        rows.append([*row, f"{next(iter(figures.values()))[name]['full_recall_at_5']:.3f}"])
    return Table(
        columns,
        rows,
        title=f"Lexical peek at tau {tau:+.2f}, and calibrated",
        note="peek: every question is embedded, so that both tiers rank alike, as in the script.\n"
        "calibrated: the store as it is, which embeds when words leave a doubt; 'it says' is the interval of the loss\n"
        "that the router reports.",
    )


def verdicts(figures: Mapping[str, Figures], anchors: Mapping[str, Anchor], tau: float) -> list[str]:
    """Return a line for each thing that was asked for: whether it holds, and where it does not."""
    said = []
    peek, calibrated = figures.get("peek", {}), figures.get("calibrated", {})
    known = [name for name in peek if name in anchors]
    if known:
        apart = {name: abs(peek[name]["hits_ratio"] - anchors[name].hits_ratio) for name in known}
        above = {name: peek[name]["gross_percent"] - anchors[name].gross_percent for name in known}
        said.append(_line(f"peek: hits within {HITS_APART} of the script", apart, HITS_APART))
        said.append(_line(f"peek: gross at most {GROSS_ABOVE} points above the script", above, GROSS_ABOVE))
    both = [name for name in calibrated if name in peek]
    if both:
        more = sum(calibrated[name]["hits_ratio"] > peek[name]["hits_ratio"] for name in both)
        word = "met" if 2 * more >= len(both) else "missed"
        said.append(
            f"{word}: calibrated has more hits than tau {tau:+.2f} in half of the cells ({more} of {len(both)})"
        )
    if calibrated:
        gross = {name: cell["gross_percent"] for name, cell in calibrated.items()}
        said.append(_line(f"calibrated: gross at most {MOST_GROSS:g}%", gross, MOST_GROSS))
        within = sum(each <= AIMED_GROSS for each in gross.values())
        said.append(f"calibrated: gross at most {AIMED_GROSS:g}%, which is aimed at, in {within} of {len(gross)} cells")
        spared = {
            name: 1 - cell["embedded_ratio"]
            for name, cell in calibrated.items()
            if cell["gross_percent"] <= AIMED_GROSS
        }
        enough = [name for name, share in spared.items() if share >= LEAST_SPARED]
        best = max(spared.values(), default=0.0)
        said.append(
            f"{'met' if enough else 'missed'}: {LEAST_SPARED:.0%} of the questions need no embedding at <= "
            f"{AIMED_GROSS:g}% gross in {len(enough)} of {len(calibrated)} cells, up to {best:.0%}"
        )
    return said


def _line(what: str, found: Mapping[str, float], most: float) -> str:
    over = [name for name, value in found.items() if value > most + 1e-9]
    worst = max(found, key=lambda name: found[name])
    where = f"in all of {len(found)} cells" if not over else f"not in {len(over)} of {len(found)} cells"
    return f"{'missed' if over else 'met'}: {what}, {where}; the worst is {found[worst]:.3f} ({worst})"
