"""What the reference script of the LoCoMo pack measures, to compare `warmgraph bench replay` with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from warmgraph.bench.conversations import PackError

__all__ = ["DEVELOPMENT_QUESTIONS", "Anchor", "development_anchors", "read_anchors"]

DEVELOPMENT_QUESTIONS = 1_336
"""Questions with evidence in the development part of the pack, of which the anchors here are."""


class Anchor(NamedTuple):
    """A cell of the script's table.

    Args:
        hits_ratio: Share of the questions answered warm.
        gross_percent: Recall lost by that.
    """

    hits_ratio: float
    gross_percent: float


def development_anchors() -> dict[str, Anchor]:
    """Return the script's figures for the development part, by "group schedule capacity policy"."""
    return _anchors(_DEVELOPMENT)


def read_anchors(file: Path) -> dict[str, Anchor]:
    """Read what the script printed for other conversations: `python replay.py DIR --stem simple > FILE`.

    Raises:
        PackError: The file cannot be read, or has no such table.
    """
    try:
        found = _anchors(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, IndexError) as error:
        raise PackError(f"--anchors: {file}: {error}") from error
    if not found:
        raise PackError(f"--anchors: {file}: no line of it begins with each or pooled")
    return found


def _anchors(table: str) -> dict[str, Anchor]:
    rows = [line.split() for line in table.splitlines() if line.startswith(("each", "pooled"))]
    return {" ".join(row[:4]): Anchor(float(row[4]), float(row[6])) for row in rows}


# `replay.py DIR --stem simple` on the development part: the same definitions with a lexical index, a recipe and a warm
# tier of its own, in numpy. Columns: group, schedule, capacity, policy, hits, net %, gross %, R@5 of the full tier.
_DEVELOPMENT = """
each    inter          32  fifo        0.637   +0.95    0.16   0.8143
each    inter          32  importance  0.563   +0.70    0.35   0.8143
each    inter         128  fifo        0.753   +0.63    0.10   0.8143
each    inter         128  importance  0.760   +0.52    0.05   0.8143
each    inter         256  fifo        0.844   +0.27    0.08   0.8143
each    inter         256  importance  0.856   +0.16    0.00   0.8143
each    inter         512  fifo        0.984   +0.06    0.03   0.8143
each    inter         512  importance  0.978   +0.09    0.00   0.8143
each    zipf           32  fifo        0.281   +0.17    0.39   0.8002
each    zipf           32  importance  0.270   -0.20    0.57   0.8002
each    zipf          128  fifo        0.576   +0.30    0.45   0.8002
each    zipf          128  importance  0.566   +0.17    0.77   0.8002
each    zipf          256  fifo        0.751   +0.13    0.30   0.8002
each    zipf          256  importance  0.759   -0.26    0.47   0.8002
each    zipf          512  fifo        0.969   +0.11    0.03   0.8002
each    zipf          512  importance  0.967   +0.09    0.00   0.8002
each    post           32  fifo        0.029   -0.24    0.24   0.7666
each    post           32  importance  0.035   -0.24    0.24   0.7666
each    post          128  fifo        0.139   -0.20    0.43   0.7666
each    post          128  importance  0.147   -0.20    0.43   0.7666
each    post          256  fifo        0.320   -0.44    0.96   0.7666
each    post          256  importance  0.362   -1.00    1.36   0.7666
each    post          512  fifo        0.782   -0.52    0.81   0.7666
each    post          512  importance  0.799   -0.68    0.93   0.7666
pooled  inter         128  fifo        0.656   +1.15    0.24   0.8002
pooled  inter         128  importance  0.657   +1.21    0.25   0.8002
pooled  inter         512  fifo        0.762   +0.94    0.14   0.8002
pooled  inter         512  importance  0.766   +0.46    0.22   0.8002
pooled  zipf          128  fifo        0.341   +0.99    0.16   0.7754
pooled  zipf          128  importance  0.338   +0.47    0.50   0.7754
pooled  zipf          512  fifo        0.567   +1.09    0.16   0.7754
pooled  zipf          512  importance  0.571   +0.33    0.44   0.7754
pooled  post          128  fifo        0.022   -0.12    0.12   0.7312
pooled  post          128  importance  0.022   -0.21    0.21   0.7312
pooled  post          512  fifo        0.092   +0.05    0.18   0.7312
pooled  post          512  importance  0.095   -0.03    0.20   0.7312
"""
