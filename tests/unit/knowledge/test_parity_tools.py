"""Namespaces and tools: statements 11 to 13 of what LangMem's successors have to hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.func import entrypoint
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from tests.knowledge_models import Profile, calls
from warmgraph import (
    NamespaceTemplate,
    RoutedStore,
    create_manage_memory_tool,
    create_memory_searcher,
    create_memory_store_manager,
    create_search_memory_tool,
)
from warmgraph.errors import InvalidArgumentError, UnresolvedNamespaceError
from warmgraph.knowledge import TrustPolicy
from warmgraph.nodes import MemoryContext
from warmgraph.testing import ManualClock, ScriptedChatModel

Call = Callable[..., Any]
USER: RunnableConfig = {"configurable": {"user_id": "ana"}}
PLACE = ("memories", "{user_id}")
SPACE = ("memories", "ana")


@pytest.fixture(params=["in memory", "routed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStore]:
    """Open a store of LangGraph's, and one of ours."""
    if request.param == "in memory":
        yield InMemoryStore()
    else:
        with RoutedStore(tmp_path / "memory.db") as routed:
            yield routed


def of(**values: Any) -> Any:
    """Return a config with such values."""
    return {"configurable": values}


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("user-{id}", {"id": "bob"}, ("user-bob",)),
        ("{a}-{b}", {"a": "x", "b": "y"}, ("x-y",)),
        (["memories", "{langgraph_user_id}"], {"user_id": 7}, ("memories", "7")),
        (NamespaceTemplate(("fixed",)), {}, ("fixed",)),
    ],
)
def test_parity_11_templates_resolve(template: Any, values: dict[str, Any], expected: tuple[str, ...]) -> None:
    """Variables within a label, several in one, and lists resolve; a template of a template is the same."""
    assert expected == NamespaceTemplate(template)(of(**values))


@pytest.mark.parametrize("values", [{}, {"user_id": None}, {"user_id": ""}, {"user_id": "  "}, {"user_id": True}])
def test_parity_11_without_a_user_there_is_no_memory(call: Call, store: BaseStore, values: dict[str, Any]) -> None:
    """A missing, `None` or empty id is an error of every part, before anything is written."""
    model = ScriptedChatModel(script=[calls(("Memory", {"content": "x"}))] * 9)
    parts: list[tuple[Any, Any]] = [
        (create_memory_store_manager(model, namespace=PLACE, store=store), {"messages": [("user", "x")]}),
        (create_memory_searcher(model, namespace=PLACE, store=store), {"messages": [("user", "x")]}),
        (create_manage_memory_tool(PLACE, store=store), {"content": "x"}),
        (create_search_memory_tool(PLACE, store=store), {"query": "x"}),
    ]
    for part, input in parts:
        with pytest.raises(UnresolvedNamespaceError, match="user_id"):
            call(part, input, of(**values))
    assert [] == store.list_namespaces()


@pytest.mark.parametrize("template", ["{user_id", "user_id}", ("a", ""), (), "{a}{b}", "a.b"])
def test_parity_11_an_unresolvable_brace_is_an_error(template: Any) -> None:
    """A template that could not be resolved in full is refused when it is made."""
    with pytest.raises(InvalidArgumentError, match="namespace"):
        create_search_memory_tool(template)


def test_parity_11_bob_never_reads_what_is_alices(call: Call, store: BaseStore) -> None:
    """A variable inside a label is filled in, and keeps users apart."""
    manage = create_manage_memory_tool("user-{id}", store=store)
    search = create_search_memory_tool("user-{id}", store=store)
    call(manage, {"content": "Alice's secret"}, of(id="alice"))

    assert "Alice's secret" in call(search, {"query": "secret"}, of(id="alice"))
    assert "[]" == call(search, {"query": "secret"}, of(id="bob"))


