"""PostgreSQL behind the warm tier: set up by one call, for sync callers and any number of event loops."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.postgres_server import database_uri, postgres_server
from warmgraph.errors import InvalidArgumentError, InvalidValueError, StoreUnavailableError, StoreVersionError
from warmgraph.store import PostgresLongTerm, WarmStore
from warmgraph.testing import FakeEmbeddings

__all__ = ["database_uri", "postgres_server"]

NS = ("memories", "ana")
INDEX: Any = {"dims": 64, "embed": FakeEmbeddings(64), "fields": ["content"]}


@pytest.fixture
def store(database_uri: str) -> Iterator[WarmStore]:
    """A warm tier in front of an empty database."""
    with WarmStore.open(database_uri, index=INDEX) as opened:
        yield opened


def test_what_was_written_is_there_after_a_restart(database_uri: str) -> None:
    """A put that returned is in the database: another store finds it, by its key and by what it says."""
    with WarmStore.open(database_uri, index=INDEX) as first:
        first.put(NS, "home", {"content": "I live in Lisbon."})
    with WarmStore.open(database_uri, index=INDEX) as second:
        item = second.get(NS, "home")
        recalled = second.recall(NS, "Where is Lisbon?")
    assert item is not None
    assert {"content": "I live in Lisbon."} == item.value
    assert ["home"] == [each.key for each in recalled.items]
    assert recalled.decision is not None
    assert "first touch of this namespace" == recalled.decision.reason


def test_sync_callers_and_event_loops_share_one_store(store: WarmStore) -> None:
    """Threads without a loop and several loops at once write, read and search, and all of it arrives."""

    async def turn(name: str, number: int) -> list[str]:
        await store.aput(NS, f"{name}-{number}", {"content": f"{name} said {number}"})
        await store.arecall(NS, name)
        return [item.key for item in await store.asearch(NS, query=f"{name} said {number}", limit=3)]

    async def turns(name: str) -> list[list[str]]:
        return list(await asyncio.gather(*(turn(name, number) for number in range(8))))

    found: dict[str, Any] = {}
    threads = [
        threading.Thread(target=lambda name=name: found.update({name: asyncio.run(turns(name))}))
        for name in ("bea", "cid", "dov")
    ]
    for thread in threads:
        thread.start()
    for number in range(8):
        store.put(NS, f"sync-{number}", {"content": f"sync said {number}"})
    for thread in threads:
        thread.join()
    assert {"bea", "cid", "dov"} == set(found)
    for name, answers in found.items():
        assert [f"{name}-{number}" for number in range(8)] == [keys[0] for keys in answers]
    assert 32 == len(store.search(NS, limit=100))


async def test_langgraphs_async_store_serves_other_loops_as_well(database_uri: str) -> None:
    """A warm tier in front of `AsyncPostgresStore` can be used from a loop that is not the store's own."""
    from langgraph.store.postgres import AsyncPostgresStore

    async with AsyncPostgresStore.from_conn_string(database_uri) as behind:
        await behind.setup()
        store = WarmStore(behind)
        await store.aput(NS, "home", {"content": "I live in Lisbon."})

        async def elsewhere() -> list[str]:
            await store.aput(NS, "work", {"content": "I work in Porto."})
            return sorted(item.key for item in await store.asearch(NS))

        found = await asyncio.to_thread(asyncio.run, elsewhere())
        from_a_thread = await asyncio.to_thread(store.search, NS)
        store.close()
    assert ["home", "work"] == found
    assert 2 == len(from_a_thread)


@pytest.mark.parametrize("capacity", [256, 4])
def test_a_small_tenant_beside_large_ones_is_found_whole(database_uri: str, capacity: int) -> None:
    """A search in a namespace of 12 returns its best 10, however many items others have that are closer."""
    with WarmStore.open(database_uri, index=INDEX, capacity=capacity) as store:
        for tenant in range(10):
            texts = [(f"{n}", {"content": f"apples and pears number {n}"}) for n in range(60)]
            for key, value in texts:
                store.put(("memories", f"large{tenant}"), key, value)
        for n in range(12):
            store.put(NS, f"{n}", {"content": f"pears beside the window {n}"})
        found = store.search(NS, query="apples and pears number 3", limit=10)
    assert 10 == len(found)
    assert {NS} == {item.namespace for item in found}
    scores = [item.score for item in found if item.score is not None]
    assert sorted(scores, reverse=True) == scores


