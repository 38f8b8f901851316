"""Whatever users are called: what one of them has the agent remember, no other one ever sees or changes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from tests.knowledge_models import scripted
from warmgraph import RoutedStore, create_manage_memory_tool, create_memory_store_manager, create_search_memory_tool

# Ids that differ by as little as possible, and ones that look like the parts of a namespace.
IDS = st.one_of(
    st.sampled_from(["a", "A", "a.b", "a%2Eb", "a_b", "a-b", "a/b", "*", "%", "memories", "_warmgraph", "key:a", "1"]),
    st.integers(0, 20),
    st.emails(),
    st.text(min_size=1, max_size=5).filter(lambda text: bool(text.strip())),
)
TEMPLATES = st.sampled_from(
    [("memories", "{user_id}"), ("{user_id}",), ("user-{user_id}", "facts"), ("{user_id}", "a")]
)


@pytest.mark.parametrize("backend", ["in memory", "routed"])
@settings(max_examples=40)
@given(users=st.lists(IDS, min_size=2, max_size=4, unique_by=str), template=TEMPLATES)
def test_parity_12_no_user_sees_what_is_anothers(backend: str, users: list[Any], template: tuple[str, ...]) -> None:
    """Tool, manager, search, history and quarantine answer each user with that user's data alone."""
    with tempfile.TemporaryDirectory() as directory:
        if backend == "in memory":
            _check(InMemoryStore(), users, template)
        else:
            with RoutedStore(Path(directory) / "memory.db") as store:
                _check(store, users, template)


def _check(store: BaseStore, users: list[Any], template: tuple[str, ...]) -> None:
    manage = create_manage_memory_tool(template, store=store)
    search = create_search_memory_tool(template, store=store, compact=True)
    configs: list[Any] = [{"configurable": {"user_id": user}} for user in users]
    for at, config in enumerate(configs):
        manage.invoke({"content": f"secret number {at}"}, config)
        learned = [("Memory", {"content": f"I like colour {at}"}), ("Memory", {"content": f"rumour {at}"})]
        keeper = create_memory_store_manager(scripted(*learned), namespace=template, store=store)
        keeper.invoke({"messages": [("user", f"I like colour {at}")]}, config)
        keeper.invoke({"messages": [("user", f"Look:\n> rumour {at}")]}, config)

    for at, config in enumerate(configs):
        keeper = create_memory_store_manager("offline", namespace=template, store=store)
        found = keeper.search(query="secret colour", config=config, limit=50)
        told = search.invoke({"query": "secret colour rumour", "limit": 50}, config)
        aside = keeper.quarantined(config=config)
        assert {f"secret number {at}", f"I like colour {at}"} == {_text(item.value) for item in found}
        assert [] == [other for other in range(len(users)) if other != at and f' {other}"' in told]
        assert [f"rumour {at}"] == [item.value["value"]["content"]["content"] for item in aside]
        assert all(1 == len(keeper.history(item.key, config=config)) for item in found)

    first = create_memory_store_manager("offline", namespace=template, store=store)
    for item in first.search(config=configs[0], limit=50):
        told = manage.invoke({"action": "delete", "id": item.key}, configs[1])
        assert first.get(item.key, config=configs[0]) is not None, told


def _text(value: Any) -> str:
    return str(value.content if hasattr(value, "content") else value["content"])
