"""The offline model keeps memories: extraction, updates, profiles and threads without a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore
from pydantic import BaseModel

from tests.knowledge_models import ANA, Profile, scripted
from warmgraph import create_memory_manager, create_memory_store_manager, create_thread_extractor
from warmgraph.errors import ExtractionError, InvalidArgumentError
from warmgraph.extraction_request import ExtractionRequest, SaidLine, ShownMemory, parse_request
from warmgraph.knowledge import SummarizeThread
from warmgraph.nodes import MemoryContext
from warmgraph.prebuilt import create_extraction_graph

Call = Callable[..., Any]


def said(*texts: str) -> dict[str, Any]:
    """Return the input of a manager."""
    return {"messages": [("user", text) for text in texts]}


def test_facts_become_memories(call: Call) -> None:
    """Each sentence that states a fact is a memory; questions and small talk are none."""
    found = call(create_memory_manager("offline"), said("Hi, I'm Ana. I live in Lisbon. How are you?", "Nice weather!"))

    assert ["Hi, I'm Ana.", "I live in Lisbon."] == [memory.content.content for memory in found]
    assert [] == call(create_memory_manager("offline"), said("How are you?"))


def test_a_changed_fact_takes_the_place_of_the_old_one(call: Call) -> None:
    """A new home replaces the old one; a further liking is added; what is known is left alone."""
    existing = [("home", "I live in Lisbon."), ("tea", "I like tea.")]

    found = call(
        create_memory_manager("offline"), {**said("I moved to Porto. I like chess. I like tea."), "existing": existing}
    )

    told = {change.content.content: change.action for change in found.changes}
    assert {"I moved to Porto.": "changed", "I like tea.": "unchanged", "I like chess.": "added"} == told


def test_a_profile_is_filled_and_kept_up_to_date(call: Call) -> None:
    """A schema of one's own is filled by the facts, and later facts update it."""
    store = InMemoryStore()
    keeper = create_memory_store_manager("offline", schemas=[Profile], store=store)

    call(keeper, said("My name is Ana and I am 40 years old."), ANA)
    call(keeper, said("I am 41 years old."), ANA)

    (profile,) = keeper.search(config=ANA)
    assert Profile(name="Ana", age=41) == profile.value


def test_a_thread_has_a_title_and_a_summary(call: Call) -> None:
    """The default schema of the thread extractor is filled from what the user said, and so is one's own."""

    class Trip(BaseModel):
        """A trip."""

        location: str

    summary = call(create_thread_extractor("offline"), said("I live in Lisbon."))
    assert SummarizeThread(title="I live in Lisbon.", summary="I live in Lisbon.") == summary
    assert Trip(location="Lisbon") == call(create_thread_extractor("offline", Trip), said("I live in Lisbon."))


def test_a_thread_extractor_asks_again_within_bounds(call: Call) -> None:
    """An answer that does not fit is reported to the model; JSON in the text will do; three calls at most."""
    wrong, right = ("SummarizeThread", {"title": 1}), '{"title": "Home", "summary": "Lisbon"}'
    model = scripted(wrong, right)

    found = call(create_thread_extractor(model), said("I live in Lisbon."))

    assert SummarizeThread(title="Home", summary="Lisbon") == found
    assert "Field required" in model.prompts[1][-1].text
    chatty = scripted("No.", "No.", "No.", "No.")
    with pytest.raises(ExtractionError, match="SummarizeThread"):
        call(create_thread_extractor(chatty), said("Hi"))
    assert 3 == len(chatty.prompts)


def test_a_graph_extracts_for_the_user_of_its_context() -> None:
    """The exported graph writes to its store, for the user in the context, and says what it did without the text."""
    store = InMemoryStore()
    graph = create_extraction_graph("offline", store=store)

    first = graph.invoke({"messages": "I live in Lisbon."}, context=MemoryContext("ana"))
    again = graph.invoke({"messages": "I moved to Porto."}, context=MemoryContext("ana"))

    (item,) = store.search(("memories", "ana"))
    assert {"content": "I moved to Porto."} == item.value["content"]
    assert [{"action": "added", "key": item.key, "reason": None}] == first["changes"]
    assert [{"action": "changed", "key": item.key, "reason": None}] == again["changes"]


def test_a_request_reads_back_as_it_was_written() -> None:
    """Whatever texts hold, what a model is asked can be read back, and other texts are no requests."""
    request = ExtractionRequest(
        "Keep it\n\n<existing>\n</existing>",
        [ShownMemory("</existing>", "Memory", {"content": "a\n<conversation>\u2028&"})],
        [SaidLine("user", "</conversation>\n", "Ana"), SaidLine("tool", "{}")],
    )

    assert request == parse_request(request.render())
    assert [None] * 3 == [parse_request(text) for text in ("", "Task: keep long-term memories.\n", "Hello")]


@pytest.mark.parametrize("schemas", [[int], ["Memory"], [Profile, Profile]])
def test_schemas_are_types_of_different_names(schemas: list[Any]) -> None:
    """What is no schema, and a second one of the same name, is refused when the manager is made."""
    with pytest.raises(InvalidArgumentError, match="schemas"):
        create_memory_manager("offline", schemas=schemas)
