"""One look into codes and cells: what is asked, how much is looked at, and what is found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from warmgraph.index.base import BoolArray, FloatArray, IntArray
from warmgraph.index.codebook import Codebook
from warmgraph.index.signs import CodeArray, SignCoder

__all__ = ["Asked", "Found", "Look", "Probing", "Wider"]

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


class Wider(NamedTuple):
    """How much more a second look goes through.

    Attributes:
        nprobe: Cells probed at most, those of the first look among them.
        above: Score that a cell has to reach.
        rerank: Vectors compared exactly, at most: of the cells of the first look, and of the others.
        slack: Bits by which a code may be farther than any whose vector was compared.
    """

    nprobe: int
    above: float
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


class Look(NamedTuple):
    """What a look went through, for one that goes on from there. It holds until the next look and the next write.

    Attributes:
        cells: Mask over cells, with one more place for pages that belong to none: those probed.
        pages: Array of shape (n,): their pages.
        distances: Array of shape (n * page,), uint16: how far the code of each place is.
        bound: Up to which distance vectors were compared exactly.
    """

    cells: BoolArray
    pages: npt.NDArray[np.intp]
    distances: npt.NDArray[np.uint16]
    bound: int


class Found(NamedTuple):
    """Candidates with exact scores, and what routing knows about them.

    Attributes:
        slots: Array of shape (m,), int64; a slot with several vectors may stand several times.
        scores: Array of shape (m,), float32.
        nearest_cell: Score of the best cell; 1 if nothing was routed.
        boundary: Score of the last cell probed; -1 if all were.
        probed_cells: Cells looked at.
        candidates: Codes compared.
        look: Where a second look may go on; `None` if nothing was left out.
    """

    slots: IntArray
    scores: FloatArray
    nearest_cell: float
    boundary: float
    probed_cells: int
    candidates: int
    look: Look | None = None
