"""Replicas: processes with a warm tier each, over one database."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import tests.store_worker
from tests.postgres_server import database_uri, postgres_server
from warmgraph.bench.replicas import run_load
from warmgraph.store import PostgresLongTerm, WarmStore

__all__ = ["database_uri", "postgres_server"]

NS = ("memories", "ana")
BOUND = 10.0  # seconds that a loaded machine may take; how long it really takes is measured by the benchmark


class Replica:
    """A process with a store of its own."""

    def __init__(self, uri: str) -> None:
        program = str(tests.store_worker.__file__)
        self._process = subprocess.Popen(
            [sys.executable, program, uri, "postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert "ready" == self._answer()

    def __call__(self, *command: Any) -> Any:
        """Do something there, and return what came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=60)
        assert 0 == self._process.returncode

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@pytest.fixture
def other(database_uri: str) -> Iterator[Replica]:
    """Another process on the database."""
    replica = Replica(database_uri)
    yield replica
    replica.close()


@pytest.fixture
def store(database_uri: str) -> Iterator[WarmStore]:
    """A warm tier of this process on the database."""
    with WarmStore.open(database_uri, max_staleness=1.0) as opened:
        yield opened


def until(condition: Callable[[], bool]) -> None:
    """Ask again and again until something holds."""
    deadline = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < deadline


def test_a_write_in_one_process_is_seen_by_the_other(store: WarmStore, other: Replica) -> None:
    """What is warm here changes when another process writes it, by key and in recalls, and stays warm."""
    store.put(NS, "home", {"content": "I live in Lisbon."})
    store.recall(NS, "home")
    other("put", NS, "home", "I live in Porto.")
    until(lambda: "I live in Porto." == _content(store, "home"))
    other("put", NS, "work", "I work in Braga.")
    until(lambda: ["work"] == [item.key for item in store.recall(NS, "Braga").items])
    decision = store.recall(NS, "Braga").decision
    assert decision is not None
    assert "everything is warm" == decision.reason
    store._check()


def test_a_deletion_in_one_process_is_final_in_the_other(store: WarmStore, other: Replica) -> None:
    """A memory that was deleted elsewhere is gone from what is warm, and no later write of others brings it back."""
    for key in ("home", "work"):
        store.put(NS, key, {"content": f"secret {key}"})
    store.recall(NS, "secret")
    other("recall", NS, "secret")
    other("delete", NS, "home")
    until(lambda: store.get(NS, "home") is None)
    store.put(NS, "work", {"content": "secret work, again"})
    assert ["work"] == [item.key for item in store.recall(NS, "secret").items]
    assert ["work"] == other("recall", NS, "secret")
    assert other("get", NS, "home") is None


def test_writes_of_anybody_are_heard(store: WarmStore, database_uri: str) -> None:
    """Not only stores of ours: what SQL changes, deletes or empties is seen as well."""
    import psycopg

    for key in ("a", "b", "c"):
        store.put(NS, key, {"content": key})
    store.recall(NS, "a")
    with psycopg.connect(database_uri, autocommit=True) as connection:
        connection.execute("UPDATE warmgraph.store SET value = '{\"content\": \"changed\"}' WHERE key = 'a'")
        connection.execute("DELETE FROM warmgraph.store WHERE key = 'b'")
        until(lambda: ("changed", None) == (_content(store, "a"), _content(store, "b")))
        connection.execute("TRUNCATE warmgraph.store CASCADE")
        until(lambda: store.get(NS, "c") is None)
    assert [] == store.recall(NS, "c").items


def test_without_notifications_nothing_is_older_than_the_bound(store: WarmStore, database_uri: str) -> None:
    """When the database notifies nobody, the log is read all the same."""
    import psycopg

    with PostgresLongTerm(database_uri) as other, psycopg.connect(database_uri, autocommit=True) as connection:
        row = connection.execute("SELECT pg_get_functiondef('warmgraph.warmgraph_log'::regproc)").fetchone()
        assert row is not None
        connection.execute(row[0].replace("PERFORM pg_notify", "-- PERFORM pg_notify"))
        store.put(NS, "home", {"content": "Lisbon"})
        store.recall(NS, "Lisbon")
        other.put(NS, "home", {"content": "Porto"})
        until(lambda: "Porto" == _content(store, "home"))


def test_a_feed_that_hangs_makes_reads_ask_or_say_so(store: WarmStore) -> None:
    """When the log was not read for longer than the bound, a read has it read before it answers."""
    assert isinstance(store.long_term, PostgresLongTerm)
    store.put(NS, "home", {"content": "Lisbon"})
    feed = store.long_term.feed
    rounds = feed.rounds
    feed._synced_at -= 60
    assert feed.behind
    assert "Lisbon" == _content(store, "home")
    assert feed.rounds > rounds
    assert not feed.behind


def test_a_transaction_that_commits_late_is_not_missed(store: WarmStore, database_uri: str) -> None:
    """A change that was numbered before others, and committed after they were read, arrives all the same."""
    import psycopg

    for key in ("slow", "quick"):
        store.put(NS, key, {"content": "before"})
    store.recall(NS, "before")
    with psycopg.connect(database_uri) as slow, psycopg.connect(database_uri, autocommit=True) as quick:
        change = 'UPDATE warmgraph.store SET value = \'{"content": "after"}\' WHERE key = %s'
        slow.execute(change, ["slow"])
        quick.execute(change, ["quick"])
        until(lambda: "after" == _content(store, "quick"))
        assert "before" == _content(store, "slow")
        slow.commit()
        until(lambda: "after" == _content(store, "slow"))


def test_replicas_under_load_lose_nothing_and_read_nothing_old(database_uri: str) -> None:
    """Two processes with ten clients each: no acknowledged write is lost, and no read is older than the bound."""
    outcome = run_load(database_uri, seconds=4.0, clients=10, bound=BOUND)
    assert outcome.writes > 50
    assert outcome.reads > outcome.writes
    assert [] == outcome.lost
    assert [] == outcome.stale
    assert [] == outcome.errors


def _content(store: WarmStore, key: str) -> Any:
    item = store.get(NS, key)
    return None if item is None else item.value["content"]
