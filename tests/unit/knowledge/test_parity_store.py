"""The store manager: statements 6 to 10 of what LangMem's successors have to hold."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.func import entrypoint
from langgraph.store.base import BaseStore, Op, PutOp, Result, SearchOp
from langgraph.store.memory import InMemoryStore

from tests.knowledge_models import ANA, DARK, HELLO, NOTHING, Profile, calls, scripted
from warmgraph import RoutedStore, create_manage_memory_tool, create_memory_store_manager, create_search_memory_tool
from warmgraph.errors import InvalidArgumentError, StoreError
from warmgraph.knowledge import Memory, MemoryStoreManager
from warmgraph.testing import ManualClock, ScriptedChatModel

Call = Callable[..., Any]
SPACE = ("memories", "ana")


class WatchedStore(InMemoryStore):
    """A store that notes what it is asked, and that may refuse to write."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.searches: list[SearchOp] = []
        self.broken = broken

    def _note(self, ops: Iterable[Op]) -> list[Op]:
        listed = list(ops)
        self.searches += [op for op in listed if isinstance(op, SearchOp)]
        if self.broken and any(isinstance(op, PutOp) for op in listed):
            raise OSError("disk full")
        return listed

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        return super().batch(self._note(ops))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        return await super().abatch(self._note(ops))


