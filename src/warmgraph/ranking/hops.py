"""A second recall from what the first one found, for questions whose answer is spread over several memories."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from warmgraph.index import NOBODY, FloatArray
from warmgraph.ranking.scorers import Candidates, HybridScorer, Scorer

__all__ = ["TwoHopScorer"]

_STEP = np.float32(1e-4)


@dataclass(frozen=True, slots=True)
class TwoHopScorer:
    """Ranks, and then looks for what is like the best that it found, in other threads and by the author that is named.

    "Which places has Ana travelled to?" names none of them. What was found first says how such a thing is told, and the
    other places are told alike. On LoCoMo (vectors of all-MiniLM-L6-v2) multi-hop questions gain: .423 -> .459 in
    evidence recall@5 and .561 -> .591 at 10. All others lose: .775 -> .758 and .857 -> .840 over all questions. So it
    is no default: `WarmStore(scorer=TwoHopScorer())` is for questions that mostly ask for lists.
    `warmgraph bench locomo` measures both.

    Without vectors it ranks as the first scorer does.

    Args:
        first: What ranks first.
        starts: How many of the best are looked from.
        kept: How many of the best keep their places before all others.
        weight: Weight of the cosine to the nearest of the starts, times that one's score.

    Example:
        >>> from warmgraph.store import WarmStore
        >>> store = WarmStore(index={"embed": "hashing"}, scorer=TwoHopScorer())
    """

    first: Scorer = field(default_factory=HybridScorer)
    starts: int = 3
    kept: int = 3
    weight: float = 0.4

    @property
    def needs_dense(self) -> bool:
        """As the first scorer, which everything begins with."""
        return self.first.needs_dense

    def score(self, candidates: Candidates) -> FloatArray:
        """Return the scores of the first scorer, and of the second recall on top."""
        scores = self.first.score(candidates)
        if candidates.similar is None or candidates.known is None or len(scores) < 2:
            return scores
        best = np.argsort(-scores, kind="stable")[: max(self.starts, self.kept)]
        best = best[scores[best] > 0]
        near = np.zeros(len(scores), np.float32)
        for start in best[: self.starts].tolist():
            cosines = candidates.similar(start)
            group = candidates.known.threads.group
            elsewhere = group != group[start]
            np.maximum(near, np.where(elsewhere, cosines * scores[start], np.float32(0)), out=near)
        if candidates.author != NOBODY:
            near *= candidates.known.author == candidates.author
        total: FloatArray = scores + np.float32(self.weight) * near
        kept = best[: self.kept]
        others = np.delete(total, kept)
        if len(kept) and len(others):
            floor = others.max() + _STEP * np.arange(len(kept), 0, -1, dtype=np.float32)
            total[kept] = np.maximum(floor, scores[kept])
        return total
