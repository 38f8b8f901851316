"""Prompts in a store, with their history."""

from __future__ import annotations

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from warmgraph import WarmStore, create_memory_agent
from warmgraph.errors import InvalidArgumentError
from warmgraph.prompts import Prompt, PromptLibrary
from warmgraph.testing import ManualClock, ScriptedChatModel


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


def test_an_agent_uses_what_is_kept(store: BaseStore) -> None:
    """The text of a kept prompt is a system prompt like any other."""
    library = PromptLibrary(store)
    library.put({"name": "agent", "prompt": "Be brief."})
    kept = library.get("agent")
    assert kept is not None
    model = ScriptedChatModel(script=["Yes."])
    agent = create_memory_agent(model, store=store, system_prompt=kept["prompt"])
    agent.invoke({"messages": "Hello"}, {"configurable": {"user_id": "ana"}})

    assert ("system", "Be brief.") == (model.prompts[0][0].type, model.prompts[0][0].text)


def test_what_is_no_prompt_is_refused(store: BaseStore) -> None:
    """And what another tool wrote under the name is not taken for one."""
    library = PromptLibrary(store)
    with pytest.raises(InvalidArgumentError, match="prompt: expected a dict"):
        library.put({"name": "", "prompt": "x"})
    store.put(("prompts",), "theirs", {"text": "x"})
    assert library.get("theirs") is None
