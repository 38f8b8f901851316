"""Nobody ever sees what is somebody else's, whatever the ids and namespaces look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver

from warmgraph.memory_block import parse_block
from warmgraph.nodes import MemoryContext
from warmgraph.prebuilt import create_memory_agent, create_recall_graph
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.namespaces import NamespaceTemplate
from warmgraph.testing import FakeEmbeddings, ScriptedChatModel

Namespace = tuple[str, ...]

SEPARATORS = [
    "/",
    "-",
    "_",
    "%",
    "*",
    "?",
    ":",
    ",",
    "|",
    " ",
    "\n",
    "\t",
    "\x1f",
    "\x01",
    "\x7f",
    "\\",
    "'",
    '"',
    "[",
    "]",
]
LOOK_ALIKES = ["é", "e\u0301", "ß", "ss", "İ", "i̇", "ﬁ", "fi", "名", "\u200b", "\u202e", "🔑", "A", "a", "Α", "x" * 500]
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters=".\x00")
LABELS = st.one_of(
    st.sampled_from([*SEPARATORS, *LOOK_ALIKES]),
    st.tuples(st.sampled_from("ab"), st.sampled_from(SEPARATORS), st.sampled_from(["", "a", "b"])).map("".join),
    st.text(CHARACTERS, min_size=1, max_size=6),
)


@st.composite
def relatives(draw: st.DrawFn) -> list[Namespace]:
    """Draw namespaces, and others that differ from them by as little as possible."""
    first = draw(st.lists(st.lists(LABELS, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3))
    found = list(first)
    for namespace in first:
        last, extra = namespace[-1], draw(LABELS)
        found += [(*namespace, extra), (*namespace[:-1], last + extra), (*namespace[:-1], extra + last)]
        found += [namespace[:-1], (*namespace[:-1], last.swapcase()), (extra, *namespace)]
    return [each for each in dict.fromkeys(found) if each]


def index() -> Any:
    """Make an index in which every item is a neighbour of every other."""
    return {"dims": 4, "embed": FakeEmbeddings(4), "fields": ["words"]}


MAKERS: dict[str, Any] = {
    "WarmStore": lambda: WarmStore(index=index()),
    "RoutedStore": lambda: RoutedStore(":memory:", index=index()),
    "WarmStore of 2": lambda: WarmStore.open(":memory:", index=index(), capacity=2, max_namespaces=2),
    "WarmStore ranked by words": lambda: WarmStore.open(":memory:", promote=True),
}


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(tenants=relatives(), key=LABELS)
def test_no_tenant_ever_sees_anothers_item(kind: str, tenants: list[Namespace], key: str) -> None:
    """Each namespace finds what is its own or lies below it, by every way of reading there is, and nothing else."""
    with MAKERS[kind]() as store:
        for tenant in tenants:
            store.put(tenant, key, {"owner": repr(tenant), "words": "the same words for all"})
        for tenant in tenants:
            below = {each for each in tenants if each[: len(tenant)] == tenant}
            assert repr(tenant) == store.get(tenant, key).value["owner"]
            for options in ({}, {"query": "the same words"}, {"filter": {"words": "the same words for all"}}):
                found = store.search(tenant, limit=1000, **options)
                assert below == {each.namespace for each in found}
                assert {repr(each) for each in below} == {each.value["owner"] for each in found}
            assert below <= set(store.list_namespaces(prefix=tenant, limit=1000))
            assert "*" in tenant or sorted(below) == store.list_namespaces(prefix=tenant, limit=1000)
            for recall in ("recall", "recall_warm", "recall_long_term"):
                if hasattr(store, recall):
                    items = getattr(store, recall)(tenant, "the same words", limit=1000).items
                    assert {repr(tenant)} >= {each.value["owner"] for each in items}
        gone, *others = tenants
        store.delete(gone, key)
        assert store.get(gone, key) is None
        assert all(repr(tenant) == store.get(tenant, key).value["owner"] for tenant in others)
        assert sorted(others) == store.list_namespaces(limit=1000)
        store._check()


def test_tenants_stay_apart_when_the_file_is_opened_again(tmp_path: Path) -> None:
    """What the file makes of labels keeps them apart as well, in a process that knows nothing else."""
    labels = [*SEPARATORS, *LOOK_ALIKES]
    tenants = [
        *((label,) for label in labels),
        *(("a", label) for label in labels),
        *((label, "a") for label in labels),
    ]
    with RoutedStore(tmp_path / "memory.db", synchronous="NORMAL") as store:
        for tenant in tenants:
            store.put(tenant, "k", {"owner": repr(tenant)})
    with WarmStore.open(tmp_path / "memory.db", synchronous="NORMAL") as store:
        for tenant in tenants:
            below = {repr(each) for each in tenants if each[: len(tenant)] == tenant}
            assert below == {item.value["owner"] for item in store.search(tenant, limit=1000)}
            assert below == {repr(each) for each in store.list_namespaces(limit=1000) if each[: len(tenant)] == tenant}
        assert sorted(set(tenants)) == store.list_namespaces(limit=1000)


# -- users --------------------------------------------------------------------------------

IDS = st.one_of(
    st.sampled_from(["ana@example.org", "ana@example%2Eorg", "a.b", "a%2Eb", ".", "..", "%", "%25", "*", "langgraph"]),
    st.sampled_from(
        ["_warmgraph", "%5Fwarmgraph", "memories", "{user_id}", "{}", "1", "01", "ana\n", " ana", "a\x00b"]
    ),
    LABELS.filter(str.strip),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(str.strip),
)
TEMPLATES: list[Any] = [
    ("memories", "{user_id}"),
    ("{user_id}",),
    ("{user_id}", "memories"),
    "user-{user_id}",
    ("team", "{user_id}-{thread_id}"),
    ("{thread_id}", "{user_id}"),
]


@pytest.mark.parametrize("template", TEMPLATES, ids=str)
@settings(deadline=None)
@given(users=st.lists(st.tuples(IDS, st.sampled_from(["a", "-", "a-", "1"])), min_size=2, max_size=6, unique=True))
def test_ids_never_meet_in_one_namespace(template: Any, users: list[tuple[str, str]]) -> None:
    """Different ids have different namespaces, none of which lies above another, and all of which a store takes."""
    made = NamespaceTemplate(template)
    if "thread_id" not in made.variables:
        users = [(user, "") for user in dict.fromkeys(user for user, _ in users)]
    spaces = [made.resolve({"user_id": user, "thread_id": thread}) for user, thread in users]
    assert len(spaces) == len(set(spaces))
    assert not [(low, high) for low in spaces for high in spaces if low != high and low == high[: len(low)]]
    store = WarmStore()
    for namespace, user in zip(spaces, users, strict=True):
        store.put(namespace, "k", {"user": user})
    assert [[list(user)] for user in users] == [[item.value["user"] for item in store.search(ns)] for ns in spaces]


HOSTILE_IDS = [
    *("ana", "Ana", "ana ", "ana\n", "an", "a", "ana.b", "ana%2Eb", "ana@example.org", "ana@example%2Eorg"),
    *(
        "%",
        "%25",
        "_",
        "*",
        "?",
        "ana*",
        "an_",
        "an%",
        "..",
        "/",
        "ana/b",
        "ana-b",
        "'; DROP TABLE items; --",
        "é",
        "e\u0301",
    ),
    *("langgraph", "_warmgraph", "memories", "{user_id}", "名前", "🔑", "\u202eana", "x" * 3000),
]


@pytest.mark.parametrize("namespace", [("memories", "{user_id}"), "{user_id}", ("{user_id}", "notes")], ids=str)
def test_users_of_one_agent_recall_only_what_is_their_own(namespace: Any) -> None:
    """Hostile ids share an agent and a store: each user's memories reach that user's prompts alone."""
    model = ScriptedChatModel(script=["Noted."] * len(HOSTILE_IDS))
    store = WarmStore.open(":memory:", capacity=4, max_namespaces=8, promote=True)
    with store:
        agent = create_memory_agent(model, store=store, namespace=namespace, checkpointer=InMemorySaver())
        recall = create_recall_graph(store=store, namespace=namespace, min_score=0)
        for n, user in enumerate(HOSTILE_IDS):
            config: Any = {"configurable": {"thread_id": str(n)}}
            said = agent.invoke({"messages": f"My secret word is number{n}."}, config, context=MemoryContext(user))
            assert [] == said["memory_errors"]
        for n, user in enumerate(HOSTILE_IDS):
            state = recall.invoke({"messages": "What is my secret word?"}, context=MemoryContext(user))
            told = " ".join(line.text for line in parse_block(state["memory_context"])[0])
            assert f"number{n}." in told
            assert not [other for other in range(len(HOSTILE_IDS)) if other != n and f"number{other}." in told]
