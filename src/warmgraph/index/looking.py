"""One look into codes and cells: what is asked, how much is looked at, and what is found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from warmgraph.index.base import FloatArray, IntArray
from warmgraph.index.codebook import Codebook
from warmgraph.index.signs import CodeArray, SignCoder

__all__ = ["Asked", "Found", "Probing"]

_NO_SCORES = np.empty(0, np.float32)


class Probing(NamedTuple):
    """How much of the index a search looks at.

    Attributes:
        nprobe: Cells probed.
        k: Hits wanted; of what is looked at, where some of it does not count.
        rerank: Vectors compared exactly, as a rule.
        slack: Bits by which a code may be farther than the k-th nearest for its vector to be among them.
    """

    nprobe: int
    k: int
    rerank: int
    slack: int


class Asked:
    """A query, with what each look for it needs: made when first needed, and once.

    Args:
        vector: Array of shape (dims,), float32, of length 1 or 0.
        coder: Makes its code.
        codebook: Names the cells, if there are any.
    """

    __slots__ = ("_code", "_codebook", "_coder", "_scores", "vector")

    def __init__(self, vector: FloatArray, coder: SignCoder, codebook: Codebook | None) -> None:
        self.vector: FloatArray = vector
        self._coder, self._codebook = coder, codebook
        self._code: CodeArray | None = None
        self._scores: FloatArray | None = None

    @property
    def code(self) -> CodeArray:
        """The code of the query: array of shape (words, 1), uint64."""
        if self._code is None:
            self._code = self._coder.encode_one(self.vector)
        return self._code

    @property
    def cell_scores(self) -> FloatArray:
        """How near each cell is: array of shape (nlist,), float32; empty without cells."""
        if self._scores is None:
            codebook = self._codebook
            self._scores = _NO_SCORES if codebook is None else codebook.scores(codebook.project(self.vector))
        return self._scores


class Found(NamedTuple):
    """Candidates with exact scores, and what routing knows about them.

    Attributes:
        slots: Array of shape (m,), int64; a slot with several vectors may stand several times.
        scores: Array of shape (m,), float32.
        nearest_cell: Score of the best cell; 1 if nothing was routed.
        boundary: Score of the last cell probed; -1 if all were.
        probed_cells: Cells looked at.
        candidates: Codes compared.
    """

    slots: IntArray
    scores: FloatArray
    nearest_cell: float
    boundary: float
    probed_cells: int
    candidates: int
