"""The database goes away and comes back: nothing hangs, nothing is lost, and nobody restarts anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from tests.postgres_server import database_uri, postgres_server
from warmgraph.bench.postgres_server import PostgresServer
from warmgraph.errors import StoreUnavailableError
from warmgraph.prebuilt import create_memory_agent
from warmgraph.store import PostgresLongTerm, WarmStore
from warmgraph.testing import FakeEmbeddings

__all__ = ["database_uri", "postgres_server"]

NS = ("memories", "ana")
INDEX: Any = {"dims": 64, "embed": FakeEmbeddings(64), "fields": ["content"]}


@pytest.fixture
def server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """The server, which the test may stop; it runs again afterwards."""
    yield postgres_server
    postgres_server.start()


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """Name the file where writes wait."""
    return tmp_path / "outbox.db"


def until(condition: Callable[[], bool]) -> None:
    """Ask again and again until something holds."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline


def behind(store: WarmStore) -> PostgresLongTerm:
    """Return what is behind a warm tier."""
    assert isinstance(store.long_term, PostgresLongTerm)
    return store.long_term


def gone(server: PostgresServer, *stores: WarmStore) -> None:
    """Stop the server, and wait until it was noticed."""
    server.stop()
    until(lambda: all(behind(store).away is not None for store in stores))


def test_recalls_are_answered_warm_and_say_so(server: PostgresServer, database_uri: str) -> None:
    """While the database is away what is warm is recalled, the decision says why; cold reads and writes raise."""
    with WarmStore.open(database_uri, index=INDEX) as store:
        for n in range(5):
            store.put(NS, f"{n}", {"content": f"fruit{n}"})
        store.recall(NS, "fruit3")
        gone(server, store)
        recall = store.recall(NS, "fruit3")
        assert recall.decision is not None
        assert recall.decision.hit
        assert recall.decision.reason.startswith("only what is warm: the database has been away for")
        assert "3" == recall.items[0].key
        nobody = store.recall(("memories", "nobody"), "fruit3")
        assert [] == nobody.items
        assert nobody.decision is not None
        assert nobody.decision.reason.startswith("only what is warm")
        item = store.get(NS, "3")
        assert item is not None
        for call in (
            lambda: store.put(NS, "5", {"content": "fruit5"}),
            lambda: store.get(NS, "missing"),
            lambda: store.search(NS, query="fruit"),
        ):
            with pytest.raises(StoreUnavailableError):
                call()
        assert "3" == store.recall(NS, "fruit3").items[0].key


def test_recovery_needs_no_restart(server: PostgresServer, database_uri: str) -> None:
    """When the database is back reads, writes and notifications work again, in the stores that there were."""
    with WarmStore.open(database_uri) as store, WarmStore.open(database_uri) as other:
        store.put(NS, "home", {"content": "Lisbon"})
        other.recall(NS, "Lisbon")
        for content in ("Porto", "Braga"):
            gone(server, store, other)
            server.start()
            until(lambda: behind(store).away is None and behind(other).away is None)
            store.put(NS, "home", {"content": content})
            until(lambda content=content: content == _content(other, "home"))  # type: ignore[misc]
        decision = other.recall(NS, "Braga").decision
        assert decision is not None
        assert "everything is warm" == decision.reason


def test_one_broken_connection_is_no_outage(server: PostgresServer, database_uri: str) -> None:
    """When the connections of a store are cut and the database is there, reads go on, and so does listening."""
    import psycopg

    with WarmStore.open(database_uri) as store:
        store.put(NS, "home", {"content": "Lisbon"})
        with psycopg.connect(server.uri, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [database_uri.rpartition("/")[2].partition("?")[0]],
            )
        until(lambda: behind(store).away is None and 1 == len(_searched(store)))
        with PostgresLongTerm(database_uri) as other:
            other.put(NS, "home", {"content": "Porto"})
            until(lambda: "Porto" == _content(store, "home"))


