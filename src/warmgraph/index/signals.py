"""What a search knows about its own answer, and an index about its shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from warmgraph.index.base import Hits, IndexStats

__all__ = ["RoutedHits", "RoutedStats", "SearchSignals", "gini"]


@dataclass(frozen=True, slots=True)
class SearchSignals:
    """How sure a search is.

    Attributes:
        confidence: Estimated share of the true best that was found, in [0, 1]; 1 where every code was compared.
        margin: Score of the last hit minus the score of the last cell probed; large where nothing can have been missed.
        quantization_error: 1 - score of the nearest cell: how far the query is from everything known. 0 without cells.
        probed_cells: Cells looked at; 1 where there are none.
        candidates: Codes compared.
        fallback: Whether the margin was too small at first, and the search was repeated over more cells.
    """

    confidence: float
    margin: float
    quantization_error: float
    probed_cells: int
    candidates: int
    fallback: bool


class RoutedHits(NamedTuple):
    """Hits with signals."""

    hits: Hits
    signals: SearchSignals


@dataclass(frozen=True, slots=True)
class RoutedStats(IndexStats):
    """Size and shape of a routed index.

    Attributes:
        mode: "flat", "codes" or "routed".
        nlist: Cells; 0 without codes.
        gini: How unevenly vectors are spread over cells, in [0, 1): 0 is evenly.
        dead_cells: Cells without a vector.
        fixed_bytes: The part of `ram_bytes` that does not grow with items: rotation, axes, centroids, scratch arrays.
        refit_due: Whether a refit would make it better: see `RoutedIndex.refit`.
    """

    mode: str
    nlist: int
    gini: float
    dead_cells: int
    fixed_bytes: int
    refit_due: bool

    @property
    def ram_bytes_per_vector(self) -> float:
        """RAM that a vector takes, beyond what is fixed."""
        return (self.ram_bytes - self.fixed_bytes) / max(self.vectors, 1)


def gini(counts: npt.NDArray[np.int64]) -> float:
    """Return the Gini coefficient of the sizes of cells.

    Example:
        >>> gini(np.array([5, 5, 5])), gini(np.array([0, 0, 0, 12]))
        (0.0, 0.75)
    """
    total = counts.sum()
    if not total:
        return 0.0
    ranked, number = np.sort(counts).astype(np.float64), len(counts)
    weighted = (np.arange(1, number + 1) * ranked).sum()
    return float(2 * weighted / (number * total) - (number + 1) / number)
