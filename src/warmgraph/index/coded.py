"""Vectors behind sign codes, in one cell or in many: what `RoutedIndex` is made of beyond the exact scan."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from warmgraph.forks import pause
from warmgraph.index.base import BLOCK, BoolArray, FloatArray, IntArray
from warmgraph.index.codebook import Codebook
from warmgraph.index.flat import of_length_1
from warmgraph.index.looking import Asked, Found, Look, Probing, Wider
from warmgraph.index.nearest import nearest, up_to, within
from warmgraph.index.pages import NOBODY, CodePages, chosen
from warmgraph.index.places import Places
from warmgraph.index.rows import VectorRows
from warmgraph.index.signs import SignCoder

__all__ = ["CodedVectors"]

_BATCH = 1024
_UNBIASED = 256
"""Vectors that tell how scores and distances of codes go together, beside the most alike."""

_CROWDED = 6
"""A cell with so many times the usual number of members is split."""

_IDLE = 16
"""A cell with less than this part of the usual number is given up, its members move to the cells next to it."""

_REPAIRS = 1
"""Cells split in one go; one is given up where none is split. Each takes a millisecond, and writes stay short."""


class CodedVectors:
    """Unit vectors with codes in cells.

    Without a codebook there is one cell: every code is compared. A vector's position on the pages is also its row, so
    vectors of one cell lie together, in a file as well.

    Args:
        coder: Makes the codes.
        codebook: Names the cells; `None` for one cell.
        rows: Keeps the exact vectors.
        adapts: Whether crowded cells are split and idle ones given up.
    """

    def __init__(self, coder: SignCoder, codebook: Codebook | None, rows: VectorRows, *, adapts: bool = True) -> None:
        self.coder: SignCoder = coder
        self.codebook: Codebook | None = codebook
        self.rows: VectorRows = rows
        self.pages: CodePages = CodePages(coder.words, 1 if codebook is None else codebook.nlist)
        self.places: Places = Places()
        self.adapts: bool = adapts
        self._gaps: set[int] = set()  # positions whose vectors are gone, until the next `settle`

    def __len__(self) -> int:
        return len(self.places)

    @property
    def nlist(self) -> int:
        """Number of cells."""
        return self.pages.nlist

    @property
    def gaps(self) -> int:
        """Number of removed vectors whose places are not closed yet."""
        return len(self._gaps)

    # -- reading ---------------------------------------------------------------------------------------------------

    def ask(self, query: FloatArray) -> Asked:
        """Return a query of length 1 as `candidates` takes it; it holds until the next write."""
        return Asked(query, self.coder, self.codebook)

    def candidates(self, asked: Asked, probing: Probing, allowed: BoolArray | None = None) -> Found:
        """Return the vectors most like a query, of those that a mask over slots allows."""
        probed, boundary = self._route(asked, probing.nprobe)
        pages = None if probed is None else self.pages.pages_in(probed)
        distances = self.pages.distances(asked.code, pages)
        places = within(distances, probing.k, probing.slack, probing.rerank)
        slots, scores = self._compare(asked.vector, chosen(pages, places), allowed)
        if probed is None or pages is None:
            return Found(slots, scores, 1.0, -1.0, self.nlist, len(distances))
        look = Look(probed, pages, distances, int(distances.take(places).max(initial=0)))
        best = float(asked.cell_scores.max())
        return Found(slots, scores, best, boundary, probing.nprobe, len(distances), look)

    def further(self, asked: Asked, first: Look, probing: Wider, allowed: BoolArray | None = None) -> Found:
        """Return vectors that a look has left out: in more cells, and with codes that are a little farther."""
        bound, most = first.bound + probing.slack, probing.rerank
        places = up_to(first.distances, bound, most, beyond=first.bound)
        positions = chosen(first.pages, places)
        probed, boundary = self._route(asked, probing.nprobe, probing.above)
        count = self.nlist if probed is None else int(np.count_nonzero(probed))
        left = ~first.cells if probed is None else probed & ~first.cells
        left[-1] = False
        pages = self.pages.pages_in(left)
        distances = self.pages.distances(asked.code, pages)
        positions = np.concatenate([positions, chosen(pages, up_to(distances, bound, most))])
        slots, scores = self._compare(asked.vector, positions, allowed)
        return Found(slots, scores, 1.0, boundary, count, len(first.distances) + len(distances))

    def candidates_among(self, asked: Asked, allowed: BoolArray, rerank: int) -> Found:
        """Return the vectors most like a query whose slots are set in a mask; few are all compared exactly."""
        positions = self.places.chosen(allowed)
        count = len(positions)
        if count > 2 * rerank:
            distances = self.pages.distances_at(asked.code, positions)
            positions = positions[nearest(distances, rerank)]
        slots, scores = self._compare(asked.vector, positions)
        return Found(slots, scores, 1.0, -1.0, self.nlist, count)

    def estimated(self, query: FloatArray, size: int, rerank: int, exactly: IntArray) -> FloatArray:
        """Return a score for each slot below `size`: exact where it matters, else told from the codes.

        Scores fall in a line with the distance of codes, near enough: of 384 bits the error is about .04. The line is
        fitted to the vectors that are compared exactly, and to some that are taken without regard to the query.

        Args:
            query: Array of shape (dims,), float32, of length 1.
            size: Length of the answer.
            rerank: How many of the most alike are compared exactly.
            exactly: Slots that are as well.

        Returns:
            Array of shape (size,), float32; -inf where a slot has no vector.
        """
        distances = self.pages.distances(self.coder.encode_one(query))
        owners = self.pages.owners[: len(distances)]
        step = max(len(distances) // _UNBIASED, 1) | 1
        near = nearest(distances, rerank)
        sample = np.concatenate([near, np.arange(0, len(distances), step)])
        sample = sample[owners[sample] != NOBODY]
        slope, height = _line(distances[sample], self.rows.take(sample) @ query)
        values = np.clip(slope * distances + height, -1.0, 1.0).astype(np.float32)
        values[owners == NOBODY] = -np.inf
        scores = np.full(max(size, len(self.places.by_slot)) + 1, -np.inf, np.float32)
        if self.places.repeated:
            np.maximum.at(scores, owners, values)
        else:
            scores[owners] = values  # those of nobody come to the last one, which is cut off
        slots = np.union1d(owners[sample].astype(np.int64), exactly)
        owned, positions = self.places.of(slots)
        scores[owned] = -np.inf
        np.maximum.at(scores, owned, self.rows.take(positions) @ query)
        return scores[:size]

    def exact(self, query: FloatArray, allowed: BoolArray | None = None) -> Found:
        """Return all vectors, or those whose slots are set in a mask, with their scores."""
        if allowed is None:  # in place, empty places too: copying the others would take ten times as long
            total = self.pages.span * self.pages.size
            owners, scores = self.pages.owners[:total], np.vecdot(self.rows.array[:total], query)
            held = owners != NOBODY
            return Found(owners[held].astype(np.int64), scores[held], 1.0, -1.0, self.nlist, total)
        positions = self.places.chosen(allowed)
        slots, scores = self.pages.owners[positions].astype(np.int64), np.empty(len(positions), np.float32)
        for start in range(0, len(positions), _BATCH):
            block = slice(start, start + _BATCH)
            np.vecdot(self.rows.take(positions[block]), query, out=scores[block])
        return Found(slots, scores, 1.0, -1.0, self.nlist, len(positions))

    def vectors_of(self, slot: int) -> FloatArray:
        """Return a copy of a slot's vectors: array of shape (m, dims)."""
        return self.rows.take(np.array(self.places.get(slot), np.int64))

    def contents(self, slots: IntArray) -> tuple[IntArray, FloatArray]:
        """Return copies of the vectors of slots, with the slot of each; slots that hold none are left out."""
        owners, positions = self.places.of(slots)
        return owners, self.rows.take(positions)

    # -- writing ---------------------------------------------------------------------------------------------------

    def reserve(self, vectors: int) -> None:
        """Make room for so many vectors in all."""
        self.pages.reserve_for(vectors)
        self.rows.reserve(len(self.pages.owners))

    def add(self, slots: IntArray, vectors: FloatArray, rest: float = 0.0) -> FloatArray:
        """Add vectors of slots that hold none.

        Args:
            slots: Array of shape (n,), int64; a slot named m times gets m vectors.
            vectors: Array of shape (n, dims), float32.
            rest: Seconds to rest after each step, where others need the interpreter meanwhile.

        Returns:
            Array of shape (n,), float32: how far each vector is from the cell it came to, 1 - cosine.
        """
        errors = np.zeros(len(slots), np.float32)
        positions = np.empty(len(slots), np.int64)
        for start in range(0, len(slots), _BATCH):
            block = slice(start, start + _BATCH)
            positions[block], errors[block] = self._place(slots[block], of_length_1(vectors[block]), rest)
        self.places.put(slots, positions)
        return errors

    def remove(self, slots: Iterable[int]) -> None:
        """Forget the vectors of slots; the gaps are closed by `settle`."""
        for slot in slots:
            for position in self.places.pop(slot):
                self.pages.owners[position] = NOBODY
                self._gaps.add(position)

    def remove_damaged(self, slots: Iterable[int]) -> None:
        """Forget slots whose vectors are no longer those that their cells know; all means are made anew."""
        self.remove(slots)
        self._close_gaps(np.array(sorted(self._gaps), np.int64))
        if self.codebook is not None:
            self.codebook.forget_members()
            taken = self.pages.taken()
            for start in range(0, len(taken), _BATCH):
                part = taken[start : start + _BATCH]
                cells = self.pages.cell_of_page[part // self.pages.size].astype(np.int64)
                self.codebook.partial_fit(self.codebook.project(self.rows.take(part)), cells)

    def settle(self) -> None:
        """Close the gaps, take what is gone out of the means, and mend a few cells."""
        if self._gaps:
            gone = np.array(sorted(self._gaps), np.int64)
            if self.codebook is not None:
                cells = self.pages.cell_of_page[gone // self.pages.size].astype(np.int64)
                self.codebook.partial_fit(self.codebook.project(self.rows.take(gone)), cells, sign=-1)
            self._close_gaps(gone)
        if self.codebook is not None and self.adapts:
            self._mend(self.codebook)

    def _close_gaps(self, gone: IntArray) -> None:
        self._gaps.clear()
        sources, targets = self.pages.close_gaps(gone)
        if len(targets):
            self.rows.array[targets] = self.rows.array[sources]
            self.places.move(self.pages.owners[targets], sources, targets)

    def add_all_of(self, other: CodedVectors) -> None:
        """Add the vectors of another one, a block at a time."""
        slots = other.places.slots()
        for start in range(0, len(slots), BLOCK):
            self.add(*other.contents(slots[start : start + BLOCK]))

    def _place(self, slots: IntArray, vectors: FloatArray, rest: float) -> tuple[IntArray, FloatArray]:
        codes = self.coder.encode(vectors)
        if self.codebook is None:
            cells, errors = np.zeros(len(slots), np.int64), np.zeros(len(slots), np.float32)
        else:
            points = self.codebook.project(vectors)
            cells, near = self.codebook.assign(points)
            errors = 1.0 - near
            pause(rest)
            self.codebook.partial_fit(points, cells)
        pause(rest)
        positions = self.pages.append(cells, codes, slots)
        pause(rest)
        self.rows.reserve(len(self.pages.owners))
        self.rows.array[positions] = vectors
        return positions, errors

    def _mend(self, codebook: Codebook) -> None:
        counts = self.pages.counts[: self.nlist]
        usual = max(len(self.places) / max(self.nlist, 1), 8.0)
        crowded = np.flatnonzero(counts > _CROWDED * usual)
        for cell in crowded[:_REPAIRS].tolist():
            self._split(codebook, cell)
        if not len(crowded) and self.nlist > 2:
            idle = int(counts.argmin())
            if counts[idle] < usual / _IDLE:
                self._give_up(codebook, idle)

    def _split(self, codebook: Codebook, cell: int) -> None:
        positions = self.pages.positions(cell)
        leaving = codebook.split(cell, codebook.project(self.rows.take(positions)))
        new = self.pages.add_cell()
        self._move(positions, cell, np.where(leaving, new, cell))

    def _give_up(self, codebook: Codebook, cell: int) -> None:
        positions = self.pages.positions(cell)
        points = codebook.project(self.rows.take(positions))
        codebook.partial_fit(points, np.full(len(points), cell), sign=-1)
        last = codebook.nlist - 1
        codebook.drop(cell)
        cells, _ = codebook.assign(points)
        codebook.partial_fit(points, cells)
        self._move(positions, cell, np.where(cells == cell, last, cells))
        self.pages.drop_cell(cell)

    def _move(self, positions: IntArray, cell: int, cells: IntArray) -> None:
        """Bring all members of a cell to other cells."""
        flat = self.pages.codes.reshape(self.pages.words, -1)
        owners, codes = self.pages.owners[positions].astype(np.int64), flat[:, positions].T
        vectors = self.rows.take(positions)
        self.pages.clear(cell)
        targets = self.pages.append(cells, codes, owners)
        self.rows.reserve(len(self.pages.owners))
        self.rows.array[targets] = vectors
        self.places.move(owners, positions, targets)

    @property
    def ram_bytes(self) -> int:
        """Bytes in RAM that grow with the vectors, with what is reserved."""
        return self.pages.nbytes + self.places.nbytes + self.rows.ram_bytes + 64 * len(self._gaps)

    @property
    def fixed_bytes(self) -> int:
        """Bytes in RAM that do not: rotation, axes, centroids, scratch arrays."""
        codebook = 0 if self.codebook is None else self.codebook.nbytes
        return self.coder.nbytes + codebook + self.pages.scratch_bytes

    # -- within a search -------------------------------------------------------------------------------------------

    def _route(self, asked: Asked, nprobe: int, above: float = -1.0) -> tuple[BoolArray | None, float]:
        """Return a mask over the cells to probe, `None` for all, with the score of the last of them.

        Args:
            asked: The query.
            nprobe: How many, at most.
            above: A score that they have to reach.
        """
        if self.codebook is None or nprobe >= self.nlist:
            return None, -1.0
        scores = asked.cell_scores
        at = len(scores) - nprobe
        ranked = scores.copy()
        ranked.partition(at)
        boundary = max(float(ranked[at]), above)
        probed = np.zeros(len(scores) + 1, np.bool_)  # the last one for pages that belong to no cell
        np.greater_equal(scores, boundary, out=probed[:-1])
        return probed, boundary

    def _compare(
        self, query: FloatArray, positions: IntArray, allowed: BoolArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        """Return the slots at positions that are allowed, and their scores."""
        slots = self.pages.owners.take(positions)
        if allowed is not None or slots.min(initial=0) == NOBODY:
            held = slots != NOBODY
            if allowed is not None:
                held &= slots < len(allowed)
                held &= allowed.take(slots, mode="clip")
            slots, positions = slots[held], positions[held]
        return slots.astype(np.int64), self.rows.take(positions) @ query

    def _check(self) -> None:
        self.pages._check()
        self.places._check()
        taken = self.pages.taken()
        owners = self.pages.owners[taken]
        assert len(taken) == self.places.vectors
        assert len(taken) + len(self._gaps) == int(self.pages.counts[: self.nlist].sum())
        for slot in np.unique(owners).tolist():
            assert sorted(self.places.get(slot)) == taken[owners == slot].tolist()
        vectors = self.rows.take(taken)
        flat = self.pages.codes.reshape(self.pages.words, -1)
        self.coder._check(flat[:, taken].T, vectors)
        if self.codebook is not None:
            members = np.flatnonzero(self.pages.owners[: self.pages.span * self.pages.size] != NOBODY)
            members = np.union1d(members, np.array(sorted(self._gaps), np.int64))
            cells = self.pages.cell_of_page[members // self.pages.size]
            self.codebook._check(self.codebook.project(self.rows.take(members)), cells)


def _line(distances: npt.NDArray[np.uint16], scores: FloatArray) -> tuple[float, float]:
    """Return slope and height of the line that fits scores over distances best."""
    x = distances.astype(np.float64)
    centred = x - x.mean()
    square = float(centred @ centred)
    slope = float(centred @ scores) / square if square else 0.0
    return slope, float(scores.mean()) - slope * float(x.mean())
