"""Writers of the same items, in stores that share a database: what is warm is what is stored."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest

from tests.postgres_server import database_uri, postgres_server
from warmgraph.store import PostgresLongTerm, WarmStore

__all__ = ["database_uri", "postgres_server"]

pytestmark = pytest.mark.faults

NS = ("memories", "ana")
KEYS = [f"{n}" for n in range(12)]


def until(condition: Callable[[], bool]) -> None:
    """Ask again and again until something holds."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline


def settled(store: WarmStore) -> bool:
    """Whether a store has taken in everything that it was told of."""
    assert isinstance(store.long_term, PostgresLongTerm)
    feed = store.long_term.feed
    rounds = feed.rounds
    feed.nudge()
    until(lambda: feed.rounds > rounds + 1)
    return not feed._pending


def test_writers_of_the_same_items_agree_in_the_end(database_uri: str) -> None:
    """Threads of two stores put, delete and read the same keys; then both hold what the database holds, and no more."""
    with WarmStore.open(database_uri, capacity=8) as one, WarmStore.open(database_uri, capacity=8) as two:

        def work(store: WarmStore, number: int) -> None:
            chance = random.Random(number)
            for count in range(40):
                key = chance.choice(KEYS)
                action = chance.random()
                if action < 0.5:
                    store.put(NS, key, {"content": f"word{key} {number}.{count}"})
                elif action < 0.7:
                    store.delete(NS, key)
                elif action < 0.9:
                    store.recall(NS, f"word{key}", limit=3)
                else:
                    store.get(NS, key)

        threads = [threading.Thread(target=work, args=((one, two)[n % 2], n)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for store in (one, two):
            until(lambda store=store: settled(store))  # type: ignore[misc]
            store._check()
        stored = {item.key: item.value for item in one.search(NS, limit=100)}
        for store in (one, two):
            held = {key: item.value for key in KEYS if (item := store.get(NS, key)) is not None}
            assert stored == held
            assert set(stored) == {
                item.key for key in KEYS for item in store.recall_long_term(NS, f"word{key}", limit=20).items
            }
            index = store._backend.index_of(NS)
            assert index is not None
            assert set(stored) == set(index.keys())


def test_a_namespace_that_is_read_while_it_is_written_misses_nothing(database_uri: str) -> None:
    """The index of a namespace that another store fills meanwhile holds all of it in the end."""
    with WarmStore.open(database_uri) as reader, WarmStore.open(database_uri) as writer:
        done = threading.Event()

        def write() -> None:
            for n in range(60):
                writer.put(NS, f"{n}", {"content": f"word{n}"})
            done.set()

        thread = threading.Thread(target=write)
        thread.start()
        while not done.is_set():
            reader.recall(NS, "word1")
            reader._tier.drop(NS)
            reader._backend.forgotten()  # type: ignore[attr-defined]
        thread.join()
        reader.recall(NS, "word1")
        until(lambda: settled(reader))
        index = reader._backend.index_of(NS)
        assert index is not None
        assert 60 == len(index)
        reader._check()
