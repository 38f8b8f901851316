"""Whatever a model answers: nothing crashes but by a typed error, and no memory that was there is lost."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.store.memory import InMemoryStore

from tests.knowledge_models import ANA, HELLO, Profile
from warmgraph import ExtractionError, TrustPolicy, create_memory_store_manager
from warmgraph.knowledge import Memory
from warmgraph.testing import ScriptedChatModel

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["tea", "\ud800", "\x00"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
)
NAMES = st.sampled_from(["Memory", "Profile", "update_memory", "delete_memory", "nothing_to_remember", "rm -rf", ""])
ARGUMENTS = st.one_of(
    st.dictionaries(st.sampled_from(["id", "content", "name", "age", "x"]), JSON, max_size=4),
    st.fixed_dictionaries({"id": st.sampled_from(["tea", "me", "no"]), "content": JSON}),
    st.fixed_dictionaries({"id": st.sampled_from(["tea", "me"]), "content": st.fixed_dictionaries({"content": JSON})}),
)
CALLS = st.lists(st.tuples(NAMES, ARGUMENTS), max_size=5)
TEXTS = st.one_of(
    st.text(max_size=60),
    JSON.map(lambda value: json.dumps(value)),
    CALLS.map(lambda calls: json.dumps([{"tool": name, "args": args} for name, args in calls])),
    CALLS.map(lambda calls: json.dumps([{"tool": name, "args": args} for name, args in calls])[:-5]),
)
REPLIES = st.one_of(
    TEXTS.map(AIMessage),
    CALLS.map(
        lambda calls: AIMessage(
            "", tool_calls=[{"name": name, "args": args, "id": str(at)} for at, (name, args) in enumerate(calls)]
        )
    ),
)


@settings(max_examples=150)
@given(replies=st.lists(REPLIES, min_size=3, max_size=3))
def test_no_reply_breaks_anything(replies: list[Any]) -> None:
    """Broken JSON, unknown tools, wrong types and odd characters: an ExtractionError at worst, and typed contents."""
    store = InMemoryStore()
    before: dict[str, dict[str, Any]] = {
        "tea": {"content": "I like tea"},
        "me": {"kind": "Profile", "content": {"name": "Ana"}},
    }
    for key, value in before.items():
        store.put(("memories", "ana"), key, value)
    model = ScriptedChatModel(script=replies)
    keeper = create_memory_store_manager(
        model, schemas=[Memory, Profile], store=store, policy=TrustPolicy(store_from=0)
    )

    try:
        done = keeper.invoke(HELLO, ANA)
    except ExtractionError:
        done = None

    stored = {item.key: item for item in keeper.search(config=ANA, limit=100)}
    assert set(before) <= set(stored)
    assert all(item.readable for item in stored.values())
    for key, value in before.items():
        assert value == keeper.history(key, config=ANA)[0].value
    assert done is not None or set(before) == set(stored)
    json.dumps([item.dict() for item in stored.values()], allow_nan=False).encode()
