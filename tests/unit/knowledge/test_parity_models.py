"""Models and extraction: statements 1 to 5 of what LangMem's successors have to hold."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import requires
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import BaseModel, PrivateAttr

from tests.knowledge_models import DARK, HELLO, NOTHING, Profile, calls, scripted
from warmgraph import ExtractionError, create_memory_manager
from warmgraph.knowledge import Memory, RemoveDoc

Call = Callable[..., Any]


class TextModel(BaseChatModel):
    """A model that cannot call tools."""

    replies: list[str]
    _prompts: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "text"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self._prompts.append(messages)
        reply = AIMessage(self.replies[len(self._prompts) - 1])
        return ChatResult(generations=[ChatGeneration(message=reply)])


def test_parity_01_no_further_sdk_is_needed() -> None:
    """The tools come without trustcall, without a model client and without the graph engine."""
    code = "from warmgraph import create_manage_memory_tool, create_search_memory_tool; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())

    assert set() == loaded & {"trustcall", "langchain", "langchain_openai", "openai", "langgraph.graph", "sklearn"}
    assert not any(line.startswith(("trustcall", "langmem")) for line in requires("warmgraph") or ())


def test_parity_02_a_model_exception_surfaces_as_itself(call: Call) -> None:
    """An error of the model reaches the caller as it is, after one call."""
    model = scripted(ConnectionError("rate limit"))

    with pytest.raises(ConnectionError, match="rate limit"):
        call(create_memory_manager(model), HELLO)
    assert 1 == len(model.prompts)


@pytest.mark.parametrize("allowed", [1, 3])
def test_parity_02_calls_are_bounded(call: Call, allowed: int) -> None:
    """A model that never answers with tool calls is asked `max_calls` times, three by default."""
    model = scripted(*["I would rather chat."] * 9)
    manager = create_memory_manager(model) if allowed == 3 else create_memory_manager(model, max_calls=allowed)

    with pytest.raises(ExtractionError, match="I would rather chat"):
        call(manager, HELLO)
    assert allowed == len(model.prompts)


def test_parity_02_a_model_that_never_mends_its_edits_is_bounded_too(call: Call) -> None:
    """Rejected edits are reported to the model while calls are left, and to the caller in the end."""
    model = scripted(*[("Memory", {"text": "?"})] * 9)

    found = call(create_memory_manager(model), HELLO)

    assert [] == list(found)
    assert ["rejected"] * 3 == [change.action for change in found.changes]


def test_parity_03_models_without_tools_answer_in_json(call: Call) -> None:
    """A model that cannot bind tools is shown their schemas, and its JSON is read."""
    reply = 'Here you are:\n```json\n[{"tool": "Memory", "args": {"content": "User prefers dark mode"}}]\n```'
    model = TextModel(replies=[reply])

    found = call(create_memory_manager(model), HELLO)

    assert [Memory(content="User prefers dark mode")] == [memory.content for memory in found]
    assert '"name": "Memory"' in str(model._prompts[0][0].text)


def test_parity_03_json_in_the_text_of_a_model_with_tools_is_read(call: Call) -> None:
    """A model that writes its calls down instead of making them is understood."""
    model = scripted('{"edits": [{"name": "Memory", "arguments": {"content": "User prefers dark mode"}}]}')

    assert ["User prefers dark mode"] == [one.content.content for one in call(create_memory_manager(model), HELLO)]


def test_parity_03_prose_is_not_nothing_to_remember(call: Call) -> None:
    """A model can say that there is nothing; prose is asked again, and is an error of its own in the end."""
    assert [] == call(create_memory_manager(scripted(NOTHING)), HELLO)
    assert [] == call(create_memory_manager(scripted("[]")), HELLO)
    assert [] == call(create_memory_manager(scripted("Well, nothing.", NOTHING)), HELLO)
    with pytest.raises(ExtractionError, match="without a tool call or JSON"):
        call(create_memory_manager(scripted("Nothing."), max_calls=1), HELLO)


def test_parity_04_two_edits_to_one_memory_both_apply(call: Call) -> None:
    """Edits of different fields of one memory in one reply are both in the result."""
    reply = calls(
        ("update_memory", {"id": "me", "content": {"city": "Porto"}}),
        ("update_memory", {"id": "me", "content": {"age": 41}}),
    )
    manager = create_memory_manager(scripted(reply), schemas=[Profile])

    found = call(manager, {**HELLO, "existing": [("me", "Profile", {"name": "Ana", "city": "Lisbon", "age": 40})]})

    assert [("me", Profile(name="Ana", city="Porto", age=41))] == [tuple(memory) for memory in found]


def test_parity_04_a_conflict_is_reported(call: Call) -> None:
    """Of two edits that set one field differently the first applies, and the second is a rejection in the result."""
    reply = calls(
        ("update_memory", {"id": "me", "content": {"city": "Porto"}}),
        ("update_memory", {"id": "me", "content": {"city": "Faro"}}),
    )
    manager = create_memory_manager(scripted(reply), schemas=[Profile], max_calls=1)

    found = call(manager, {**HELLO, "existing": [("me", Profile(city="Lisbon"))]})

    assert "Porto" == found[0].content.city
    assert [("me", "conflict")] == [(one.id, one.reason) for one in found.changes if one.action == "rejected"]


def test_parity_04_an_invalid_edit_discards_no_valid_one(call: Call) -> None:
    """Each edit counts by itself: valid ones apply, and each rejection tells its reason."""
    reply = calls(
        ("Memory", {"wrong": 1}),
        DARK,
        ("update_memory", {"id": "nobody", "content": {"content": "?"}}),
        ("delete_memory", {"id": "nobody"}),
        ("launch_rocket", {}),
        ("update_memory", {"id": "m", "content": 7}),
    )
    manager = create_memory_manager(scripted(reply), enable_deletes=True, max_calls=1)

    found = call(manager, {**HELLO, "existing": [("m", "I like tea.")]})

    assert ["I like tea.", "User prefers dark mode"] == [memory.content.content for memory in found]
    assert ["invalid_content", "unknown_id", "unknown_id", "unknown_tool", "unreadable"] == [
        change.reason for change in found.changes if change.action == "rejected"
    ]


def test_parity_04_a_model_may_mend_what_was_rejected(call: Call) -> None:
    """The model hears what was wrong, and its second reply counts; a failure then costs nothing that was applied."""
    bad = calls(DARK, ("update_memory", {"id": "x", "content": {"content": "?"}}))
    model = scripted(bad, ("Memory", {"content": "Lives in Lisbon"}))

    found = call(create_memory_manager(model), HELLO)
    kept = call(create_memory_manager(scripted(bad, OSError("down"))), HELLO)

    assert ["User prefers dark mode", "Lives in Lisbon"] == [memory.content.content for memory in found]
    assert "there is no memory 'x'" in model.prompts[1][-1].text
    assert ["User prefers dark mode"] == [memory.content.content for memory in kept]


@pytest.mark.parametrize("flag", ["enable_inserts", "enable_updates", "enable_deletes"])
def test_parity_05_what_is_not_enabled_is_not_done(call: Call, flag: str) -> None:
    """A tool that is not permitted is neither offered nor obeyed."""
    tool, args = {
        "enable_inserts": DARK,
        "enable_updates": ("update_memory", {"id": "m", "content": {"content": "changed"}}),
        "enable_deletes": ("delete_memory", {"id": "m"}),
    }[flag]
    model = scripted(calls((tool, args)))
    flags: Any = {"enable_inserts": True, "enable_updates": True, "enable_deletes": True, flag: False}

    found = call(create_memory_manager(model, max_calls=1, **flags), {**HELLO, "existing": [("m", "I like tea.")]})

    assert tool not in {offered["function"]["name"] for offered in model.bound_tools[0]}
    assert [("m", Memory(content="I like tea."))] == [tuple(memory) for memory in found]
    assert ["unchanged", "rejected"] == [change.action for change in found.changes]
    assert "not_permitted" == found.changes[1].reason


def test_parity_05_user_schemas_never_collide_with_control_tools(call: Call) -> None:
    """A schema that is named as one of our tools keeps its name, and ours takes another."""

    class update_memory(BaseModel):  # noqa: N801 (the name is the point)
        """A note about updates."""

        note: str

    reply = calls(("update_memory", {"note": "patch day"}), ("update_memory_", {"id": "m", "content": {"note": "new"}}))
    manager = create_memory_manager(scripted(reply), schemas=[update_memory])

    found = call(manager, {**HELLO, "existing": [("m", update_memory(note="old"))]})

    assert ["new", "patch day"] == [memory.content.note for memory in found]


def test_parity_05_what_happened_to_each_memory_can_be_told(call: Call) -> None:
    """Added, changed, deleted and unchanged memories are told apart, and all contents are typed."""
    reply = calls(
        DARK,
        ("update_memory", {"id": "b", "content": {"content": "changed"}}),
        ("delete_memory", {"id": "c"}),
    )
    existing = [("a", "same"), ("b", "Memory", {"content": "old"}), ("c", {"content": "gone"}), ("d", {"odd": 1})]
    manager = create_memory_manager(scripted(reply), enable_deletes=True)

    found = call(manager, {**HELLO, "existing": existing})

    told = {change.id: change.action for change in found.changes}
    assert ("unchanged", "changed", "deleted", "unchanged") == (told["a"], told["b"], told["c"], told["d"])
    assert ["added"] == [action for id, action in told.items() if id not in "abcd"]
    assert RemoveDoc(json_doc_id="c") == dict(found)["c"]
    assert all(isinstance(memory.content, BaseModel) for memory in found)
    assert {"odd": 1} == dict(found)["d"].model_dump()


def test_parity_05_existing_memories_come_in_three_forms(call: Call) -> None:
    """Texts, pairs and triples are read, and the result of one call is the input of the next."""
    first = call(create_memory_manager(scripted(NOTHING)), {**HELLO, "existing": ["I like tea."]})
    again = call(create_memory_manager(scripted(NOTHING)), {**HELLO, "existing": first})

    assert first == again
    assert [Memory(content="I like tea.")] == [memory.content for memory in again]


def test_steps_are_rounds_of_edits(call: Call) -> None:
    """With `max_steps` the model goes on until it says that it is done."""
    model = scripted(DARK, ("Memory", {"content": "Lives in Lisbon"}), NOTHING)

    found = call(create_memory_manager(model), {**HELLO, "max_steps": 5})

    assert 3 == len(model.prompts)
    assert 2 == len(found)


def test_callbacks_reach_the_model(call: Call) -> None:
    """The config of the call is that of the model's run."""
    seen: list[str] = []

    class Watch(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            seen.extend(kwargs["tags"])

    call(create_memory_manager(scripted(NOTHING)), HELLO, {"callbacks": [Watch()], "tags": ["mine"]})

    assert ["mine"] == seen


@pytest.mark.parametrize(
    "reply",
    [
        '[{"tool": "Memory", "args": "',
        "[" * 5_000,
        json.dumps([{"tool": "Memory", "args": {"content": "x" * 100_000}}]),
        '[{"tool": "Memory", "args": {"content": 5}}]',
        "[1, 2]",
        '{"tool": null}',
        '[{"tool": "update_memory", "args": {"id": ["m"], "content": {}}}]',
        AIMessage("", invalid_tool_calls=[{"name": "Memory", "args": "{", "id": "1", "error": None}]),
    ],
)
def test_broken_replies_lose_no_memory(call: Call, reply: Any) -> None:
    """Whatever a model answers, nothing crashes but by a typed error, and existing memories stay."""
    manager = create_memory_manager(scripted(reply), max_calls=1)
    try:
        found = call(manager, {**HELLO, "existing": [("m", "I like tea.")]})
    except ExtractionError:
        return
    assert [("m", Memory(content="I like tea."))] == [tuple(memory) for memory in found]