@pytest.mark.parametrize("user", ["ana@example.org", "a.b", "100%", "a_b", "a%2Eb", 7, "-", "名前"])
def test_parity_12_any_id_is_a_label(call: Call, store: BaseStore, user: Any) -> None:
    """Ids with dots, signs and escapes are written and read back, and none is another's."""
    manage = create_manage_memory_tool(PLACE, store=store)
    search = create_search_memory_tool(PLACE, store=store, compact=True)
    others = ["ana@example%2Eorg", "a%2Eb", "a.b", "a_b", "a-b", "100%25", "77"]

    call(manage, {"content": "mine"}, of(user_id=user))

    assert "mine" in call(search, {"query": "mine"}, of(user_id=user))
    assert [""] * len(others) == [
        call(search, {"query": "mine"}, of(user_id=other)) if str(other) != str(user) else "" for other in others
    ]


def test_parity_13_errors_name_the_missing_key() -> None:
    """A configuration error is an Exception and a ValueError, and says which key has no value."""
    tool = create_manage_memory_tool(("org", "{team}", "{user_id}"), store=InMemoryStore())
    with pytest.raises(UnresolvedNamespaceError, match="team") as raised:
        tool.invoke({"content": "x"}, USER)
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"action": "update", "id": "nothing", "content": "x"}, "There is no memory 'nothing'"),
        ({"action": "delete", "id": "any id: \u00e9/7"}, "There is no memory 'any id: \u00e9/7'"),
        ({"action": "delete"}, "MEMORY ID is needed"),
        ({"action": "create"}, "content is needed"),
        ({"action": "create", "content": "  "}, "content is needed"),
        ({"action": "update", "id": "food"}, "content is needed"),
        ({"action": "create", "content": "x", "id": "food"}, "cannot be chosen"),
    ],
)
def test_parity_13_the_model_is_told_what_cannot_be_done(
    call: Call, store: BaseStore, arguments: dict[str, Any], told: str
) -> None:
    """What cannot be done comes back as a failed tool message in words, and nothing changes."""
    store.put(SPACE, "food", {"content": "sushi"})
    tool = create_manage_memory_tool(PLACE, store=store)

    message = call(tool, {"type": "tool_call", "name": "manage_memory", "args": arguments, "id": "1"}, USER)

    assert told in message.content
    assert "error" == message.status
    assert [{"content": "sushi"}] == [item.value for item in store.search(SPACE)]


def test_parity_13_create_update_delete(call: Call, store: BaseStore) -> None:
    """The three actions work, on ids of any form; an update keeps what code wrote beside the content."""
    tool = create_manage_memory_tool(PLACE, store=store, clock=ManualClock())
    created = call(tool, {"content": "I like tea"}, USER)
    key = created.removeprefix("created memory ")
    store.put(SPACE, "id/7", {"kind": "Memory", "content": {"content": "old"}, "mood": "fine"})

    assert f"updated memory {key}" == call(tool, {"action": "update", "id": key, "content": "I like coffee"}, USER)
    assert "updated memory id/7" == call(tool, {"action": "update", "id": "id/7", "content": "new"}, USER)
    assert f"Deleted memory {key}" == call(tool, {"action": "delete", "id": key}, USER)

    (item,) = store.search(SPACE)
    assert ({"content": "new"}, "Memory", "fine") == (item.value["content"], item.value["kind"], item.value["mood"])
    keeper = create_memory_store_manager("offline", namespace=PLACE, store=store)
    assert ["I like tea", "I like coffee"] == [one.value["content"] for one in keeper.history(key, config=USER)]


def test_parity_13_schema_and_actions_are_what_was_asked_for(call: Call, store: BaseStore) -> None:
    """Content is of the schema, and other actions than the permitted ones do not exist for the model."""
    tool = create_manage_memory_tool(PLACE, schema=Profile, actions_permitted=("create", "update"), store=store)
    call(tool, {"content": {"city": "Lisbon"}}, USER)

    (item,) = store.search(SPACE)
    assert {"name": "", "city": "Lisbon", "age": 0} == item.value["content"]
    assert ["create", "update"] == tool.tool_call_schema.model_json_schema()["properties"]["action"]["enum"]  # type: ignore[union-attr]
    assert "Create or update a memory" in tool.description
    with pytest.raises(InvalidArgumentError, match="actions_permitted"):
        create_manage_memory_tool(PLACE, actions_permitted=())