def test_an_approximate_index_that_is_there_already_is_not_used(database_uri: str) -> None:
    """In a schema that LangGraph's store had set up with HNSW, a search in a namespace is exact nevertheless."""
    import psycopg
    from langgraph.store.postgres import PostgresStore

    with psycopg.connect(database_uri, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    with PostgresStore.from_conn_string(database_uri, index=INDEX) as before:
        before.setup()
        before.put(NS, "old", {"content": "pears from before"})
    with PostgresLongTerm(database_uri, schema="public", index=INDEX) as store:
        with store._connections.connection() as connection:
            plan = connection.execute(
                "EXPLAIN SELECT key FROM store_vectors ORDER BY embedding <=> %s::vector LIMIT 10", [[0.5] * 64]
            ).fetchall()
        found = store.search(NS, query="pears", limit=10)
        version = store.rows(NS, ["old"])["old"].version
    assert "store_vectors_embedding_idx" not in str(plan)
    assert ["old"] == [item.key for item in found]
    assert version > 0


def test_a_namespace_that_is_too_large_is_not_peeked_into(database_uri: str) -> None:
    """Beyond the bound of bytes the router says that it cannot judge cold items, and the database is searched."""
    with WarmStore.open(database_uri, index=INDEX, capacity=4, max_index_bytes=20_000) as store:
        for n in range(40):
            store.put(NS, f"{n}", {"content": f"pears number {n}"})
        store.recall(NS, "pears number 3", limit=3)
        recall = store.recall(NS, "pears number 3", limit=3)
    assert recall.decision is not None
    assert "cold items are not indexed here" == recall.decision.reason
    assert "long_term" == recall.tier
    assert "3" == recall.items[0].key


def test_hits_ask_the_database_nothing(store: WarmStore) -> None:
    """Once a namespace is warm a recall of what it holds works without a connection."""
    for n in range(5):
        store.put(NS, f"{n}", {"content": f"fruit{n}"})
    store.recall(NS, "fruit3")
    assert isinstance(store.long_term, PostgresLongTerm)
    store.long_term._connections.away = lambda: "nobody may ask"
    recall = store.recall(NS, "fruit3")
    assert recall.decision is not None
    assert ("warm", True, "3") == (recall.tier, recall.decision.hit, recall.items[0].key)


def test_two_schemas_share_a_database(database_uri: str) -> None:
    """Stores in schemas of their own know nothing of each other, and both have vectors."""
    with (
        WarmStore.open(database_uri, index=INDEX, schema="one") as one,
        WarmStore.open(database_uri, index=INDEX, schema="two") as two,
    ):
        one.put(NS, "home", {"content": "Lisbon"})
        assert [] == two.search(NS)
        two.put(NS, "home", {"content": "Porto"})
        assert ["Lisbon"] == [item.value["content"] for item in one.search(NS, query="Porto")]


def test_replicas_that_start_at_once_set_up_one_schema(database_uri: str) -> None:
    """Of several that start on an empty database each finds it set up."""
    made: list[PostgresLongTerm] = []
    threads = [
        threading.Thread(target=lambda: made.append(PostgresLongTerm(database_uri, index=INDEX))) for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made[0].put(NS, "home", {"content": "Lisbon"})
    assert [1, 1, 1, 1] == [len(store.search(NS, query="Lisbon")) for store in made]
    for store in made:
        store.close()


def test_what_has_expired_is_not_returned(store: WarmStore) -> None:
    """An item that lives for no time is gone at once, from search, get and recall."""
    store.put(NS, "home", {"content": "Lisbon"}, ttl=0)
    assert (None, []) == (store.get(NS, "home"), store.search(NS))
    assert [] == store.recall(NS, "Lisbon").items
    assert 1 == store.sweep_ttl()


def test_values_that_postgresql_refuses_are_refused_by_name(store: WarmStore) -> None:
    """A NUL character is an invalid value, not an error of a driver, and nothing is written."""
    with pytest.raises(InvalidValueError):
        store.put(NS, "home", {"content": "a\0b"})
    assert store.get(NS, "home") is None


@pytest.mark.parametrize("options", [{"schema": "Robert'; --"}, {"max_staleness": 0}, {"max_connections": 0}])
def test_bad_arguments_are_refused(database_uri: str, options: dict[str, Any]) -> None:
    """What an option cannot be is refused before the database is touched."""
    with pytest.raises(InvalidArgumentError):
        PostgresLongTerm(database_uri, **options)


def test_a_database_that_is_not_there_is_said_to_be_unavailable() -> None:
    """Opening an address where nobody listens raises the store's own error."""
    with pytest.raises(StoreUnavailableError):
        PostgresLongTerm("postgresql://postgres@127.0.0.1:1/none", connect_seconds=2)


def test_a_schema_of_a_newer_version_is_left_alone(database_uri: str) -> None:
    """What a newer version has set up is not used by an older one."""
    import psycopg

    PostgresLongTerm(database_uri).close()
    with psycopg.connect(database_uri, autocommit=True) as connection:
        connection.execute("INSERT INTO warmgraph.warmgraph_schema VALUES (999)")
    with pytest.raises(StoreVersionError):
        PostgresLongTerm(database_uri)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_works_on_connections_of_its_own(store: WarmStore) -> None:
    """After a fork parent and child both read and write, and each hears of the other's writes."""
    store.put(NS, "home", {"content": "Lisbon"})
    child = os.fork()
    if not child:
        try:
            item = store.get(NS, "home")
            store.put(NS, "child", {"content": "written by the child"})
            recalled = store.recall(NS, "written by the child")
            fine = item is not None and recalled.items[0].key == "child"
        except BaseException:
            fine = False
        os._exit(0 if fine else 1)
    _, status = os.waitpid(child, 0)
    store.put(NS, "parent", {"content": "written by the parent"})
    assert 0 == os.waitstatus_to_exitcode(status)
    assert ["child", "home", "parent"] == sorted(item.key for item in store.search(NS))
