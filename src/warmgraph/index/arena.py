"""Vectors of many small indexes side by side: a few products compare a query with those of all of them."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from warmgraph.index.base import FloatArray, IntArray
from warmgraph.index.chunks import Chunk, Seat

__all__ = ["Arena", "ArenaStats", "Arenas", "Party", "Room", "Scan", "Tenant"]

CHUNK_ROWS = 4096
"""Rows of a chunk: 6 MB of 384 dimensions, and half a millisecond for which a scan keeps writers of it waiting."""

PAGE_ROWS = 16
"""Room is given in whole pages."""

IN_VAIN = 256 * 1024
"""Bytes that a scan may read in vain for each index wanted: as long as searching one index by itself takes (30 us)."""


class Room(NamedTuple):
    """Rows for the vectors of one index, filled from the front.

    Args:
        vectors: Array of shape (capacity, dims), float32.
        slots: The slot of each row, shape (capacity,), int64; -1 where a row is not in use.
        lock: Held by whoever changes them, and by a scan that reads them.
    """

    vectors: FloatArray
    slots: IntArray
    lock: threading.Lock


class Scan(NamedTuple):
    """Rows that were compared with a query, in no order; a slot with several vectors has several.

    Args:
        tenants: Whose row it is, as a place in the sequence that was asked for; shape (n,).
        slots: Its slot there; shape (n,), int64.
        scores: Its dot product with the query, -inf for rows that count for nothing; shape (n,), float32.
        missed: Tenants that moved meanwhile, or have no room here: none of their rows count.
    """

    tenants: npt.NDArray[np.int32]
    slots: IntArray
    scores: FloatArray
    missed: list[int]


@dataclass(frozen=True, slots=True)
class ArenaStats:
    """Size of an arena.

    Attributes:
        tenants: Indexes that have room in it.
        rows: Rows that they have, with what they keep for growth.
        free_rows: Rows that nobody has.
        ram_bytes: Memory taken by all rows. Chunks that were never written to the end take less in fact.
    """

    tenants: int
    rows: int
    free_rows: int
    ram_bytes: int


class Arena:
    """Chunks of rows, in which each index (a *tenant*) has one contiguous range that it searches as if it were alone.

    A search over many indexes is one product a chunk instead of one an index: 1,000 indexes of 100 vectors in 10 ms,
    where 1,000 products take 23 and the calls around them 30 more. The price is one number a row (int32, the tenant)
    and the holes between ranges: room is given in pages of 16 rows and grows by a quarter, so on the average an eighth
    of the rows is unused, where an index with arrays of its own doubles them and leaves a third.

    Writers of one tenant are serialized by whoever owns it; tenants, and scans, are independent of each other.

    Args:
        dims: Length of the vectors.
        chunk_rows: Rows of a chunk, whole pages: an index with more than that is better off alone.

    Example:
        >>> arena = Arena(dims=2)
        >>> tenants = [arena.tenant(), arena.tenant()]
        >>> for tenant, x in zip(tenants, [1.0, 2.0]):
        ...     room = tenant.take(1)
        ...     room.vectors[0], room.slots[0] = (x, 0), 7
        ...     tenant.settle()
        >>> scan = arena.scan(Party(tenants), np.array([10, 0], np.float32))
        >>> best = scan.scores.argmax()
        >>> scan.tenants[best].item(), scan.slots[best].item(), scan.scores[best].item()
        (1, 7, 20.0)
    """

    def __init__(self, dims: int, chunk_rows: int = CHUNK_ROWS) -> None:
        self.dims: int = dims
        self.chunk_rows: int = chunk_rows
        self.moves: int = 0
        self._lock = threading.Lock()
        self._chunks: list[Chunk] = []
        self._seats: dict[int, Seat | None] = {}  # by the tenant's number
        self._number_of: dict[weakref.ref[Tenant], int] = {}
        self._gone: deque[weakref.ref[Tenant]] = deque()  # filled by the garbage collector, wherever that is called
        self._free_numbers: list[int] = []
        self._top = 0
        self._seatings: weakref.WeakKeyDictionary[Party, _Seating] = weakref.WeakKeyDictionary()

    def tenant(self) -> Tenant:
        """Return a new tenant without room. When nobody refers to it any more, its rows are free again."""
        with self._lock:
            self._reap()
            if self._free_numbers:
                number = self._free_numbers.pop()
            else:
                number, self._top = self._top, self._top + 1
            tenant = Tenant(self, number)
            self._seats[number] = None
            self._number_of[weakref.ref(tenant, self._gone.append)] = number
            return tenant

    def scan(self, party: Party, query: FloatArray) -> Scan | None:
        """Compare a query with all vectors of some tenants.

        A row that was there all the time is in the answer, unless its tenant is in `missed`; no row is half written.
        No lock is held for longer than the product with one chunk takes.

        Args:
            party: Tenants of this arena.
            query: Array of shape (dims,), float32.

        Returns:
            `None` if too much would have to be read in vain, because the tenants hold but little of their chunks.
        """
        seating = self._seatings.get(party)
        if seating is None or seating.moves != self.moves:
            seating = self._seatings[party] = self._seating(party.tenants)
        began, place, spans, total, in_vain, missed = seating
        if in_vain * self.dims * 4 > len(party.tenants) * IN_VAIN:
            return None
        scores, slots, numbers = np.empty(total, np.float32), np.empty(total, np.int64), np.empty(total, np.int32)
        end = 0
        for chunk, (start, stop) in spans.items():
            at, end = end, end + stop - start
            with chunk.lock:
                # Beyond the processor's cache `vecdot` reads two to four times as fast as `@`.
                np.vecdot(chunk.vectors[start:stop], query, out=scores[at:end])
                slots[at:end] = chunk.slots[start:stop]
                numbers[at:end] = chunk.tenants[start:stop]
        if self.moves != began:
            gone = [at for at, tenant in enumerate(party.tenants) if tenant.moved > began]
            place, missed = place.copy(), [*missed, *gone]
            place[[party.tenants[at].number for at in gone]] = -1
        owners = place.take(numbers, mode="clip")  # tenants that are newer than this scan have higher numbers: -1
        scores[(slots < 0) | (owners < 0)] = -np.inf
        return Scan(owners, slots, scores, missed)

    def _seating(self, tenants: Sequence[Tenant]) -> _Seating:
        moves = self.moves  # before the seats are looked at: whoever moves from here on is missed
        place = np.full(self._top + 1, -1, np.int32)
        spans: dict[Chunk, tuple[int, int]] = {}
        seatless: list[int] = []
        wanted = 0
        for at, tenant in enumerate(tenants):
            seat = tenant.seat
            if seat is None:
                seatless.append(at)
                continue
            chunk, start, stop = seat
            place[tenant.number] = at
            wanted += stop - start
            first, last = spans.get(chunk, (start, stop))
            spans[chunk] = min(first, start), max(last, stop)
        total = sum(stop - start for start, stop in spans.values())
        return _Seating(moves, place, spans, total, total - wanted, seatless)

    def stats(self) -> ArenaStats:
        """Return the size of the arena."""
        with self._lock:
            self._reap()
            seats = [seat for seat in self._seats.values() if seat is not None]
            free = sum(stop - start for chunk in self._chunks for start, stop in chunk.free)
            return ArenaStats(
                tenants=len(seats),
                rows=sum(seat.stop - seat.start for seat in seats),
                free_rows=free,
                ram_bytes=sum(chunk.ram_bytes for chunk in self._chunks),
            )

    def after_fork(self) -> None:
        """Have locks that no thread of the parent held. The tenants' owners have to take the new ones, too."""
        self._lock = threading.Lock()
        for chunk in self._chunks:
            chunk.lock = threading.Lock()

    def _take(self, number: int, rows: int) -> Seat:
        with self._lock:
            self._reap()
            for chunk in self._chunks:
                start = chunk.take(rows)
                if start is not None:
                    break
            else:
                chunk = Chunk(self.dims, self.chunk_rows)
                self._chunks.append(chunk)
                start = chunk.take(rows)
                assert start is not None
            chunk.tenants[start : start + rows] = number
            return Seat(chunk, start, start + rows)

    def _settle(self, tenant: Tenant, seat: Seat | None) -> None:
        with self._lock:
            old, self._seats[tenant.number] = self._seats[tenant.number], seat
            # In this order: a scan that looks at the old seat began before the move is counted, and the old rows are
            # not taken away before it is. One that looks at the new seat finds it filled.
            tenant.seat = seat
            self.moves += 1
            tenant.moved = self.moves
            self._seatings.clear()  # they would keep chunks that are no longer needed
            self._give(old)

    def _give(self, seat: Seat | None) -> None:
        if seat is not None:
            with seat.chunk.lock:
                seat.chunk.slots[seat.start : seat.stop] = -1
            seat.chunk.give(seat.start, seat.stop)
            if seat.chunk.free == [(0, self.chunk_rows)]:
                self._chunks.remove(seat.chunk)

    def _reap(self) -> None:
        while self._gone:
            number = self._number_of.pop(self._gone.popleft())  # a reference keeps its hash
            self._give(self._seats.pop(number))
            self._free_numbers.append(number)

    def _check(self) -> None:
        """Assert that ranges are disjoint, and that nothing lies outside of them."""
        with self._lock:
            self._reap()
            owners = {chunk: np.full(self.chunk_rows, -1) for chunk in self._chunks}
            assert sorted(self._number_of.values()) == sorted(self._seats)
            for ref, number in self._number_of.items():
                tenant, seat = ref(), self._seats[number]
                assert tenant is None or (tenant.seat is seat and tenant.number == number)
                if seat is not None:
                    assert (owners[seat.chunk][seat.start : seat.stop] == -1).all()
                    owners[seat.chunk][seat.start : seat.stop] = number
                    assert (seat.chunk.tenants[seat.start : seat.stop] == number).all()
            for chunk in self._chunks:
                assert chunk.free == sorted(chunk.free)
                free = np.zeros(self.chunk_rows, bool)
                for start, stop in chunk.free:
                    free[start:stop] = True
                assert (free == (owners[chunk] == -1)).all()
                assert (chunk.slots[free] == -1).all()
                assert not free.all()


