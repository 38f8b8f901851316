"""The codes of all items, cell by cell, in pages of one size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from warmgraph.index.base import IntArray
from warmgraph.index.groups import grouped
from warmgraph.index.signs import CodeArray

__all__ = ["NOBODY", "PAGE", "CodePages"]

PAGE = 8
"""Codes on a page. A cell's last page is half empty on average, so small pages save RAM: with 40 items a cell, pages
of 8 leave a tenth empty, pages of 16 a fifth. Gathering 12,000 codes of 384 bits takes 30 us from pages of 8, 19 us
from pages of 16."""

NOBODY = -1
"""In place of an owner or a cell: there is none."""

_BLOCK = 16384 // PAGE
"""Pages compared at a time: their codes and counts, 900 KB, stay in the processor's cache. Half as many make a search
among 10,000 codes 8 us slower, an eighth 60 us."""

_GROWTH = 1 + 1 / 64
"""Room is made this much ahead: a byte of the 64 that an item may take. Copying costs 4 KB an item, a microsecond."""

_PLACES = np.arange(PAGE)


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
        self.nlist: int = cells
        self.span: int = 0  # pages that are or were in use
        self._last = np.full(cells, NOBODY, np.int32)  # by cell: its last page, the only one not full
        self._before = np.empty(0, np.int32)  # by page: the one before it in its cell, or among the free ones
        self._free = NOBODY
        self._scratch = np.empty(0, np.uint64)
        self._counts = np.empty(0, np.uint8)
        self._distances = np.empty(0, np.uint16)

    # -- reading ---------------------------------------------------------------------------------------------------

    def positions(self, cell: int) -> IntArray:
        """Return the positions of a cell's codes; those on its last page come last."""
        count = int(self.counts[cell])
        starts = np.array(self._pages(cell)[::-1], np.int64) * PAGE
        return (starts[:, None] + _PLACES).ravel()[:count]

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
        names, sizes, order = grouped(cells)
        positions[order] = self._extend(names, sizes)
        self.codes.reshape(self.words, -1)[:, positions] = codes.T
        self.owners[positions] = owners
        return positions

    def close_gaps(self, gone: IntArray) -> tuple[IntArray, IntArray]:
        """Move the last codes of cells to places that have lost their owner, and give back pages that fall empty.

        Args:
            gone: Array of shape (n,), int64: all places without an owner in their cells.

        Returns:
            The positions that codes were moved from, and to.
        """
        cells, first, counts = np.unique(self.cell_of_page[gone // PAGE], return_index=True, return_counts=True)
        sources: list[int] = []
        targets: list[int] = []
        emptied: list[int] = []
        # A cell hardly ever has two gaps: without arrays for a single one, closing takes 2 us instead of 25.
        for cell, position, count in zip(cells.tolist(), gone[first].tolist(), counts.tolist(), strict=True):
            if count == 1:
                left = int(self.counts[cell]) - 1
                source = int(self._last[cell]) * PAGE + left % PAGE
                moved = [(source, position)] if source != position else []
            else:
                positions = self.positions(cell)
                owned = self.owners[positions] != NOBODY
                left = int(owned.sum())
                gaps = positions[:left][~owned[:left]].tolist()
                moved = list(zip(positions[left:][owned[left:]].tolist(), gaps, strict=True))
            sources += [source for source, _ in moved]
            targets += [target for _, target in moved]
            emptied += self._shrink(cell, left)
        from_, to = np.array(sources, np.int64), np.array(targets, np.int64)
        flat = self.codes.reshape(self.words, -1)
        flat[:, to] = flat[:, from_]
        self.owners[to] = self.owners[from_]
        self.owners[from_] = NOBODY
        for page in emptied:
            self._release(page)
        return from_, to

    def _shrink(self, cell: int, left: int) -> list[int]:
        """Leave a cell so many codes and return the pages that it no longer needs, for `_release`."""
        pages = []
        for _ in range(-(-int(self.counts[cell]) // PAGE) - -(-left // PAGE)):
            page = int(self._last[cell])
            self._last[cell] = self._before[page]
            pages.append(page)
        self.counts[cell] = left
        return pages

    def add_cell(self) -> int:
        """Return a new, empty cell."""
        cell = self.nlist
        if cell == len(self.counts):
            more = max(cell // 8, 8)
            self.counts = np.concatenate([self.counts, np.zeros(more, np.int64)])
            self._last = np.concatenate([self._last, np.full(more, NOBODY, np.int32)])
        self.nlist += 1
        return cell

    def clear(self, cell: int) -> None:
        """Empty a cell. What was in it is the caller's to place anew."""
        for page in self._pages(cell):
            self._release(page)
        self._last[cell] = NOBODY
        self.counts[cell] = 0

    def drop_cell(self, cell: int) -> None:
        """Remove an empty cell. The last cell takes its number."""
        self.nlist = last = self.nlist - 1
        if cell != last:
            self.cell_of_page[self._pages(last)] = cell
            self.counts[cell], self._last[cell] = self.counts[last], self._last[last]
        self.counts[last], self._last[last] = 0, NOBODY

    def _pages(self, cell: int) -> list[int]:
        """Return the pages of a cell, the last one first."""
        count = -(-int(self.counts[cell]) // PAGE)
        found, page = [], int(self._last[cell])
        for _ in range(count):
            found.append(page)
            page = int(self._before[page])
        return found

    def _extend(self, cells: IntArray, sizes: IntArray) -> IntArray:
        """Take places at the ends of cells, so many each, and return their positions, cell by cell."""
        held = self.counts.take(cells)
        full = (held + (PAGE - 1)) // PAGE  # pages; the last one may have places left
        total = held + sizes
        added = (total + (PAGE - 1)) // PAGE - full
        ends = (added + 1).cumsum()
        begins = ends - added - 1
        chain = np.full(ends[-1:].sum(), NOBODY, np.int64)  # for each cell its last page, then its new ones
        new = np.ones(len(chain), np.bool_)
        new[begins] = False
        chain[begins] = self._last.take(cells)
        pages = chain[new] = self._take_pages(cells.repeat(added))
        self._before[pages] = chain[:-1][new[1:]]
        self._last[cells] = chain.take(ends - 1)
        self.counts[cells] = total
        place = np.arange(sizes.sum()) + (total - sizes.cumsum()).repeat(sizes)
        page = chain.take(place // PAGE + (begins - full + 1).repeat(sizes))
        positions: IntArray = page * PAGE + place % PAGE
        return positions

    def _take_pages(self, cells: IntArray) -> IntArray:
        """Return an empty page for each cell named; they are not in its chain yet."""
        pages = np.empty(len(cells), np.int64)
        used = 0  # of those that were given back
        while used < len(pages) and self._free != NOBODY:
            pages[used] = self._free
            self._free = int(self._before[self._free])
            used += 1
        span = self.span + len(pages) - used
        self.reserve(span)
        pages[used:] = np.arange(self.span, span)
        self.span = span
        self.cell_of_page[pages] = cells
        # All ones: no worse than any other code for a place that is empty. Its owner says that it is.
        self.codes[:, pages] = np.uint64(2**64 - 1)
        self.owners.reshape(-1, PAGE)[pages] = NOBODY
        return pages

    def _release(self, page: int) -> None:
        self.cell_of_page[page] = NOBODY
        self.owners[page * PAGE : (page + 1) * PAGE] = NOBODY
        self._before[page] = self._free
        self._free = page

    def reserve_for(self, codes: int) -> None:
        """Make room for so many codes in all, and for what the last pages of cells leave empty on average."""
        self.reserve(-(-codes // PAGE) + self.nlist * (PAGE - 1) // (2 * PAGE))

    def reserve(self, pages: int) -> None:
        """Make room for so many pages in all."""
        held = len(self.cell_of_page)
        if pages <= held:
            return
        grown = max(pages, int(held * _GROWTH), 8)
        codes = np.empty((self.words, grown, PAGE), np.uint64)
        codes[:, : self.span] = self.codes[:, : self.span]
        owners, cells, before = (np.empty(size, np.int32) for size in (grown * PAGE, grown, grown))
        owners[: self.span * PAGE] = self.owners[: self.span * PAGE]
        cells[: self.span] = self.cell_of_page[: self.span]
        before[: self.span] = self._before[: self.span]
        self.codes, self.owners, self.cell_of_page, self._before = codes, owners, cells, before

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
        arrays = (self.codes, self.owners, self.cell_of_page, self._before, self.counts, self._last)
        return sum(array.nbytes for array in arrays)

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the arrays that searches work in."""
        return self._scratch.nbytes + self._counts.nbytes + self._distances.nbytes

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return what `restore` needs."""
        return {
            "codes": self.codes[:, : self.span],
            "owners": self.owners[: self.span * PAGE],
            "cell_of_page": self.cell_of_page[: self.span],
            "before": self._before[: self.span],
            "counts": self.counts[: self.nlist],
            "last": self._last[: self.nlist],
            "free": np.array(self._free),
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Take over codes that `arrays` has given, in place of none."""
        self.codes, self.owners = arrays["codes"].astype(np.uint64), arrays["owners"].astype(np.int32)
        self.cell_of_page, self._before = arrays["cell_of_page"].astype(np.int32), arrays["before"].astype(np.int32)
        self.counts, self._last = arrays["counts"].astype(np.int64), arrays["last"].astype(np.int32)
        self.span, self.nlist, self._free = self.codes.shape[1], len(self.counts), int(arrays["free"])

    def _check(self) -> None:
        used = [page for cell in range(self.nlist) for page in self._pages(cell)]
        free, page = [], self._free
        while page != NOBODY:
            free.append(page)
            page = int(self._before[page])
        assert sorted([*used, *free]) == list(range(self.span))
        for cell in range(self.nlist):
            pages = self._pages(cell)
            assert len(pages) == -(-int(self.counts[cell]) // PAGE)
            assert all(int(self.cell_of_page[page]) == cell for page in pages)
        assert all(int(self.cell_of_page[page]) == NOBODY for page in free)


def chosen(pages: npt.NDArray[np.intp] | None, places: IntArray) -> IntArray:
    """Return the positions of places among some pages, or among all."""
    if pages is None:
        return places
    return pages[places // PAGE] * PAGE + places % PAGE
