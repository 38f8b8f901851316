"""Searches over many namespaces while all of them are written to."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from warmgraph.index import Entry, FlatIndex, FloatArray, NamespaceIndex, Plan, RoutedIndex
from warmgraph.index.arena import Arena
from warmgraph.store.across import rank_across

NAMESPACES, STEADY, ROUNDS = 12, 3, 800
QUERY: FloatArray = np.full(64, 0.125, np.float32)
ACROSS: FloatArray = QUERY * np.tile([1, -1], 32).astype(np.float32)  # half of it and half of the query: a score of 0.5
FAR: FloatArray = -QUERY


@pytest.fixture(autouse=True)
def _many_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def _write(index: NamespaceIndex, key: str, vector: FloatArray) -> None:
    with index.lock:
        index.upsert(Entry(key, seq=index.size, vectors=vector[None]))


def _churn(indexes: list[NamespaceIndex], seed: int) -> None:
    """Let namespaces grow and shrink, so that they move, and overwrite an item with one of two vectors."""
    rng = random.Random(seed)
    for turn in range(ROUNDS):
        index = rng.choice(indexes)
        if rng.random() < 0.3:
            _write(index, "flips", QUERY if turn % 2 else ACROSS)
        elif len(index) < 80 and rng.random() < 0.6:
            _write(index, f"noise {rng.randrange(200)}", FAR)
        else:
            with index.lock:
                for key in [key for key, _ in index.places() if key.startswith("noise")][:60]:
                    index.remove(key)
            for number in range(30):
                _write(index, f"noise {number}", FAR)


def test_no_scan_misses_what_was_there_all_the_time() -> None:
    """Four writers make namespaces move about; each scan finds all that stays, once, and no vector half written."""
    arena = Arena(64, chunk_rows=64)
    indexes = [NamespaceIndex(lambda dims: FlatIndex(dims, arena=arena)) for _ in range(NAMESPACES)]
    for index in indexes:
        for number in range(STEADY):
            _write(index, f"steady {number}", QUERY)
        _write(index, "flips", ACROSS)
        for number in range(30):
            _write(index, f"noise {number}", FAR)
    pairs = [(("u", str(number)), index) for number, index in enumerate(indexes)]
    steady = {(namespace, f"steady {number}") for namespace, _ in pairs for number in range(STEADY)}
    writers = [threading.Thread(target=_churn, args=(indexes[at::4], at)) for at in range(4)]
    for writer in writers:
        writer.start()
    scans = moves = 0
    try:
        while any(writer.is_alive() for writer in writers):
            wanted = NAMESPACES * (STEADY + 1)
            best = list(islice(rank_across(pairs, QUERY, now=0.0, wanted=wanted, exclude=()), wanted))
            scans, moves = scans + 1, arena.moves

            assert steady <= {(place.namespace, place.key) for place in best}
            assert len(best) == len({(place.namespace, place.key) for place in best})
            assert {place.score for place in best if place.key.startswith("steady")} == {1.0}
            assert {place.score for place in best if place.key == "flips"} <= {1.0, 0.0}
            assert not any(place.key.startswith("noise") for place in best)
    finally:
        for writer in writers:
            writer.join()

    assert scans > 10
    assert moves > 100
    arena._check()
    for index in indexes:
        index._check()


def test_no_scan_misses_what_leaves_the_arena_for_codes() -> None:
    """While namespaces grow until they have codes, each scan finds all that stays, wherever it lies just then."""
    arena, codes_from = Arena(64, chunk_rows=64), 24
    left = scans = 0
    for _ in range(40):
        plan = Plan(codes_from=codes_from, batch=8)
        indexes = [
            NamespaceIndex(lambda dims, plan=plan: RoutedIndex(dims, plan=plan, arena=arena))  # type: ignore[misc]
            for _ in range(8)
        ]
        for index in indexes:
            for number in range(STEADY):
                _write(index, f"steady {number}", QUERY)
        pairs = [(("u", str(number)), index) for number, index in enumerate(indexes)]
        steady = {(namespace, f"steady {number}") for namespace, _ in pairs for number in range(STEADY)}

        def grow(indexes: list[NamespaceIndex] = indexes) -> None:
            for number in range(codes_from):
                for index in indexes:
                    _write(index, f"noise {number}", FAR)

        writer = threading.Thread(target=grow)
        writer.start()
        try:
            while writer.is_alive():
                found = list(islice(rank_across(pairs, QUERY, now=0.0, wanted=len(steady), exclude=()), len(steady)))
                scans += 1
                if found:  # else too little of it lies in the arena, and the namespaces are ranked one by one
                    assert steady == {(place.namespace, place.key) for place in found}
        finally:
            writer.join()
        left += sum(index.vectors is not None and index.vectors.tenant is None for index in indexes)
        for index in indexes:
            index._check()
    assert 40 * 8 == left
    assert scans > 40
    arena._check()
