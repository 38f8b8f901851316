"""Prompts in a store, with their history."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.store.base import BaseStore, GetOp
from langgraph.store.memory import InMemoryStore

from warmgraph import StoredPrompt, WarmStore, create_memory_agent, create_prompt_optimizer
from warmgraph.errors import InvalidArgumentError
from warmgraph.prompts import Prompt, PromptLibrary
from warmgraph.testing import ManualClock, ScriptedChatModel

ANA: Any = {"configurable": {"user_id": "ana"}}


@pytest.fixture(params=[InMemoryStore, WarmStore])
def store(request: pytest.FixtureRequest) -> BaseStore:
    """Return a store, ours or not."""
    made: BaseStore = request.param()
    return made


def test_each_version_stays_readable(store: BaseStore) -> None:
    """The newest first, each naming the one that it supersedes; the same prompt again is no new version."""
    library = PromptLibrary(store, clock=ManualClock())
    for text in ("Be kind.", "Be brief.", "Be brief.", "Be kind."):
        library.put({"name": "tone.of@voice", "prompt": text})
    library.put({"name": "other", "prompt": "Be right."})
    versions = library.history("tone.of@voice")

    assert ["Be kind.", "Be brief.", "Be kind."] == [version.prompt["prompt"] for version in versions]
    assert [versions[1].key, versions[2].key, None] == [version.supersedes for version in versions]
    assert {"name": "tone.of@voice", "prompt": "Be kind."} == library.get("tone.of@voice")
    assert "procedural" == store.search(("prompts",), query="kind")[0].value["type"]


async def test_the_library_on_a_loop(store: BaseStore) -> None:
    """Each method has a twin that awaits; what is not there is none."""
    library = PromptLibrary(store, ("ana", "prompts"))
    prompt = Prompt(name="tone", prompt="Be kind.", update_instructions="Stay kind.")
    await library.aput(prompt)

    assert (prompt, None) == (await library.aget("tone"), await library.aget("other"))
    assert [prompt] == [version.prompt for version in await library.ahistory("tone")]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_agent_uses_the_version_that_holds_when_it_is_called(store: BaseStore, asynchronous: bool) -> None:
    """A prompt that was optimized meanwhile needs no new agent; until there is one, the default holds."""
    library = PromptLibrary(store)
    model = ScriptedChatModel(script=["Yes."] * 3)
    agent: Any = create_memory_agent(model, store=store, system_prompt=StoredPrompt("agent", "Be kind."))

    async def ask() -> None:
        given: Any = {"messages": "Hello"}
        await agent.ainvoke(given, ANA) if asynchronous else agent.invoke(given, ANA)

    await ask()
    library.put({"name": "agent", "prompt": "Be brief."})
    await ask()
    answer = {"change_needed": True, "prompt": "Be brief and kind."}
    call: Any = {"name": "OptimizedPrompt", "args": answer, "id": "1", "type": "tool_call"}
    optimizer = create_prompt_optimizer(
        ScriptedChatModel(script=[AIMessage("", tool_calls=[call])]), kind="prompt_memory"
    )
    kept = library.get("agent")
    assert kept is not None
    better = optimizer.invoke({"trajectories": [([("user", "Hello"), ("ai", "Yes.")], "too curt")], "prompt": kept})
    library.put({**kept, "prompt": better})
    await ask()

    assert ["Be kind.", "Be brief.", "Be brief and kind."] == [prompt[0].text for prompt in model.prompts]
    assert ["Be brief and kind.", "Be brief."] == [version.prompt["prompt"] for version in library.history("agent")]


def test_each_user_can_have_prompts_of_their_own(store: BaseStore) -> None:
    """The namespace is a template, and fails closed."""
    for user, text in (("ana", "Be brief."), ("bob", "Be funny.")):
        PromptLibrary(store, ("prompts", user)).put({"name": "agent", "prompt": text})
    model = ScriptedChatModel(script=["Yes."] * 3)
    prompt = StoredPrompt("agent", namespace=("prompts", "{user_id}"))
    agent: Any = create_memory_agent(model, store=store, system_prompt=prompt)
    for user in ("bob", "ana", "eve"):
        agent.invoke({"messages": "Hello"}, {"configurable": {"user_id": user}})

    assert ["Be funny.", "Be brief."] == [sent[0].text for sent in model.prompts[:2]]
    assert "human" == model.prompts[2][0].type  # none is kept for her, and there is no default


def test_a_store_that_fails_leaves_the_default() -> None:
    """The agent answers, and the failure is noted."""

    class Failing(InMemoryStore):
        def batch(self, ops: Any) -> Any:
            ops = list(ops)
            if any(op.namespace == ("prompts",) for op in ops if isinstance(op, GetOp)):
                raise OSError("gone")
            return super().batch(ops)

    model = ScriptedChatModel(script=["Yes."])
    agent: Any = create_memory_agent(model, store=Failing(), system_prompt=StoredPrompt("agent", "Be kind."))
    state = agent.invoke({"messages": "Hello"}, ANA)

    assert ("Yes.", "Be kind.") == (state["messages"][-1].text, model.prompts[0][0].text)
    assert [("agent", "OSError")] == [(failure["node"], failure["error"]) for failure in state["memory_errors"]]


def test_what_is_no_prompt_is_refused(store: BaseStore) -> None:
    """And what another tool wrote under the name is not taken for one."""
    library = PromptLibrary(store)
    with pytest.raises(InvalidArgumentError, match="prompt: expected a dict"):
        library.put({"name": "", "prompt": "x"})
    with pytest.raises(InvalidArgumentError, match="name: expected"):
        StoredPrompt("")
    store.put(("prompts",), "theirs", {"text": "x"})
    assert library.get("theirs") is None
