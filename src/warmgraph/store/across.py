"""Ranking by vector over many namespaces whose vectors lie in one arena."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.index import NamespaceIndex
from warmgraph.index.arena import Arena, Party, Scan, Tenant
from warmgraph.index.selection import lower_bound

__all__ = ["Crowd", "Ranked", "rank_across"]

Namespace: TypeAlias = tuple[str, ...]
Indexes: TypeAlias = Sequence[tuple[Namespace, NamespaceIndex]]

ROUNDING = 2e-6
"""By how much the score of a row may differ from that of its item, which is computed another way."""

CROWD = 1000
"""Rows beyond those wanted that may be as good as the last one wanted: more are not looked at one by one (8 us)."""

DEEPER = 4
"""How many times as many items the next round looks at, when a filter was not content with those so far."""


class Ranked(NamedTuple):
    """A place in a ranking. `score` is `None` for an item that is not searchable, or without a query."""

    namespace: Namespace
    key: str
    score: float | None


_Place: TypeAlias = tuple[float, int, Ranked]


class Crowd(tuple[tuple[Namespace, NamespaceIndex], ...]):
    """Namespaces that are searched together, time and again, with their indexes.

    To look at each of a thousand costs as much as half of a search of them all: where their vectors lie is looked up
    when some of them have moved.
    """

    _where: _Where | None = None

    def where(self, dims: int) -> _Where | None:
        """Return where vectors of a length lie; `None` if no arena holds any of them."""
        known = self._where
        if known is None or not known.holds(dims) or any(self[at][1].vectors is not None for at in known.bare):
            known = self._where = self._look(dims)
        return known

    def _look(self, dims: int) -> _Where | None:
        found = (tenant.arena for _, index in self if (tenant := _tenant(index)) is not None)
        arena = next((arena for arena in found if arena.dims == dims), None)
        if arena is None:
            return None
        moves = arena.moves  # before the indexes are looked at: whoever moves later is looked for again
        tenants: list[Tenant] = []
        places: list[int] = []
        others: list[int] = []
        bare: list[int] = []
        for at, (_, index) in enumerate(self):
            tenant = _tenant(index)
            if tenant is not None and tenant.arena is arena:
                tenants.append(tenant)
                places.append(at)
            elif index.vectors is not None:
                others.append(at)
            else:
                bare.append(at)
        return _Where(arena, moves, Party(tenants), np.array(places, np.int32), others, bare)


def _tenant(index: NamespaceIndex) -> Tenant | None:
    return None if index.vectors is None else index.vectors.tenant


class _Where(NamedTuple):
    """Where the vectors of a crowd lie.

    Args:
        arena: Where those of most lie.
        moves: How often anybody there had moved when it was looked up.
        party: The tenants there.
        places: Which namespace of the crowd each tenant belongs to; shape (n,).
        others: The namespaces whose vectors lie elsewhere.
        bare: Those that had none.
    """

    arena: Arena
    moves: int
    party: Party
    places: NDArray[np.int32]
    others: list[int]
    bare: list[int]

    def holds(self, dims: int) -> bool:
        """Whether it is about vectors of that length, and still true."""
        return self.arena.dims == dims and self.arena.moves == self.moves


def rank_across(
    indexes: Indexes, vector: NDArray[np.float32], *, now: float, wanted: int, exclude: Collection[str]
) -> Iterator[Ranked]:
    """Yield the items of many namespaces, best first; equal ones newest first.

    All rows of an arena are compared at once, and only the best are looked up. Ends where a full ranking is cheaper:
    at once if the namespaces have no arena in common, or hold too small a part of it; later on when a good part of
    all rows was yielded, or very many are equally good. What came until then is in its place.

    Args:
        indexes: The namespaces to rank.
        vector: The query, of shape (dims,).
        now: Seconds since the epoch; what has expired is left out.
        wanted: How many the caller probably takes.
        exclude: Keys to leave out.
    """
    query = _of_length_1(vector)
    scan = None if query is None else _scan(indexes if isinstance(indexes, Crowd) else Crowd(indexes), query)
    if query is None or scan is None:
        return
    owners, slots, scores, _ = scan
    seen: set[tuple[int, int]] = set()
    waiting: list[_Place] = []
    depth = max(wanted, 1)
    while depth * DEEPER < len(scores):
        bound = float(lower_bound(scores, depth))
        rows = np.flatnonzero(scores >= max(bound - 2 * ROUNDING, -2.0))
        if len(rows) > depth * DEEPER + CROWD:
            return
        scores[rows] = -np.inf
        for at, slot in zip(owners[rows].tolist(), slots[rows].tolist(), strict=True):
            if (at, slot) not in seen:  # it may have several vectors
                seen.add((at, slot))
                namespace, index = indexes[at]
                place = _looked_up(namespace, index, slot, query, now, exclude)
                if place is not None:
                    waiting.append(place)
        waiting.sort(key=itemgetter(0, 1), reverse=True)
        sure = sum(place[0] >= bound - ROUNDING for place in waiting)  # of what is below, something may be missing
        for _, _, ranked in waiting[:sure]:
            yield ranked
        del waiting[:sure]
        depth *= DEEPER


def _of_length_1(vector: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return a query as arenas compare it; `None` for one that has no direction."""
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / length).astype(np.float32) if 0.0 < length < np.inf else None


def _scan(crowd: Crowd, query: NDArray[np.float32]) -> Scan | None:
    """Compare the rows of all namespaces: those in the arena at once, the others one after the other."""
    where = crowd.where(len(query))
    scan = None if where is None else where.arena.scan(where.party, query)
    if where is None or scan is None:
        return None
    owners = where.places.take(scan.tenants, mode="clip")
    parts = [(owners, scan.slots, scan.scores)]
    for at in [*where.others, *where.places[scan.missed].tolist()]:
        index = crowd[at][1]
        with index.lock:
            dense = index.dense(query)
        if dense is not None:
            slots = np.flatnonzero(dense != -np.inf)
            parts.append((np.full(len(slots), at, np.int32), slots, dense[slots]))
    if len(parts) == 1:
        return Scan(*parts[0], [])
    owners, slots, scores = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Scan(owners, slots, scores, [])


def _looked_up(
    namespace: Namespace,
    index: NamespaceIndex,
    slot: int,
    query: NDArray[np.float32],
    now: float,
    exclude: Collection[str],
) -> _Place | None:
    """Return the item in a slot with the score that it has now; `None` if there is none."""
    with index.lock:
        if index.vectors is None or not index.alive(slot, now):
            return None
        key, seq, rows = index.key(slot), index.seqs.item(slot), index.vectors.vectors_of(slot)
    if not len(rows) or key in exclude:
        return None
    score = np.vecdot(rows, query).max().item()
    return score, seq, Ranked(namespace, key, score)
