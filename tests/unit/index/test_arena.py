"""Vectors of many indexes in one arena: ranges, moves, and what a scan sees of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from warmgraph.index import FlatIndex, FloatArray
from warmgraph.index.arena import Arena, ArenaStats, Party, Scan, Tenant


def _noise(*shape: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _index(arena: Arena, *slots: int, seed: int = 0) -> FlatIndex:
    index = FlatIndex(arena.dims, arena=arena)
    index.upsert(slots, _noise(len(slots), arena.dims, seed=seed))
    return index


def _found(arena: Arena, indexes: list[FlatIndex], query: FloatArray) -> dict[tuple[int, int], float]:
    """Return the scores of a scan by index and slot."""
    tenants = [index.tenant for index in indexes if index.tenant is not None]
    scan = arena.scan(Party(tenants), query)
    assert scan is not None
    assert not scan.missed
    counted = np.flatnonzero(scan.scores != -np.inf)
    places = zip(scan.tenants[counted].tolist(), scan.slots[counted].tolist(), strict=True)
    return dict(zip(places, scan.scores[counted].tolist(), strict=True))


def test_a_scan_gives_the_scores_that_each_index_gives() -> None:
    """The rows of the indexes asked for count, each once; those of others in the same chunk do not."""
    arena = Arena(8, chunk_rows=64)
    indexes = [_index(arena, *range(seed + 1), seed=seed) for seed in range(20)]
    query = _noise(8, seed=99)
    query /= np.linalg.norm(query)
    wanted = indexes[3:17]

    found = _found(arena, wanted, query)

    expected = {
        (at, slot): score
        for at, index in enumerate(wanted)
        for slot, score in enumerate(index.scores(query, 20).tolist())
        if score != -np.inf
    }
    assert expected == pytest.approx(found, abs=1e-6)
    arena._check()


def test_rows_are_reused_when_an_index_is_gone() -> None:
    """What a dropped index held belongs to nobody, and then to the next that asks."""
    arena = Arena(4, chunk_rows=64)
    indexes = [_index(arena, 0), _index(arena, 0), _index(arena, 0)]
    before = arena.stats().ram_bytes
    del indexes[1]

    assert ArenaStats(tenants=2, rows=32, free_rows=32, ram_bytes=before) == arena.stats()
    indexes.append(_index(arena, 5, seed=3))
    assert ArenaStats(tenants=3, rows=48, free_rows=16, ram_bytes=before) == arena.stats()
    assert {(0, 0), (1, 0), (2, 5)} == set(_found(arena, indexes, _noise(4)))
    arena._check()


def test_chunks_that_nobody_uses_are_given_back() -> None:
    """With the last vector of its indexes a chunk goes."""
    arena = Arena(4, chunk_rows=32)
    indexes = [_index(arena, *range(16)) for _ in range(6)]
    assert 3 * 32 * (4 * 4 + 8 + 4) == arena.stats().ram_bytes

    for index in indexes[:2]:
        index.remove(range(16))
    del indexes[2:4]

    assert 32 * (4 * 4 + 8 + 4) == arena.stats().ram_bytes
    arena._check()


def test_an_index_grows_by_a_quarter_and_leaves_nothing_behind() -> None:
    """A thousand vectors, one by one: a range that moves, and at most a quarter and a page unused."""
    arena = Arena(4)
    index = FlatIndex(4, arena=arena)
    vectors = _noise(1000, 4)
    for slot, vector in enumerate(vectors):
        index.upsert_one(slot, vector)

    assert 1000 <= arena.stats().rows <= 1000 * 5 // 4 + 16
    assert len(_found(arena, [index], vectors[0])) == 1000
    index._check()
    arena._check()


def test_an_index_larger_than_a_chunk_stands_alone() -> None:
    """It leaves the arena as it grows, is missed by scans, and comes back when it has shrunk."""
    arena = Arena(4, chunk_rows=32)
    index = _index(arena, *range(32))
    vectors = _noise(40, 4)
    assert index.tenant is not None
    index.upsert(range(40), vectors)

    scan = arena.scan(Party([index.tenant]), vectors[0])

    assert scan is not None
    assert [0] == scan.missed
    assert (0, 0) == (len(scan.scores), arena.stats().ram_bytes)
    assert pytest.approx(1.0) == index.scores(vectors[7], 40)[7]
    index.remove(range(4, 40))
    assert {(0, slot) for slot in range(4)} == set(_found(arena, [index], vectors[0]))
    index._check()
    arena._check()


def test_what_moves_during_a_scan_is_named() -> None:
    """A scan that has begun waits for a chunk; what moved away in the meantime is missed, and says so."""
    arena = Arena(4, chunk_rows=16)
    resting, moving = _index(arena, 0), _index(arena, *range(16), seed=1)
    assert resting.tenant is not None
    assert resting.tenant.seat is not None
    assert moving.tenant is not None
    tenants = _Watched([resting.tenant, moving.tenant])
    scans: list[Scan | None] = []
    scanning = threading.Thread(target=lambda: scans.append(arena.scan(Party(tenants), _noise(4))))
    with resting.tenant.seat.chunk.lock:
        scanning.start()
        assert tenants.looked_at.wait(10)
        moving.upsert([16], _noise(1, 4))  # more than its chunk has
    scanning.join()

    assert scans[0] is not None
    assert [1] == scans[0].missed
    assert {0} == set(scans[0].tenants[scans[0].scores != -np.inf].tolist())


class _Watched(list[Tenant]):
    """Tenants that tell when a scan has looked where they all sit."""

    def __init__(self, tenants: list[Tenant]) -> None:
        super().__init__(tenants)
        self.looked_at: threading.Event = threading.Event()

    def __iter__(self) -> Iterator[Tenant]:
        yield from super().__iter__()
        self.looked_at.set()


def test_too_thin_a_share_is_not_scanned() -> None:
    """Where a chunk would be read for the sake of a few rows, each index is better searched by itself."""
    arena = Arena(384)
    indexes = [_index(arena, *range(100)) for _ in range(40)]
    tenants = [index.tenant for index in indexes if index.tenant is not None]

    assert arena.scan(Party(tenants), _noise(384)) is not None
    assert arena.scan(Party([tenants[0], tenants[20]]), _noise(384)) is None
    assert arena.scan(Party(tenants[7:9]), _noise(384)) is not None  # side by side


def test_an_overwritten_vector_counts_as_it_is_now() -> None:
    """Overwriting and removing by swap change what the next scan sees, and nothing else."""
    arena = Arena(2, chunk_rows=16)
    index = FlatIndex(2, arena=arena)
    index.upsert([0, 1, 2, 2], np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32))
    index.upsert_one(1, np.array([1, 0], np.float32))
    index.remove([0])
    index.upsert([1], np.array([[0, -1]], np.float32))

    scan = arena.scan(Party([index.tenant] if index.tenant else []), np.array([0, 1], np.float32))
    assert scan is not None
    counted = np.flatnonzero(scan.scores != -np.inf)
    found = zip(scan.slots[counted].tolist(), scan.scores[counted].tolist(), strict=True)
    assert [(1, -1.0), (2, 0.0), (2, 1.0)] == sorted(found)
    index._check()
    arena._check()


def test_a_forked_process_waits_for_no_thread_of_its_parent() -> None:
    """After a fork that met all locks held, indexes and scans have locks of their own."""
    arena = Arena(4, chunk_rows=16)
    seated, alone = _index(arena, *range(3)), _index(arena, *range(20))
    for lock in (arena._lock, seated._lock, alone._lock):
        lock.acquire()

    arena.after_fork()
    for index in (seated, alone):
        index.after_fork()

    seated.upsert([3, 4], _noise(2, 4))
    alone.remove([0])
    assert {(0, slot) for slot in range(5)} == set(_found(arena, [seated], _noise(4)))
    assert not seated._lock.locked()
    arena._check()
