"""How many vectors make which way the fastest, and how much of an index a search looks at."""

from __future__ import annotations

import math
from dataclasses import dataclass

from warmgraph.index.looking import Wider

__all__ = ["Plan"]

_FULL = 2_000
"""Cells up to which the shares of a plan hold. Of more, no more are near a query."""

_MANY = 12_000
"""Vectors in one cell from which more of them are compared exactly."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The numbers that `RoutedIndex` goes by; the defaults are measured on embedded WordNet glosses (MiniLM, 384).

    Attributes:
        codes_from: Vectors from which sign codes are made. Below, comparing all of them is faster, and exact.
        routed_from: Vectors from which a refit makes cells. Of 60,000 comparing all codes takes 0.52 ms on average, and
            0.68 at worst but for one in a hundred; with cells it is 0.49 and 0.93 (of 80,000: 0.68 and 0.93, 0.54 and
            1.01; of 30,000: 0.33 and 0.48, 0.44 and 1.00).
        estimated_from: Vectors from which `RoutedIndex.estimates` tells scores from codes: 1.4 ms at 100,000 where all
            scores take 12. Up to there the vectors stay in the processor's cache.
        mapped_from: Vectors from which a store lets them lie on disk: each such index takes two file descriptors, of
            which a process has a thousand.
        bits: Bits of a code, a multiple of 64.
        nlist: Cells; `None` for `cells(vectors)`.
        probed: Share of all cells that is probed.
        fewest: Cells that are probed at least.
        reranked: Vectors compared exactly for ten hits: a fifth to twice as many, by `slack`.
        slack: Bits by which a code may be farther from the query's than that of the k-th nearest for its vector to be
            compared exactly; as many as the code has bits, and twice `reranked` are always compared.
        fallback_margin: Where the last hit's score exceeds that of the last cell probed by less than this, the search
            goes on, through the cells that come so near to it.
        fallback_probed: Share of all cells that is probed then, at most.
        fallback_reranked: How many times as many vectors are compared exactly then, at most.
        fallback_slack: Bits by which codes may be farther then, beside `slack`.
        batch: Writes gathered before they get codes and cells. Until then they are compared exactly, which costs a
            search 5 us.
        seed: Of rotation and cells.

    Example:
        >>> plan = Plan()
        >>> plan.cells(100_000), plan.nprobe(1_897), plan.rerank(k=10)
        (1897, 228, 200)
    """

    codes_from: int = 3_000
    routed_from: int = 60_000
    estimated_from: int = 20_000
    mapped_from: int = 10_000
    bits: int = 384
    nlist: int | None = None
    probed: float = 0.12
    fewest: int = 160
    reranked: int = 200
    slack: int = 21
    fallback_margin: float = 0.32
    fallback_probed: float = 0.35
    fallback_reranked: int = 2
    fallback_slack: int = 4
    batch: int = 128
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
        return min(max(self.fewest, self._share(self.probed, nlist)), nlist)

    def fallback(self, nlist: int, k: int, lowest: float) -> Wider:
        """Return what to look at where the first look was unsure: the cells that the margin asks for, or most of them.

        That is three in ten queries at 100,000 vectors, and takes about as long again; together .994 of the true ten
        are found. With at most .22 of the cells, and 3 bits, it is .992, and a worst search of four fifths of the time.

        Args:
            nlist: Number of cells.
            k: How many hits are wanted.
            lowest: Score of the last one that the first look has found.
        """
        nprobe = max(self.nprobe(nlist), self._share(self.fallback_probed, nlist))
        above = lowest - self.fallback_margin
        return Wider(nprobe, above, self.fallback_reranked * self.rerank(k), self.fallback_slack)

    def _share(self, share: float, nlist: int) -> int:
        """Return a share of all cells; of more than `_FULL`, as many as of `_FULL`.

        A million vectors, most of them jittered, are searched in 4.7 times the median of 100,000, and .98 of the true
        ten are found.
        """
        return math.ceil(share * (nlist if share >= 1.0 else min(nlist, _FULL)))

    def rerank(self, k: int, nlist: int = 2, vectors: int = _MANY) -> int:
        """Return how many vectors to compare exactly for `k` hits, as a rule: between a fifth and twice as many are.

        How many is told by `slack`: within 20 bits of the tenth code there are 130 or less for half of all queries, and
        they hold .995 of the true ten at 10,000 vectors, where always 150 hold .991.
        """
        most = max(self.reranked, self.reranked // 2 + 10 * k)
        if nlist > 1:
            return most
        return most * (14 if vectors < _MANY else 17) // 20

    def slack_in(self, nlist: int) -> int:
        """Return how many bits farther than the k-th nearest a code may be: two less where no cell is left out.

        With 19 bits .994 of the true ten are found at 10,000 vectors, and .992 at 3,000; 20 bits take 3 us more. At
        80,000 in cells 20 bits find .990, and 21 bits with a tenth of the cells probed .992 in 6% more time.
        """
        return self.slack if nlist > 1 else self.slack - 2

    def confidence(self, margin: float) -> float:
        """Return the share of the true best that is found at a margin.

        Fitted: .82 at .17, .94 at .22, .98 at .28; measured were .87, .95 and .98.
        """
        return 1.0 / (1.0 + math.exp(-(margin - 0.10) / 0.045))
