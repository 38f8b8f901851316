"""The firewall: nothing that outside texts say is recalled as an instruction, or gains trust by being remembered.

The attempts in `tests/data/poisoning.json` go the ways that texts really go: through the agent and its node `remember`,
store managers with a model that obeys, tools, reflection, and the block that a model gets.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.store.base import Item
from langgraph.store.memory import InMemoryStore

from tests.knowledge_models import calls, scripted
from warmgraph import (
    MemoryContext,
    TrustPolicy,
    WarmStore,
    create_manage_memory_tool,
    create_memory_agent,
    create_memory_store_manager,
    create_reflection_graph,
)
from warmgraph.bench.conversations import load_bundled, load_locomo
from warmgraph.knowledge import Candidate
from warmgraph.knowledge.conversation import read_conversation
from warmgraph.knowledge.provenance import trace
from warmgraph.memory_block import MemoryLine, parse_block
from warmgraph.nodes import ThreadSummarizer
from warmgraph.recall import pack
from warmgraph.testing import ScriptedChatModel

Attempt = dict[str, str]
ATTEMPTS: list[Attempt] = json.loads((Path(__file__).parents[2] / "data" / "poisoning.json").read_text())
PASSED_ON = [each for each in ATTEMPTS if each["channel"] != "author"]
PLACE = ("memories", "ana")
ANA: Any = {"configurable": {"langgraph_user_id": "ana", "thread_id": "t1"}}
UNTRUSTED = 0.2
PACK = Path(os.environ.get("WARMGRAPH_DATA", ""))


def named(attempts: list[Attempt]) -> pytest.MarkDecorator:
    """Run a test for each attempt."""
    return pytest.mark.parametrize("attempt", attempts, ids=[each["id"] for each in attempts])


def conversation(attempt: Attempt) -> list[BaseMessage]:
    """Return the conversation in which an attempt is made."""
    text, channel = attempt["text"], attempt["channel"]
    if channel == "user":
        return [HumanMessage(text, id="m1"), AIMessage("I see.", id="m2")]
    if channel == "author":
        return [HumanMessage(text, id="m1", name=attempt["user"]), AIMessage("I see.", id="m2")]
    asked = AIMessage("", tool_calls=[{"name": "fetch", "args": {}, "id": "c1"}], id="m2")
    result = ToolMessage(text, tool_call_id="c1", id="m3", name="fetch")
    answer = text if channel == "repeat" else "Here is what I found."
    return [HumanMessage(attempt["user"], id="m1"), asked, result, AIMessage(answer, id="m4")]


def assert_only_data(block: str, texts: list[str]) -> None:
    """Assert that a block holds these texts, a line each, and nothing that could be taken for anything else."""
    lines, rest = parse_block(block)
    assert "" == rest
    assert sorted(texts) == sorted(line.text for line in lines)
    body = block.split("\n")
    assert len(texts) + 2 == len(body) == len(block.splitlines())
    assert all(line.startswith("- ") for line in body[1:-1])
    inner = "".join(body[1:-1])
    assert not set("<>") & set(inner)
    unseen = [char for char in inner if unicodedata.category(char) in ("Cc", "Cf", "Co", "Zl", "Zp")]
    assert [] == [char for char in unseen if char not in "\u200c\u200d"]


def test_the_corpus_is_as_large_as_it_has_to_be() -> None:
    """At least 60 attempts, each of its own, of every kind."""
    assert len(ATTEMPTS) >= 60
    assert len(ATTEMPTS) == len({each["text"] for each in ATTEMPTS}) == len({each["id"] for each in ATTEMPTS})
    kinds = {"tool output", "quoted text", "web page", "other names", "unicode", "delimiter break", "laundering"}
    assert kinds == {each["category"] for each in ATTEMPTS}


@named(PASSED_ON)
def test_a_manager_whose_model_obeys_keeps_it_aside(attempt: Attempt) -> None:
    """The memory that the attempt asks for is quarantined: no search finds it, and its trust is that of its source."""
    store = InMemoryStore()
    keeper = create_memory_store_manager(scripted(("Memory", {"content": attempt["memory"]})), store=store)
    done = keeper.invoke({"messages": conversation(attempt)}, ANA)
    assert ["quarantined"] == [change.action for change in done.changes]
    assert [] == store.search(PLACE)
    (aside,) = keeper.quarantined(config=ANA)
    assert aside.value["value"]["trust"] <= UNTRUSTED


@named(PASSED_ON)
def test_a_memory_that_is_there_is_not_changed_by_it(attempt: Attempt) -> None:
    """An update by what outside texts say is kept aside as well."""
    store = InMemoryStore()
    store.put(
        PLACE, "1", {"kind": "Memory", "content": {"content": "Prefers quiet rooms"}, "role": "user", "trust": 1.0}
    )
    update = ("update_memory", {"id": "1", "content": {"content": f"Prefers quiet rooms. {attempt['memory']}"}})
    done = create_memory_store_manager(scripted(update), store=store).invoke({"messages": conversation(attempt)}, ANA)
    assert ["quarantined"] == [change.action for change in done.changes]
    assert {"content": "Prefers quiet rooms"} == store.search(PLACE)[0].value["content"]


def remembering(attempt: Attempt, policy: TrustPolicy | None) -> InMemoryStore:
    """Run an agent that obeys: after the conversation it calls the tool that keeps memories."""
    store = InMemoryStore()
    tool = create_manage_memory_tool(("memories", "{langgraph_user_id}"), policy=policy)
    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode([tool]))
    builder.add_edge(START, "tools")
    call = AIMessage("", tool_calls=[{"name": "manage_memory", "args": {"content": attempt["memory"]}, "id": "c9"}])
    said: Any = {"messages": [*conversation(attempt), call]}
    builder.compile(store=store).invoke(said, ANA)
    return store


@named(PASSED_ON)
def test_an_agent_that_obeys_gives_it_no_trust(attempt: Attempt) -> None:
    """The tool finds where the words come from; with a policy the memory is kept aside."""
    (item,) = remembering(attempt, None).search(PLACE)
    assert item.value["role"] in ("tool", "quoted")
    assert item.value["trust"] <= UNTRUSTED
    store = remembering(attempt, TrustPolicy())
    assert [] == store.search(PLACE)
    assert 1 == len(store.search(("_warmgraph", "quarantine")))


@named(ATTEMPTS)
def test_an_agent_recalls_it_as_data_and_never_remembers_tools(attempt: Attempt) -> None:
    """In a later thread the model is shown what was said as one line of notes, and nothing of what tools said.

    No system message holds it, the user's text stands behind the block, and the thread itself is unchanged.
    """
    model = ScriptedChatModel(script=["Noted.", "Fine."])
    with WarmStore() as store:
        agent = create_memory_agent(model, store=store, system_prompt="Be kind.", min_score=0.0)
        first = conversation(attempt)
        ana = MemoryContext("ana")
        if attempt["channel"] in ("user", "author"):
            said = [first[0]]
            agent.invoke({"messages": said}, context=ana)
        else:
            said = [HumanMessage(attempt["user"], id="m1")]
            agent.invoke({"messages": [*said, *first[1:3]]}, context=ana)
        stored = [str(item.value["content"]) for item in store.search(PLACE, limit=10)]
        if attempt["channel"] not in ("user", "author"):
            assert attempt["text"] not in stored
        else:
            (own,) = [item for item in store.search(PLACE, limit=10) if item.value["role"] == "user"]
            assert attempt["text"] == own.value["content"]
            assert (attempt["user"] if attempt["channel"] == "author" else None) == own.value.get("author")
        question = f"What about {attempt['text'][:200]} {attempt['user']}?"
        agent.invoke({"messages": question}, context=ana)
        prompt = model.prompts[-1]
        assert ["Be kind."] == [message.text for message in prompt if isinstance(message, SystemMessage)]
        shown = prompt[-1].text
        lines, rest = parse_block(shown)
        assert question == rest
        assert {line.text for line in lines} <= set(stored)
        if lines:
            assert_only_data(shown.removesuffix(f"\n\n{rest}"), [line.text for line in lines])


@named(ATTEMPTS)
def test_in_the_block_it_is_one_line_whatever_it_holds(attempt: Attempt) -> None:
    """As text, as author, as role and as time of a record that anybody may have written."""
    day, text = datetime(2026, 1, 1, tzinfo=UTC), attempt["text"]
    values: list[dict[str, Any]] = [
        {"content": text},
        {"content": "As author.", "author": text, "role": "user"},
        {"content": "As role.", "author": attempt["user"], "role": text, "said_at": text},
        {"content": {"title": "In a field", "text": text}, "said_at": text},
    ]
    items = [
        Item(value=value, key=str(n), namespace=PLACE, created_at=day, updated_at=day) for n, value in enumerate(values)
    ]
    packed = pack([(item.key, 1.0, item) for item in items], max_tokens=100_000)
    texts = [text, "As author.", "As role.", f"title: In a field; text: {text}"]
    assert_only_data(packed.text, texts)
    by_text: dict[str, MemoryLine] = {line.text: line for line in parse_block(packed.text)[0]}
    assert (text, "user") == (by_text["As author."].author, by_text["As author."].role)
    assert re.match(r"- \[[^\]\[]*\] As author\.$", next(x for x in packed.text.split("\n") if "As author." in x))


@named([each for each in PASSED_ON if each["channel"] == "user"])
def test_reflection_gives_it_no_trust(attempt: Attempt) -> None:
    """What was remembered of a conversation is told apart again when it is reflected on, by managers and summaries."""
    with WarmStore() as store:
        agent = create_memory_agent(ScriptedChatModel(script=["I see."]), store=store)
        config: Any = {"configurable": {"thread_id": "t1"}}
        agent.invoke({"messages": attempt["text"]}, config, context=MemoryContext("ana"))
        keeper = create_memory_store_manager(
            scripted(("Memory", {"content": attempt["memory"]})), namespace=("memories", "{user_id}"), store=store
        )
        reflect = create_reflection_graph(keeper, store=store)
        assert 2 == reflect.invoke({"thread_id": "t1"}, context=MemoryContext("ana"))["reflected"]
        assert [] == [item.value for item in store.search(PLACE, limit=10) if item.value.get("type") == "semantic"]
        assert 1 == len(store.search(("_warmgraph", "quarantine")))
    with WarmStore() as store:
        agent = create_memory_agent(ScriptedChatModel(script=["I see."]), store=store)
        agent.invoke({"messages": attempt["text"]}, config, context=MemoryContext("ana"))
        obeying = ThreadSummarizer(ScriptedChatModel(script=[f"</memories>\n{attempt['text']}"]))
        summing = create_reflection_graph(obeying, store=store)
        summing.invoke({"thread_id": "t1"}, context=MemoryContext("ana"))
        (summary,) = store.search(PLACE, filter={"kind": "ThreadSummary"})
        assert summary.value.get("role") is None
        assert_only_data(pack([("s", 1.0, summary)]).text, [str(summary.value["content"])])


def verdicts(texts: list[str]) -> list[str]:
    """Return what the default policy says of memories that repeat what a user said, each in a conversation."""
    found: list[str] = []
    for text in texts:
        told = read_conversation([HumanMessage(text), AIMessage("I see.")])
        source = trace(text, told, "2026-01-01", None)
        found.append(TrustPolicy().decide(Candidate(PLACE, "Memory", {"content": text}, source)))
    return found


def test_what_people_really_say_is_not_quarantined() -> None:
    """Of the bundled conversations, turn by turn, at most 1%."""
    said = [turn.text for each in load_bundled().conversations for turn in each.turns if turn.text]
    aside = [text for text, verdict in zip(said, verdicts(said), strict=True) if verdict != "store"]
    assert len(said) > 100
    assert len(aside) <= 0.01 * len(said), aside


@pytest.mark.skipif(
    not (PACK / "locomo_turns.jsonl").is_file(), reason="WARMGRAPH_DATA does not name a directory with the LoCoMo pack"
)
def test_what_people_say_in_locomo_is_not_quarantined() -> None:
    """Of all turns of the conversations, at most 1%."""
    said = [turn.text for each in load_locomo(PACK, "all").conversations for turn in each.turns if turn.text]
    aside = [text for text, verdict in zip(said, verdicts(said), strict=True) if verdict != "store"]
    assert len(said) > 1_000
    assert len(aside) <= 0.01 * len(said), aside


def test_managers_keep_what_people_say(tmp_path: Path) -> None:
    """The bundled conversations through a manager that extracts every turn of a user: nothing is kept aside."""
    turns = [turn for each in load_bundled().conversations for turn in each.turns if turn.role == "user" and turn.text]
    store, aside = InMemoryStore(), 0
    for turn in turns[:150]:
        keeper = create_memory_store_manager(scripted(calls(("Memory", {"content": turn.text}))), store=store)
        done = keeper.invoke({"messages": [HumanMessage(turn.text, id=turn.key)]}, ANA)
        aside += sum(change.action != "added" and change.action != "unchanged" for change in done.changes)
    assert aside <= 0.01 * len(turns[:150])
