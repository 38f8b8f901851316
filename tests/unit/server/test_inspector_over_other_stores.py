"""The inspector over stores that are not in a file of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from tests.postgres_server import database_uri, postgres_server
from warmgraph import WarmStore
from warmgraph.server.inspector import Memories, Viewer

__all__ = ["database_uri", "postgres_server"]

ANA = ("memories", "ana")


@pytest.fixture(params=["InMemoryStore", "WarmStore", "PostgreSQL"])
def any_store(request: pytest.FixtureRequest) -> Iterator[BaseStore]:
    if request.param == "PostgreSQL":
        with WarmStore.open(request.getfixturevalue("database_uri")) as store:
            yield store
    else:
        yield InMemoryStore() if request.param == "InMemoryStore" else WarmStore()


def test_a_memory_lives_its_life_in_any_store(any_store: BaseStore) -> None:
    """Shown, recalled, edited, restored and forgotten, with its history kept out of sight."""
    any_store.put(ANA, "home", {"kind": "Memory", "content": "I live in Lisbon."})
    any_store.put(ANA, "tea", {"kind": "Memory", "content": "I drink sencha."})
    memories, viewer = Memories(any_store), Viewer()

    async def life() -> None:
        page = await memories.page(viewer, ANA)
        assert {"home", "tea"} == {item["key"] for item in page["items"]}
        found = await memories.recall(viewer, ANA, "Where do I live? In Lisbon?")
        assert "home" in [item["key"] for item in found["items"]]
        assert "changed" == await memories.edit(viewer, ANA, "home", "I live in Porto.", None)
        assert [list(ANA)] == [each["namespace"] for each in (await memories.namespaces(viewer))["namespaces"]]
        assert await memories.undo(viewer, ANA, "home")
        shown = await memories.memory(viewer, ANA, "home")
        assert shown is not None
        assert "I live in Lisbon." == shown["item"]["content"]
        assert ["I live in Lisbon.", "I live in Porto."] == [past["content"] for past in shown["history"]]
        await memories.forget(viewer, ANA, "home")
        assert await memories.memory(viewer, ANA, "home") is None
        assert not await any_store.asearch(("_warmgraph", "history"))

    asyncio.run(life())