class Arenas:
    """An arena for each length of vectors, made when first asked for.

    Example:
        >>> arenas = Arenas()
        >>> arenas.of(3) is arenas.of(3), arenas.of(3) is arenas.of(4)
        (True, False)
    """

    def __init__(self) -> None:
        self._by_dims: dict[int, Arena] = {}

    def of(self, dims: int) -> Arena:
        """Return the arena for vectors of a length."""
        arena = self._by_dims.get(dims)
        return self._by_dims.setdefault(dims, Arena(dims)) if arena is None else arena

    def all(self) -> list[Arena]:
        """Return the arenas."""
        return list(self._by_dims.values())


class Tenant:
    """What one index has in an arena: nothing, or one range of rows.

    Args:
        arena: The arena.
        number: Its number there.
    """

    __slots__ = ("__weakref__", "_next", "arena", "moved", "number", "seat")

    def __init__(self, arena: Arena, number: int) -> None:
        self.arena: Arena = arena
        self.number: int = number
        self.moved: int = arena.moves
        self.seat: Seat | None = None
        self._next: Seat | None = None

    def take(self, capacity: int) -> Room | None:
        """Return room for at least so many rows; the room before stays until `settle`.

        Returns:
            `None` if it is none, or more than a chunk has: that many are better off alone.
        """
        self._next = None
        if not 0 < capacity <= self.arena.chunk_rows:
            return None
        chunk, start, stop = self._next = self.arena._take(self.number, -(-capacity // PAGE_ROWS) * PAGE_ROWS)
        return Room(chunk.vectors[start:stop], chunk.slots[start:stop], chunk.lock)

    def leave(self) -> None:
        """Give up all rows: scans that are under way miss this tenant, and do not take it for an empty one."""
        self._next = None
        self.settle()

    def settle(self) -> None:
        """Leave the room before for the one that was last taken, which holds all rows by now."""
        self.arena._settle(self, self._next)
        self._next = None


class Party:
    """Tenants that are scanned together, time and again: where they sit is looked up when one of them has moved.

    Args:
        tenants: Tenants of one arena.
    """

    __slots__ = ("__weakref__", "tenants")

    def __init__(self, tenants: Sequence[Tenant]) -> None:
        self.tenants: Sequence[Tenant] = tenants


class _Seating(NamedTuple):
    """Where the tenants of a party sit.

    Args:
        moves: How often anybody had moved when it was looked up.
        place: By a tenant's number, its place in the party; -1 for all others.
        spans: From each chunk the rows from the first to the last of theirs.
        total: Number of these rows.
        in_vain: How many of them are not theirs.
        seatless: Places of those that have no rows.
    """

    moves: int
    place: npt.NDArray[np.int32]
    spans: dict[Chunk, tuple[int, int]]
    total: int
    in_vain: int
    seatless: list[int]