def test_parity_13_search_is_capped_and_can_be_compact(call: Call, store: BaseStore) -> None:
    """However much the model asks for, it gets no more than the limit; a compact result is ids and texts."""
    for number in range(12):
        store.put(SPACE, str(number), {"kind": "Memory", "content": {"content": f"tea {number}"}})
    full = create_search_memory_tool(PLACE, store=store, max_limit=5, response_format="content_and_artifact")
    compact = create_search_memory_tool(PLACE, store=store, max_limit=3, compact=True)
    request = {"type": "tool_call", "name": "search_memory", "args": {"query": "tea", "limit": 10**9}, "id": "1"}

    message = call(full, request, USER)
    lines = [json.loads(line) for line in call(compact, {"query": "tea", "limit": 0}, USER).splitlines()]

    assert [item.key for item in message.artifact] == [one["key"] for one in json.loads(message.content)]
    assert 5 == len(message.artifact)
    assert 1 == len(lines)
    assert f"tea {lines[0]['id']}" == lines[0]["text"]


def test_a_search_leaves_out_what_no_longer_holds(call: Call, store: BaseStore) -> None:
    """A memory that has ended is no answer of the tool."""
    store.put(SPACE, "old", {"content": "Lives in Lisbon.", "valid_to": "2026-01-01"})
    store.put(SPACE, "new", {"content": "Lives in Porto.", "valid_to": "2996-01-01"})
    tool = create_search_memory_tool(("memories", "{user_id}"), store=store, compact=True)

    assert ["new"] == [json.loads(line)["id"] for line in call(tool, {"query": "lives"}, of(user_id="ana")).split("\n")]


def test_tools_take_user_and_store_from_the_graph_around_them(call: Call) -> None:
    """Inside a graph neither store nor config is handed over, and the runtime context says who the user is."""
    manage, search = create_manage_memory_tool(PLACE), create_search_memory_tool(PLACE)
    store = InMemoryStore()

    @entrypoint(store=store, context_schema=MemoryContext)
    def graph(content: str, *, runtime: Runtime[MemoryContext]) -> Any:
        manage.invoke({"content": content})
        return search.invoke({"query": content})

    called: Any = graph
    assert "I like tea" in called.invoke("I like tea", context=MemoryContext("ana"))
    assert [SPACE] == store.list_namespaces()


def test_a_policy_can_hold_the_tool_back(call: Call, store: BaseStore) -> None:
    """With a policy that trusts users alone, what the agent writes is kept for review."""
    tool = create_manage_memory_tool(PLACE, store=store, policy=TrustPolicy(store_from=1.0))

    assert "kept for review" in call(tool, {"content": "I like tea"}, USER)
    assert [] == store.search(SPACE)


def test_a_searcher_merges_what_its_queries_find(call: Call, store: BaseStore) -> None:
    """Each memory is found once, the best first, by the queries of the model or else by the user's words."""
    store.put(SPACE, "food", {"content": "I like sushi for dinner"})
    store.put(SPACE, "city", {"content": "I live in Lisbon"})
    queries = calls(("search_memory", {"query": "sushi dinner"}), ("search_memory", {"query": "sushi"}))
    asked = {"messages": [("user", "What sushi do I like for dinner?")]}

    for reply in (queries, "no idea"):
        searcher = create_memory_searcher(ScriptedChatModel(script=[reply]), namespace=PLACE, store=store)
        found = call(searcher, asked, USER)
        keys = [item.key for item in found]
        assert "food" in keys
        assert len(keys) == len(set(keys))
        assert sorted((item.score or 0.0 for item in found), reverse=True) == [item.score or 0.0 for item in found]


def test_async_callers_on_two_loops_share_a_tool(store: BaseStore) -> None:
    """A tool is bound to no event loop."""
    tool = create_manage_memory_tool(PLACE, store=store)
    for number in range(2):
        asyncio.run(tool.ainvoke({"content": f"fact {number}"}, USER))
    assert 2 == len(store.search(SPACE))