def test_writes_wait_in_the_outbox(server: PostgresServer, database_uri: str, outbox: Path) -> None:
    """With an outbox writes are taken, are warm at once, and arrive in order when the database is back."""
    with WarmStore.open(database_uri, index=INDEX, outbox=outbox) as store:
        store.put(NS, "home", {"content": "I live in Lisbon."})
        store.put(NS, "old", {"content": "to be deleted"})
        store.recall(NS, "Lisbon")
        gone(server, store)
        for n in range(20):
            store.put(NS, "home", {"content": f"I live in town{n}."})
        store.delete(NS, "old")
        assert "I live in town19." == _content(store, "home")
        assert "home" == store.recall(NS, "town19").items[0].key
        assert 21 == behind(store).waiting
        server.start()
        until(lambda: behind(store).away is None)
        assert 0 == behind(store).waiting
    with WarmStore.open(database_uri, index=INDEX) as fresh:
        assert ["I live in town19."] == [item.value["content"] for item in fresh.search(NS, query="town19")]


def test_the_outbox_survives_the_process(server: PostgresServer, database_uri: str, outbox: Path) -> None:
    """What waited when the process ended is written by the next one that opens the file, each batch once."""
    with WarmStore.open(database_uri, outbox=outbox) as store:
        gone(server, store)
        store.put(NS, "home", {"content": "Lisbon"})
    server.start()
    with WarmStore.open(database_uri, outbox=outbox) as store:
        assert "Lisbon" == _content(store, "home")
        assert 0 == behind(store).waiting


def test_a_batch_that_was_replayed_is_not_written_again(
    server: PostgresServer, database_uri: str, outbox: Path, tmp_path: Path
) -> None:
    """A process that is killed after the database took a batch, and before the outbox let go of it, harms nobody."""
    import shutil

    with WarmStore.open(database_uri, outbox=outbox) as store:
        gone(server, store)
        store.put(NS, "home", {"content": "Lisbon"})
    shutil.copy(outbox, tmp_path / "copy.db")
    server.start()
    with WarmStore.open(database_uri, outbox=outbox) as store:
        store.delete(NS, "home")
    with WarmStore.open(database_uri, outbox=tmp_path / "copy.db") as store:
        assert store.get(NS, "home") is None


def test_a_write_that_waited_does_not_undo_a_later_one(server: PostgresServer, database_uri: str, outbox: Path) -> None:
    """What another replica wrote or deleted after a write was queued stays as it is."""
    with WarmStore.open(database_uri, outbox=outbox) as store:
        store.put(NS, "gone", {"content": "secret"})
        gone(server, store)
        store.put(NS, "home", {"content": "Lisbon"})
        store.put(NS, "gone", {"content": "secret, again"})
        store.put(NS, "mine", {"content": "mine"})
    server.start()
    with WarmStore.open(database_uri) as other:
        other.put(NS, "home", {"content": "Porto"})
        other.delete(NS, "gone")
    with WarmStore.open(database_uri, outbox=outbox) as store:
        assert {"home": "Porto", "mine": "mine"} == {item.key: item.value["content"] for item in store.search(NS)}


def test_an_outbox_belongs_to_one_process(database_uri: str, outbox: Path) -> None:
    """A second store on the same outbox is refused."""
    with WarmStore.open(database_uri, outbox=outbox), pytest.raises(StoreUnavailableError):
        WarmStore.open(database_uri, outbox=outbox)


async def test_the_answer_arrives_whatever_the_database_does(server: PostgresServer, database_uri: str) -> None:
    """An agent answers before, while and after the database is away; while it is away the run says what failed."""
    import asyncio

    store = await asyncio.to_thread(WarmStore.open, database_uri)
    graph = create_memory_agent("offline", store=store)
    configuration: Any = {"configurable": {"user_id": "ana"}}

    async def said(text: str) -> dict[str, Any]:
        return await graph.ainvoke({"messages": [("user", text)]}, configuration)

    first = await said("I live in Lisbon.")
    assert isinstance(first["messages"][-1], AIMessage)
    await asyncio.to_thread(gone, server, store)
    second = await said("Where do I live?")
    assert "Lisbon" in second["messages"][-1].text
    assert second["recall"]["decision"]["reason"].startswith("only what is warm")
    assert {"StoreUnavailableError"} == {failure["error"] for failure in second["memory_errors"]}
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(until, lambda: behind(store).away is None)
    third = await said("Where do I live?")
    assert "Lisbon" in third["messages"][-1].text
    assert [] == third.get("memory_errors", [])
    await store.aclose()


def _content(store: WarmStore, key: str) -> Any:
    item = store.get(NS, key)
    return None if item is None else item.value["content"]


def _searched(store: WarmStore) -> list[Any]:
    try:
        return list(store.search(NS))
    except StoreUnavailableError:
        return []
