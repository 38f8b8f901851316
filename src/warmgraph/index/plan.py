"""How many vectors make which way the fastest, and how much of an index a search looks at."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The numbers that `RoutedIndex` goes by; the defaults are measured on embedded WordNet glosses (MiniLM, 384).

    Attributes:
        codes_from: Vectors from which sign codes are made. Below, comparing all of them is faster, and exact.
        routed_from: Vectors from which a refit makes cells.
        bits: Bits of a code, a multiple of 64.
        nlist: Cells; `None` for `cells(vectors)`.
        probed: Share of all cells that is probed.
        reranked: Vectors compared exactly for ten hits.
        fallback_margin: All cells are searched where the last hit's score exceeds that of the last cell probed by
            less than this.
        batch: Writes gathered before they get codes and cells. Until then they are compared exactly, which costs a
            search 5 us.
        seed: Of rotation and cells.

    Example:
        >>> plan = Plan()
        >>> plan.cells(100_000), plan.nprobe(1_897), plan.rerank(k=10)
        (1897, 190, 300)
    """

    codes_from: int = 3_000
    routed_from: int = 16_000
    bits: int = 320
    nlist: int | None = None
    probed: float = 0.10
    reranked: int = 250
    fallback_margin: float = 0.24
    batch: int = 64
    seed: int = 0

    def cells(self, vectors: int) -> int:
        """Return how many cells to make.

        Six times the square root: small cells lose less at the same number of codes compared (recall .9824 against
        .9584 with 1,024 and with 256 cells of 23,000 vectors, an eighth compared), larger ones take less RAM.
        """
        if self.nlist is not None:
            return min(self.nlist, vectors)
        return max(1, int(6 * math.sqrt(vectors)))

    def sample(self, vectors: int) -> int:
        """Return how many vectors to make rotation and cells from."""
        return max(8_192, 12 * self.cells(vectors))

    def nprobe(self, nlist: int) -> int:
        """Return how many cells to probe."""
        return max(1, math.ceil(self.probed * nlist))

    def rerank(self, k: int) -> int:
        """Return how many vectors to compare exactly for `k` hits."""
        return max(self.reranked, self.reranked // 2 + 15 * k)

    def confidence(self, margin: float) -> float:
        """Return the share of the true best that is found at a margin, as measured."""
        return 1.0 / (1.0 + math.exp(-(margin - 0.10) / 0.045))
