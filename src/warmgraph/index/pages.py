"""The codes of all items, cell by cell, in pages of one size."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from warmgraph.index.base import IntArray
from warmgraph.index.signs import CodeArray

__all__ = ["NOBODY", "PAGE", "CodePages"]

PAGE = 8
"""Codes on a page. A cell's last page is half empty on average, so small pages save RAM: with 40 items a cell, pages
of 8 leave a tenth empty, pages of 16 a fifth. Gathering 12,000 codes of 384 bits takes 30 us from pages of 8, 19 us
from pages of 16."""

NOBODY = -1
"""In place of an owner or a cell: there is none."""

_BLOCK = 8192 // PAGE
"""Pages compared at a time: their codes and counts, 450 KB, stay in the processor's cache."""

_GROWTH = 1.125


class CodePages:
    """Codes in cells.

    A cell is a list of pages, all of them full but the last, so that probed cells are gathered by one `take` along the
    page axis and compared without a call for each cell. A code's *position* is page * PAGE + place on the page. Codes
    are stored word by word, not item by item: XOR, count and sum then run over long contiguous arrays.

    Args:
        words: Words of 64 bits in a code.
        cells: Number of cells.
    """

    def __init__(self, words: int, cells: int = 1) -> None:
        self.words: int = words
        self.size: int = PAGE
        self.codes: CodeArray = np.empty((words, 0, PAGE), np.uint64)
        self.owners: npt.NDArray[np.int32] = np.empty(0, np.int32)  # by position
        self.cell_of_page: npt.NDArray[np.int32] = np.empty(0, np.int32)
        self.counts: IntArray = np.zeros(cells, np.int64)  # by cell
        self.pages: list[list[int]] = [[] for _ in range(cells)]
        self.span: int = 0  # pages that are or were in use
        self._free: list[int] = []
        self._scratch = np.empty(0, np.uint64)
        self._counts = np.empty(0, np.uint8)
        self._distances = np.empty(0, np.uint16)

    # -- reading ---------------------------------------------------------------------------------------------------

    def positions(self, cell: int) -> IntArray:
        """Return the positions of a cell's codes, in order."""
        starts = np.array(self.pages[cell], np.int64) * PAGE
        return (starts[:, None] + np.arange(PAGE)).ravel()[: self.counts[cell]]

    def taken(self) -> IntArray:
        """Return the positions that have an owner."""
        return np.flatnonzero(self.owners[: self.span * PAGE] != NOBODY)

    def pages_in(self, probed: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        """Return the pages of the cells set in a mask of shape (cells + 1,) whose last element is not set."""
        return probed.take(self.cell_of_page[: self.span], mode="wrap").nonzero()[0]

    def distances(self, code: CodeArray, pages: npt.NDArray[np.intp] | None = None) -> npt.NDArray[np.uint16]:
        """Return the Hamming distance of a code to each place on some pages, or on all.

        Args:
            code: Array of shape (words, 1), uint64.
            pages: Array of shape (n,); `None` for all.

        Returns:
            Array of shape (n * PAGE,), uint16; valid until the next call. Empty places hold a far code.
        """
        total = self.span if pages is None else len(pages)
        self._provide(total)
        words, scratch, counts = self.words, self._scratch, self._counts
        found = self._distances[: total * PAGE]
        for start in range(0, total, _BLOCK):
            stop = min(start + _BLOCK, total)
            size = (stop - start) * PAGE
            block = scratch[: words * size]
            flat = block.reshape(words, size)
            if pages is None:
                np.bitwise_xor(self.codes[:, start:stop].reshape(words, size), code, out=flat)
            else:
                # "clip", because "raise" would copy the output once more.
                self.codes.take(pages[start:stop], axis=1, out=block.reshape(words, stop - start, PAGE), mode="clip")
                np.bitwise_xor(flat, code, out=flat)
            ones = counts[: words * size].reshape(words, size)
            np.bitwise_count(flat, out=ones)
            np.add.reduce(ones, axis=0, dtype=np.uint16, out=found[start * PAGE : stop * PAGE])
        return found

    def distances_at(self, code: CodeArray, positions: IntArray) -> npt.NDArray[np.uint16]:
        """Return the Hamming distance of a code to the codes at positions: array of shape (n,), uint16."""
        chosen = self.codes.reshape(self.words, -1).take(positions, axis=1)
        found: npt.NDArray[np.uint16] = np.add.reduce(np.bitwise_count(chosen ^ code), axis=0, dtype=np.uint16)
        return found

    # -- writing ---------------------------------------------------------------------------------------------------

    def append(self, cells: IntArray, codes: CodeArray, owners: IntArray) -> IntArray:
        """Add codes to cells and return their positions.

        Args:
            cells: Array of shape (n,), int64.
            codes: Array of shape (n, words), uint64.
            owners: Array of shape (n,), int64.
        """
        positions = np.empty(len(cells), np.int64)
        order = np.argsort(cells, kind="stable")
        names, starts, sizes = np.unique(cells[order], return_index=True, return_counts=True)
        for cell, start, size in zip(names.tolist(), starts.tolist(), sizes.tolist(), strict=True):
            positions[order[start : start + size]] = self._extend(cell, size)
        self.codes.reshape(self.words, -1)[:, positions] = codes.T
        self.owners[positions] = owners
        return positions

    def close_gaps(self, cell: int) -> tuple[IntArray, IntArray]:
        """Move a cell's last codes to its places without an owner, and give back the pages that fall empty.

        Returns:
            The positions that codes were moved from, and to.
        """
        positions = self.positions(cell)
        owned = self.owners[positions] != NOBODY
        left = int(owned.sum())
        sources, targets = positions[left:][owned[left:]], positions[:left][~owned[:left]]
        flat = self.codes.reshape(self.words, -1)
        flat[:, targets] = flat[:, sources]
        self.owners[targets] = self.owners[sources]
        self.owners[positions[left:]] = NOBODY
        self.counts[cell] = left
        pages = self.pages[cell]
        while (len(pages) - 1) * PAGE >= left and pages:
            self._release(pages.pop())
        return sources, targets

    def add_cell(self) -> int:
        """Return a new, empty cell."""
        self.pages.append([])
        if len(self.pages) > len(self.counts):
            self.counts = np.concatenate([self.counts, np.zeros(max(len(self.pages) // 8, 8), np.int64)])
        self.counts[len(self.pages) - 1] = 0
        return len(self.pages) - 1

    def clear(self, cell: int) -> None:
        """Empty a cell. What was in it is the caller's to place anew."""
        for page in self.pages[cell]:
            self._release(page)
        self.pages[cell] = []
        self.counts[cell] = 0

    def drop_cell(self, cell: int) -> None:
        """Remove an empty cell. The last cell takes its number."""
        pages = self.pages.pop()
        if cell < len(self.pages):
            self.pages[cell] = pages
            self.counts[cell] = self.counts[len(self.pages)]
            self.cell_of_page[pages] = cell
        self.counts[len(self.pages)] = 0

    def _extend(self, cell: int, more: int) -> IntArray:
        """Take `more` places at the end of a cell and return their positions."""
        count = int(self.counts[cell])
        pages = self.pages[cell]
        while len(pages) * PAGE < count + more:
            pages.append(self._take_page(cell))
        self.counts[cell] = count + more
        if count // PAGE == (count + more - 1) // PAGE:  # all on one page: the usual case
            first = pages[count // PAGE] * PAGE + count % PAGE
            return np.arange(first, first + more)
        return self.positions(cell)[count:]

    def _take_page(self, cell: int) -> int:
        if self._free:
            page = self._free.pop()
        else:
            page = self.span
            if page == len(self.cell_of_page):
                self.reserve(page + 1)
            self.span += 1
        self.cell_of_page[page] = cell
        # All ones: no worse than any other code for a place that is empty. Its owner says that it is.
        self.codes[:, page] = np.uint64(2**64 - 1)
        self.owners[page * PAGE : (page + 1) * PAGE] = NOBODY
        return page

    def _release(self, page: int) -> None:
        self.cell_of_page[page] = NOBODY
        self.owners[page * PAGE : (page + 1) * PAGE] = NOBODY
        self._free.append(page)

    def reserve(self, pages: int) -> None:
        """Make room for so many pages in all."""
        held = len(self.cell_of_page)
        if pages <= held:
            return
        grown = max(pages, int(held * _GROWTH), 8)
        codes = np.empty((self.words, grown, PAGE), np.uint64)
        codes[:, : self.span] = self.codes[:, : self.span]
        owners, cells = np.empty(grown * PAGE, np.int32), np.empty(grown, np.int32)
        owners[: self.span * PAGE] = self.owners[: self.span * PAGE]
        cells[: self.span] = self.cell_of_page[: self.span]
        self.codes, self.owners, self.cell_of_page = codes, owners, cells

    def _provide(self, pages: int) -> None:
        """Have scratch arrays for a comparison with so many pages."""
        block = min(pages, _BLOCK) * PAGE * self.words
        if len(self._scratch) < block:
            self._scratch = np.empty(block, np.uint64)
            self._counts = np.empty(block, np.uint8)
        if len(self._distances) < pages * PAGE:
            self._distances = np.empty(pages * PAGE, np.uint16)

    @property
    def nbytes(self) -> int:
        """Bytes in RAM that grow with the codes, with what is reserved."""
        arrays = (self.codes, self.owners, self.cell_of_page, self.counts)
        lists = sum(map(sys.getsizeof, self.pages)) + 8 * (len(self.pages) + len(self._free))
        numbers = 32 * self.span  # each an int object
        return sum(array.nbytes for array in arrays) + lists + numbers

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the arrays that searches work in."""
        return self._scratch.nbytes + self._counts.nbytes + self._distances.nbytes

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return what `restore` needs."""
        used = [page for pages in self.pages for page in pages]
        return {
            "codes": self.codes[:, : self.span],
            "owners": self.owners[: self.span * PAGE],
            "counts": self.counts[: len(self.pages)],
            "order": np.array(used, np.int32),
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Take over codes that `arrays` has given, in place of none."""
        codes = arrays["codes"].astype(np.uint64)
        self.span = codes.shape[1]
        self.codes, self.owners = codes, arrays["owners"].astype(np.int32)
        self.counts = arrays["counts"].astype(np.int64)
        order = arrays["order"].astype(np.int32)
        ends = np.cumsum(-(-self.counts // PAGE))
        self.pages = [pages.tolist() for pages in np.split(order, ends[:-1])]
        self.cell_of_page = np.full(self.span, NOBODY, np.int32)
        self.cell_of_page[order] = np.repeat(np.arange(len(self.pages)), np.diff(ends, prepend=0))
        self._free = np.flatnonzero(self.cell_of_page == NOBODY).tolist()

    def _check(self) -> None:
        used = [page for pages in self.pages for page in pages]
        assert sorted([*used, *self._free]) == list(range(self.span))
        for cell, pages in enumerate(self.pages):
            assert len(pages) == -(-int(self.counts[cell]) // PAGE)
            assert all(int(self.cell_of_page[page]) == cell for page in pages)
        assert all(int(self.cell_of_page[page]) == NOBODY for page in self._free)


def chosen(pages: npt.NDArray[np.intp] | None, places: IntArray) -> IntArray:
    """Return the positions of places among some pages, or among all."""
    if pages is None:
        return places
    return pages[places // PAGE] * PAGE + places % PAGE