@pytest.fixture(params=["in memory", "routed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStore]:
    """Open a store of LangGraph's, and one of ours."""
    if request.param == "in memory":
        yield InMemoryStore()
    else:
        with RoutedStore(tmp_path / "memory.db") as routed:
            yield routed


def manager(model: Any, store: BaseStore, **options: Any) -> MemoryStoreManager:
    """Make a manager over a store."""
    return create_memory_store_manager(model, store=store, **options)


def texts(store: BaseStore) -> list[str]:
    """Return what is stored for Ana, as texts."""
    contents = [item.value["content"] for item in store.search(SPACE, limit=100)]
    return sorted(one["content"] if isinstance(one, dict) else one for one in contents)


@pytest.mark.parametrize("limit", [1, 2, 5, 12])
def test_parity_06_any_query_limit_searches(call: Call, limit: int) -> None:
    """Any limit makes at least one search, each window of the conversation once, with the user's text alone."""
    store = WatchedStore()
    messages = [("user", "I live in Lisbon."), ("ai", "Noted."), ("user", "I prefer dark mode.")]

    call(manager(scripted(NOTHING), store, query_limit=limit), {"messages": messages}, ANA)

    queries = [search.query for search in store.searches if search.query is not None]
    assert 1 <= len(queries) == len(set(queries)) <= max(1, limit // 4)
    assert "I prefer dark mode." == queries[0]
    assert all("Human" not in str(query) and "Noted" not in str(query) for query in queries)
    assert {limit} == {search.limit for search in store.searches if search.query is not None}


@pytest.mark.parametrize("limit", [0, -1, True, "5"])
def test_parity_06_a_limit_is_one_or_more(limit: Any) -> None:
    """A limit that would never search is refused when the manager is made."""
    with pytest.raises(InvalidArgumentError, match="query_limit"):
        manager(scripted(), InMemoryStore(), query_limit=limit)


def test_parity_06_a_query_model_writes_the_queries(call: Call) -> None:
    """With a query model its queries are searched for; where it writes none, the user's text is."""
    store = WatchedStore()
    asked = calls(("search_memory", {"query": "colours"}), ("search_memory", {"query": "cities"}))

    call(manager(scripted(NOTHING), store, query_model=scripted(asked)), HELLO, ANA)
    call(manager(scripted(NOTHING), store, query_model=scripted("no idea")), HELLO, ANA)

    assert ["colours", "cities", HELLO["messages"][0]["content"]] == [
        search.query for search in store.searches if search.query is not None
    ]


def test_parity_07_a_default_is_never_overwritten_by_the_default(call: Call, store: BaseStore) -> None:
    """The default is written once, under its key; a profile there is found by that key, whatever the search finds."""
    profile = {"kind": "Profile", "content": {"name": "Ana", "city": "Porto", "age": 40}}
    keeper = manager(scripted(NOTHING, NOTHING), store, schemas=[Profile], default={"city": "?"}, query_limit=1)

    call(keeper, HELLO, ANA)
    assert Profile(city="?") == keeper.get("default", config=ANA).value  # type: ignore[union-attr]
    store.put(SPACE, "default", profile)
    for number in range(4):
        store.put(SPACE, str(number), {"content": HELLO["messages"][0]["content"]})
    call(keeper, HELLO, ANA)

    item = store.get(SPACE, "default")
    assert item is not None
    assert profile == item.value
    assert '"Porto"' in keeper.setup.model.prompts[1][1].text  # type: ignore[attr-defined]


def test_parity_07_a_default_is_seen_before_it_is_stored(store: BaseStore) -> None:
    """`get` and `search` answer with the default while nothing is stored; a default that fits no schema is refused."""
    keeper = manager(scripted(), store, default_factory=lambda config: config["configurable"]["langgraph_user_id"])

    assert Memory(content="ana") == keeper.get("default", config=ANA).value  # type: ignore[union-attr]
    assert [Memory(content="ana")] == [item.value for item in keeper.search(config=ANA)]
    assert keeper.get("other", config=ANA) is None
    assert [] == store.search(SPACE)
    with pytest.raises(InvalidArgumentError, match="default"):
        manager(scripted(), store, schemas=[Profile], default={"age": "old"})
    with pytest.raises(ValueError, match="either default or default_factory"):
        manager(scripted(), store, default="a", default_factory=lambda config: "b")


def test_parity_08_every_part_reads_what_every_part_writes(call: Call, store: BaseStore) -> None:
    """Memories of the tool, of `put`, of the manager and of LangMem are read everywhere; a broken one fails nothing."""
    tool = create_manage_memory_tool(("memories", "{langgraph_user_id}"), store=store)
    search = create_search_memory_tool(("memories", "{langgraph_user_id}"), store=store)
    tool.invoke({"content": "from the tool"}, ANA)
    keeper = manager(scripted(DARK, NOTHING), store, query_limit=20)
    keeper.put("put", {"likes": "from put"}, config=ANA)
    store.put(SPACE, "langmem-tool", {"content": {"content": "from LangMem's tool"}})
    store.put(SPACE, "langmem", {"kind": "Memory", "content": {"content": "from LangMem"}})
    store.put(SPACE, "broken", {"kind": "Memory", "content": {"content": [1, 2]}})
    store.put(SPACE, "unknown", {"kind": "Elsewhere", "content": {"x": 1}})

    call(keeper, HELLO, ANA)
    call(keeper, HELLO, ANA)

    found = {item.key: item for item in keeper.search(config=ANA, limit=20)}
    shown = keeper.setup.model.prompts[1][1].text  # type: ignore[attr-defined]
    told = search.invoke({"query": "from", "limit": 20}, ANA)
    for text in ("from the tool", "from put", "from LangMem's tool", "from LangMem", "dark mode"):
        assert text in shown
        assert text in told
    assert Memory(content="from LangMem") == found["langmem"].value
    assert {"likes": "from put"} == found["put"].value
    assert [False] == [item.readable for item in found.values() if item.key == "broken"]
    assert {"kind": "Memory", "content": {"content": [1, 2]}} == found["broken"].value
    assert found["unknown"].readable


def test_parity_09_sync_and_async_do_the_same(store: BaseStore, tmp_path: Path) -> None:
    """The same conversation leaves the same memories, by the same keys, and the same result."""
    reply = calls(DARK, ("Memory", {"content": "My city is Lisbon"}), ("update_memory", {"id": "tea", "content": {}}))
    results = []
    for way in ("sync", "async"):
        with RoutedStore(tmp_path / f"{way}.db") as here:
            here.put(SPACE, "tea", {"content": "I like tea"})
            keeper = manager(scripted(reply), here, clock=ManualClock())
            done = keeper.invoke(HELLO, ANA) if way == "sync" else asyncio.run(keeper.ainvoke(HELLO, ANA))
            results.append((list(done), done.changes))

    assert results[0] == results[1]
    assert 2 == len(results[0][0])


def test_parity_09_no_failed_write_is_swallowed(call: Call) -> None:
    """A store that cannot write makes the call fail, in its own words."""
    with pytest.raises(OSError, match="disk full"):
        call(manager(scripted(DARK), WatchedStore(broken=True)), HELLO, ANA)


def test_parity_09_the_same_fact_is_stored_once(call: Call, store: BaseStore) -> None:
    """However often, in whatever case and by whichever part a fact is written, it is one memory."""
    again = calls(("Memory", {"content": "user prefers DARK mode."}), DARK, DARK)
    keeper = manager(scripted(DARK, again), store)
    tool = create_manage_memory_tool(("memories", "{langgraph_user_id}"), store=store)

    call(keeper, HELLO, ANA)
    second = call(keeper, HELLO, ANA)
    told = tool.invoke({"content": "User prefers dark mode"}, ANA)

    assert ["User prefers dark mode"] == texts(store)
    assert [] == list(second)
    assert {"unchanged"} == {change.action for change in second.changes}
    assert "says so already" in told


def test_parity_09_sixteen_threads_store_a_fact_once(store: BaseStore) -> None:
    """Managers that learn the same at the same time write it once."""
    keeper = manager(ScriptedChatModel(script=[calls(DARK)] * 16), store)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: keeper.invoke(HELLO, ANA), range(16)))

    assert ["User prefers dark mode"] == texts(store)


@pytest.mark.parametrize("way", ["threads", "loop"])
def test_parity_09_concurrent_updates_of_different_fields_both_survive(store: BaseStore, way: str) -> None:
    """Two calls that read the same profile and change different fields of it leave both changes."""
    store.put(SPACE, "me", {"kind": "Profile", "content": {"name": "Ana", "city": "Lisbon", "age": 40}})
    both_have_read = threading.Barrier(2)

    def replying(content: dict[str, Any]) -> Callable[[list[BaseMessage]], AIMessage]:
        def reply(messages: list[BaseMessage]) -> AIMessage:
            both_have_read.wait(timeout=20)
            return calls(("update_memory", {"id": "me", "content": content}))

        return reply

    moved = manager(scripted(replying({"city": "Porto"})), store, schemas=[Profile])
    older = manager(scripted(replying({"age": 41})), store, schemas=[Profile])
    with ThreadPoolExecutor(2) as pool:
        if way == "threads":
            list(pool.map(lambda keeper: keeper.invoke(HELLO, ANA), [moved, older]))
        else:
            list(pool.map(lambda keeper: asyncio.run(keeper.ainvoke(HELLO, ANA)), [moved, older]))

    item = store.get(SPACE, "me")
    assert item is not None
    assert {"name": "Ana", "city": "Porto", "age": 41} == item.value["content"]


def test_parity_10_an_update_keeps_created_at_and_leaves_history(call: Call, store: BaseStore) -> None:
    """A changed memory is as old as it was, and what it said before can be read, with from when until when."""
    clock = ManualClock()
    reply: Any = ("update_memory", {"id": "", "content": {"content": "User prefers light mode"}})
    keeper = manager(scripted(DARK), store, clock=clock)
    (put,) = call(keeper, HELLO, ANA)
    before = keeper.get(put["key"], config=ANA)
    reply[1]["id"] = put["key"]
    clock.advance(minutes=5)

    call(manager(scripted(reply), store, clock=clock), {"messages": [("user", "I prefer light mode.")]}, ANA)

    after = keeper.get(put["key"], config=ANA)
    old, new = keeper.history(put["key"], config=ANA)
    assert before is not None
    assert after is not None
    assert before.created_at == after.created_at
    assert [Memory(content="User prefers light mode")] == [after.value]
    assert put["value"] == old.value
    assert old.valid_to == new.valid_from == clock.now().isoformat()
    assert (None, "changed") == (new.valid_to, old.ended)
    assert f"{put['key']}#1" == new.value["supersedes"]
    assert ["User prefers light mode"] == texts(store)


def test_parity_10_what_was_deleted_can_be_read_back(call: Call, store: BaseStore) -> None:
    """A memory that the model deletes is history, and a later one under its key does not write over that."""
    keeper = manager(scripted(DARK), store)
    (put,) = call(keeper, HELLO, ANA)
    gone = scripted(("delete_memory", {"id": put["key"]}), DARK, ("delete_memory", {"id": put["key"]}))
    deleter = manager(gone, store, enable_deletes=True)
    for _ in range(3):
        call(deleter, HELLO, ANA)

    assert [] == texts(store)
    assert ["deleted", "deleted"] == [revision.ended for revision in keeper.history(put["key"], config=ANA)]


def test_parity_10_the_store_is_that_of_each_call() -> None:
    """One manager used in two graphs writes to the store of each, and outside of any it says that there is none."""
    keeper = create_memory_store_manager(ScriptedChatModel(script=[calls(DARK)] * 3))
    stores = [InMemoryStore(), InMemoryStore()]
    for store in stores:

        @entrypoint(store=store)
        def graph(messages: list[Any]) -> int:
            return len(keeper.invoke({"messages": messages}))

        said: Any = HELLO["messages"]
        assert 1 == graph.invoke(said, ANA)

    assert [["User prefers dark mode"]] * 2 == [texts(store) for store in stores]
    with pytest.raises(StoreError, match="store"):
        keeper.invoke(HELLO, ANA)


def test_parity_05_phases_keep_to_what_is_enabled(call: Call) -> None:
    """A phase may do no more than the manager, unless it says so itself; it sees messages only when it asks."""
    store = InMemoryStore()
    store.put(SPACE, "tea", {"content": "I like tea"})
    gone = ("delete_memory", {"id": "tea"})
    model = scripted(NOTHING, gone, gone)
    phases: list[Any] = [{"instructions": "Tidy up."}, {"enable_deletes": True, "include_messages": True}]

    done = call(manager(model, store, phases=phases, max_calls=1), HELLO, ANA)

    assert ["rejected", "deleted"] == sorted((change.action for change in done.changes), reverse=True)
    assert "Tidy up." in model.prompts[1][1].text
    assert ["Lisbon" in prompt[1].text for prompt in model.prompts] == [True, False, True]


def test_memories_live_as_long_as_the_store_says(call: Call) -> None:
    """The default time to live of a store holds for memories, as it does for `put`."""
    clock = ManualClock()
    with RoutedStore(":memory:", ttl={"default_ttl": 10}, clock=clock) as store:
        call(manager(scripted(DARK), store, clock=clock), HELLO, ANA)
        assert ["User prefers dark mode"] == texts(store)
        clock.advance(minutes=11)
        assert [] == texts(store)


def test_an_invalid_round_is_refused_before_the_model_is_called() -> None:
    """A number of steps is one or more."""
    model = scripted()
    with pytest.raises(InvalidArgumentError, match="max_steps"):
        manager(model, InMemoryStore()).invoke({**HELLO, "max_steps": 0}, ANA)
    assert [] == model.prompts


def test_a_change_can_be_undone(call: Call, store: BaseStore) -> None:
    """What a memory said before comes back, after a change and after a deletion; undoing twice undoes the undoing."""
    keeper = manager(scripted(DARK), store)
    (put,) = call(keeper, HELLO, ANA)
    key = put["key"]
    light = ("update_memory", {"id": key, "content": {"content": "User prefers light mode"}})
    said = {"messages": [("user", "I prefer light mode.")]}
    editor = manager(scripted(light, ("delete_memory", {"id": key})), store, enable_deletes=True)

    call(editor, said, ANA)
    before = keeper.undo(key, config=ANA)
    assert before is not None
    assert ("changed", ["User prefers dark mode"]) == (before.ended, texts(store))
    asyncio.run(keeper.aundo(key, config=ANA))
    assert ["User prefers light mode"] == texts(store)
    call(editor, said, ANA)
    assert [] == texts(store)
    keeper.undo(key, config=ANA)
    assert ["User prefers light mode"] == texts(store)
    assert keeper.undo("never there", config=ANA) is None


def test_what_was_said_stays_as_it_was_said(call: Call, store: BaseStore) -> None:
    """Messages that the agent remembered word for word are neither changed nor in the way of what was learned."""
    for position in range(8):
        said = {"kind": "Memory", "content": f"I live in Lisbon {position}", "role": "user", "position": position}
        store.put(SPACE, f"message-{position}", said)
    keeper = manager("offline", store, query_limit=2)

    call(keeper, {"messages": [("user", "I live in Lisbon.")]}, ANA)
    call(keeper, {"messages": [("user", "I live in Porto.")]}, ANA)

    assert sorted([*(f"I live in Lisbon {position}" for position in range(8)), "I live in Porto."]) == texts(store)
