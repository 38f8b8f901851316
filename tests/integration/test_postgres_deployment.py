"""A deployment whose memories are in PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dev_server import DevServer
from tests.postgres_server import database_uri, postgres_server
from warmgraph.errors import InvalidArgumentError
from warmgraph.server import make_store
from warmgraph.store import PostgresLongTerm, WarmStore

__all__ = ["database_uri", "postgres_server"]

NS = ("memories", "ana")


async def test_the_environment_chooses_the_database(
    database_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With `WARMGRAPH_DATABASE_URI` the process-wide store is in that database, in the schema that is named."""
    monkeypatch.setenv("WARMGRAPH_DATABASE_URI", database_uri)
    monkeypatch.setenv("WARMGRAPH_DATABASE_SCHEMA", "agents")
    monkeypatch.setenv("WARMGRAPH_OUTBOX", str(tmp_path / "outbox.db"))
    async with make_store() as store, make_store() as same:
        assert store is same
        assert isinstance(store.long_term, PostgresLongTerm)
        assert "agents" == store.long_term.schema
        await store.aput(NS, "home", {"content": "Lisbon"})
    with WarmStore.open(database_uri, schema="agents") as found:
        assert ["home"] == [item.key for item in found.search(NS)]
    assert (tmp_path / "outbox.db").exists()


async def test_the_platforms_own_database_is_left_alone(
    database_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`DATABASE_URI` belongs to the platform: memories are in a file all the same."""
    monkeypatch.setenv("DATABASE_URI", database_uri)
    monkeypatch.setenv("WARMGRAPH_DB", str(tmp_path / "memory.db"))
    async with make_store() as store:
        assert not isinstance(store.long_term, PostgresLongTerm)


async def test_an_address_of_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that is not PostgreSQL's is an error that names the variable and not what it holds."""
    monkeypatch.setenv("WARMGRAPH_DATABASE_URI", "mysql://root:secret@host/db")
    with pytest.raises(InvalidArgumentError, match="WARMGRAPH_DATABASE_URI") as refused:
        async with make_store():
            pass
    assert "secret" not in str(refused.value)


@pytest.mark.server
@pytest.mark.timeout(300)
def test_the_dev_server_serves_memories_from_postgresql(database_uri: str, tmp_path: Path) -> None:
    """An agent on `langgraph dev` remembers in the database, without blocking its loop, and after a restart."""
    environment = {"WARMGRAPH_DATABASE_URI": database_uri}
    for text in ("I live in Lisbon and I am allergic to peanuts.", "Where do I live?"):
        with DevServer(tmp_path / "project", environment=environment) as server, server.client() as client:
            thread = client.threads.create()["thread_id"]
            told: Any = {"messages": [{"role": "user", "content": text}]}
            state: Any = client.runs.wait(thread, "memory_agent", input=told, context={"user_id": "ana"})
            assert "BlockingError" not in server.log
            items = client.store.search_items(["memories", "ana"], limit=100)["items"]
    assert "Lisbon" in str(state["messages"][-1]["content"])
    assert 4 == len(items)
    assert not (tmp_path / "project" / "memory.db").exists()
