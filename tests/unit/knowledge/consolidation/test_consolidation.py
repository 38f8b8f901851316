"""Old memories become fewer, and nothing of them is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.store.base import BaseStore, Op, PutOp, Result
from langgraph.store.memory import InMemoryStore

from tests.knowledge_models import scripted
from warmgraph import MemoryContext, create_consolidation_graph, create_memory_agent
from warmgraph.errors import InvalidArgumentError
from warmgraph.knowledge import (
    Consolidated,
    asources_of,
    create_consolidator,
    create_memory_store_manager,
    sources_of,
)
from warmgraph.knowledge.consolidation import archive_namespace
from warmgraph.recall import recall
from warmgraph.store import MemoryRecord, RoutedStore, WarmStore
from warmgraph.testing import ManualClock

Call = Callable[..., Any]
ANA: Any = {"configurable": {"user_id": "ana"}}
SPACE = ("memories", "ana")
NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
HOBBIES = ["pottery class", "bread baking", "the night train", "a pottery kiln", "my allotment", "pottery glazes"]


@pytest.fixture(params=["in memory", "ram", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStore]:
    """Open a store of LangGraph's, and ours in RAM and in a file."""
    if request.param == "in memory":
        yield InMemoryStore()
    elif request.param == "ram":
        with WarmStore() as warm:
            yield warm
    else:
        with RoutedStore(tmp_path / "memory.db") as file:
            yield file


def say(store: BaseStore, thread: str, texts: list[str], days_ago: float, **more: Any) -> list[str]:
    """Remember a conversation, in turn of Ana and of the assistant; return the keys."""
    keys = []
    for position, text in enumerate(texts):
        said_at = (NOW - timedelta(days=days_ago) + timedelta(minutes=position)).isoformat()
        role = "assistant" if position % 2 else "user"
        record = MemoryRecord(
            content=text, role=role, thread_id=thread, message_id=f"{thread}-{position}", position=position,
            said_at=said_at, is_question=text.endswith("?"), **more,
        )  # fmt: skip
        keys.append(f"key {thread} {position}")
        store.put(SPACE, keys[-1], record.to_value(), index=["content"])
    return keys


def fact(store: BaseStore, key: str, text: str, days_ago: float, **more: Any) -> None:
    """Store a fact as the manager does."""
    value = MemoryRecord(
        content={"content": text}, type="semantic", trust=1.0, role="user",
        valid_from=(NOW - timedelta(days=days_ago)).isoformat(), **more,
    )  # fmt: skip
    store.put(SPACE, key, value.to_value(), index=["content"])


def hobby_talks(store: BaseStore) -> dict[str, list[str]]:
    """Remember six conversations of eight turns, all months old."""
    found = {}
    for number, hobby in enumerate(HOBBIES):
        texts = [
            f"Today was about {hobby}, and it took {number + 2} hours.",
            f"How did you like {hobby}?",
            f"I liked it, and number {number * 13 + 40} is on the ticket.",
            "Good to hear.",
            f"Next week I go again with neighbour {'ABCDEF'[number]}lma.",
            "Will you take the tram?",
            "No, I take my blue bicycle.",
            "Have a good ride.",
        ]
        found[hobby] = say(store, f"t{number}", texts, 90 - number)
    return found


def consolidate(call: Call, store: BaseStore, model: Any = None, **options: Any) -> Consolidated:
    """Consolidate on the first of June."""
    consolidator = create_consolidator(model, store=store, clock=ManualClock(NOW), **options)
    done = call(consolidator, {}, ANA)
    assert isinstance(done, Consolidated)
    return done


def contents(store: BaseStore, kind: str) -> dict[str, Any]:
    """Return the values of a kind by their keys."""
    return {item.key: item.value for item in store.search(SPACE, filter={"kind": kind}, limit=500)}


def test_old_conversations_become_a_quarter(call: Call, store: BaseStore) -> None:
    """Forty-eight turns are twelve summaries and one list of themes; each turn is named by exactly one of them."""
    talks = hobby_talks(store)

    done = consolidate(call, store)

    assert (48, 13, 12, 48) == (done.before, done.after, done.summaries, done.archived)
    assert 13 == len(store.search(SPACE, limit=500))
    named = [key for value in contents(store, "Summary").values() for key in value["meta"]["sources"]]
    assert sorted(key for keys in talks.values() for key in keys) == sorted(named)


def test_a_summary_is_shorter_and_leads_to_every_word(call: Call, store: BaseStore) -> None:
    """It has at most half of the characters, says who spoke, and its sources are the records as they were."""
    keys = hobby_talks(store)["the night train"]
    before = {key: item.value for key in keys if (item := store.get(SPACE, key)) is not None}

    consolidate(call, store)

    parts = store.search(SPACE, filter={"thread_id": "t2"}, limit=9)
    assert sum(len(item.value["content"]) for item in parts) <= 0.5 * sum(
        len(value["content"]) for value in before.values()
    )
    assert all(
        line.startswith(("user: ", "assistant: ")) for item in parts for line in item.value["content"].split("\n")
    )
    followed = {item.key: item.value for item in sources_of(store, SPACE, parts, limit=50)}
    assert before == followed
    assert {SPACE} == {tuple(item.namespace) for item in asyncio.run(asources_of(store, SPACE, parts, limit=50))}


@pytest.mark.parametrize(
    "question", ["Which number was on the ticket of the night train?", "Who is Clma, a neighbour?"]
)
def test_what_the_summary_left_out_is_found_through_it(call: Call, question: str) -> None:
    """Recall finds the summary by words that only its sources have, and the sources answer."""
    with WarmStore() as store:
        hobby_talks(store)
        consolidate(call, store)

        found = recall(store, SPACE, question, limit=5).items
        best = sources_of(store, SPACE, found, question, limit=3)

        assert {"66", "Clma"} & {word.strip(".") for item in best for word in item.value["content"].split()}


def test_consolidating_again_changes_nothing(call: Call, store: BaseStore) -> None:
    """A second run writes no summary, and every record stays as it was."""
    hobby_talks(store)
    consolidate(call, store)
    before = {item.key: item.value for item in store.search(SPACE, limit=500)}

    again = consolidate(call, store)

    assert Consolidated(before=13, after=13, themes=again.themes) == again
    assert before == {item.key: item.value for item in store.search(SPACE, limit=500)}


def test_a_run_that_was_cut_short_is_completed(call: Call) -> None:
    """Wherever a store fails between two writes, the next run ends with the same summaries, each turn in one."""

    class Failing(InMemoryStore):
        """Writes so many operations, one after the other, and then fails."""

        left = 10**9

        def batch(self, ops: Any) -> list[Result]:
            """Perform one operation after the other."""
            return [self._one(op) for op in ops]

        async def abatch(self, ops: Any) -> list[Result]:
            """Do the same on a loop."""
            return self.batch(ops)

        def _one(self, op: Op) -> Result:
            if isinstance(op, PutOp):
                self.left -= 1
                if self.left < 0:
                    raise OSError("the disk is gone")
            [result] = super().batch([op])
            return result

    whole = InMemoryStore()
    hobby_talks(whole)
    consolidate(call, whole)
    for left in range(0, 30, 3):
        store = Failing()
        hobby_talks(store)
        store.left = left
        with pytest.raises(OSError, match="disk"):
            consolidate(call, store)
        store.left = 10**9
        consolidate(call, store)
        assert contents(whole, "Summary").keys() == contents(store, "Summary").keys()
        assert 13 == len(store.search(SPACE, limit=500))
        assert 48 == len(store.search(archive_namespace(SPACE), limit=500))


def test_what_is_young_is_left_alone(call: Call, store: BaseStore) -> None:
    """A conversation of last week stays word for word; of one that goes on the few old turns wait for more."""
    young = say(store, "young", ["I bought a kayak.", "Nice.", "It is red.", "Good."], 7)
    say(store, "old", ["I sold my car.", "Oh.", "It was old.", "I see."], 60)
    going_on = say(store, "going on", ["I learn Polish.", "Great."], 60)
    store.put(SPACE, "later", {**_value(store, going_on[0]), "position": 9, "said_at": NOW.isoformat()})

    done = consolidate(call, store)

    assert (1, 4) == (done.summaries, done.archived)
    left = {item.key for item in store.search(SPACE, limit=500)}
    assert {*young, *going_on, "later"} < left


def test_a_model_writes_the_summaries_and_an_extract_where_it_fails(call: Call, store: BaseStore) -> None:
    """Each episode is one call; a failure, and an empty answer, cost the summary its author and nothing else."""
    for thread in ("a", "b", "c"):
        say(store, thread, [f"My {thread} is new.", "Nice.", "It is red.", "Good."], 60)
    model = scripted(AIMessage("They talked about something new."), RuntimeError("no"), AIMessage(" "))

    done = consolidate(call, store, model)

    assert (3, 12) == (done.summaries, done.archived)
    by = sorted(value["meta"]["written_by"] for value in contents(store, "Summary").values())
    assert ["extract", "extract", "model"] == by
    assert 3 == len(model.prompts)
    assert "Create a summary of the conversation above:" == model.prompts[0][-1].text
    assert "They talked about something new." in {value["content"] for value in contents(store, "Summary").values()}


def test_what_is_written_meanwhile_is_not_lost(call: Call, store: BaseStore) -> None:
    """A turn that somebody writes anew while its summary is written stays, and so does its conversation."""
    keys = say(store, "a", ["My kayak is new.", "Nice.", "It is red.", "Good."], 60)

    def overtaken(prompt: Any) -> AIMessage:
        """Answer while somebody else writes."""
        with ThreadPoolExecutor(1) as somebody:
            somebody.submit(lambda: store.put(SPACE, keys[2], {**_value(store, keys[2]), "content": "It is blue."}))
        return AIMessage("A red kayak.")

    done = consolidate(call, store, scripted(overtaken, AIMessage("A blue kayak.")))
    assert (0, 4) == (done.summaries, done.after)
    assert "It is blue." == _value(store, keys[2])["content"]
    again = consolidate(call, store, scripted(AIMessage("A blue kayak.")))
    assert (1, 4) == (again.summaries, again.archived)


def test_recurring_themes_are_listed_with_their_sources(call: Call, store: BaseStore) -> None:
    """What three conversations were about is a theme, by its sources; what all of them say is none."""
    hobby_talks(store)

    done = consolidate(call, store)

    [themes] = contents(store, "Themes").values()
    listed = {theme["theme"]: theme for theme in themes["meta"]["themes"]}
    assert "pottery" in listed
    assert "bicycle" not in listed
    assert 3 == listed["pottery"]["conversations"]
    assert done.themes == len(listed)
    assert "pottery (3 conversations)" in themes["content"]
    sources = contents(store, "Summary")
    assert {"t0", "t3", "t5"} == {sources[key]["thread_id"] for key in listed["pottery"]["sources"]}
    assert set(themes["meta"]["sources"]) >= set(listed["pottery"]["sources"])


def test_facts_that_say_the_same_become_one(call: Call, store: BaseStore) -> None:
    """The most trusted of them stays, the others become history, and what adds something stays too."""
    fact(store, "a", "I live in Lisbon.", 90)
    fact(store, "b", "User lives in Lisbon", 80)
    fact(store, "c", "I lived in Lisbon.", 70)

    done = consolidate(call, store)

    assert 1 == done.merged
    assert {"a", "c"} == {item.key for item in store.search(SPACE, limit=50)}
    keeper = create_memory_store_manager("offline", store=store, namespace=SPACE)
    [past] = keeper.history("b")
    assert ("merged", {"content": "User lives in Lisbon"}) == (past.ended, past.value["content"])


def test_facts_are_forgotten_by_age_and_use(call: Call, tmp_path: Path) -> None:
    """Old and unused is forgotten; young, in use, or important is kept; the forgotten is history and comes back."""
    clock = ManualClock(NOW - timedelta(days=500))
    with WarmStore.open(tmp_path / "memory.db", clock=clock) as store:
        fact(store, "idle", "I have a library card for Oeiras.", 500)
        fact(store, "used", "I am allergic to peanuts.", 500)
        fact(store, "vital", "My blood group is B negative.", 500, importance=0.9)
        clock.advance(days=480)
        fact(store, "young", "I rent a garage in Setubal.", 20)
        agent = create_memory_agent("offline", store=store)
        answer = agent.invoke({"messages": "Am I allergic to peanuts?"}, context=MemoryContext("ana"))
        assert "used" in [item["key"] for item in answer["recall"]["items"]]
        assert "idle" not in [item["key"] for item in answer["recall"]["items"]]
        for item in store.search(SPACE, filter={"role": "assistant"}):
            store.put(SPACE, item.key, {**item.value, "said_at": (NOW - timedelta(days=20)).isoformat()})
        clock.advance(days=20)

        done = create_consolidator(store=store, clock=clock)
        assert 1 == call(done, {}, ANA).forgotten
        assert 0 == call(done, {}, ANA).forgotten
        assert {"used", "vital", "young"} == {item.key for item in store.search(SPACE, filter={"type": "semantic"})}

        keeper = create_memory_store_manager("offline", store=store, namespace=SPACE, clock=clock)
        [past] = keeper.history("idle")
        assert "forgotten" == past.ended
        then = recall(store, SPACE, "library card", as_of=NOW - timedelta(days=100)).items
        assert ["idle"] == [item.key for item in then]
        keeper.undo("idle")
        assert store.get(SPACE, "idle") is not None
        assert 0 == call(done, {}, ANA).forgotten


def test_what_was_used_is_known_when_the_turns_are_archived(call: Call, store: BaseStore) -> None:
    """The turn that tells of a use is months old and archived; the fact is in use all the same."""
    clock = ManualClock(NOW + timedelta(days=300))
    fact(store, "used", "I am allergic to peanuts.", 500)
    say(store, "t", ["Am I allergic?", "Yes.", "To what?", "To peanuts."], 60, meta={"recalled": ["used"]})
    options: dict[str, Any] = {"store": store, "clock": clock, "forget_after": timedelta(days=365)}

    done = [call(create_consolidator(**options), {}, ANA) for _ in range(2)]

    assert [4, 0] == [each.archived for each in done]
    assert [0, 0] == [each.forgotten for each in done]
    item = store.get(("_warmgraph", "uses", "2", *SPACE), "last")
    assert item is not None
    assert ["used"] == list(item.value["last"])


def test_another_users_memories_are_left_alone(call: Call, store: BaseStore) -> None:
    """A run is about one namespace, and none below or beside it."""
    hobby_talks(store)
    value = _value(store, "key t0 0")
    for place in (("memories", "bob"), ("memories", "ana", "drafts"), ("memories", "anabel")):
        store.put(place, "x", value)

    consolidate(call, store)

    for place in (("memories", "bob"), ("memories", "ana", "drafts"), ("memories", "anabel")):
        assert store.get(place, "x") is not None


def test_the_graph_says_what_was_done(call: Call, store: BaseStore) -> None:
    """Its output is numbers; without a user it fails before anything is touched."""
    hobby_talks(store)
    graph = create_consolidation_graph(store=store, clock=ManualClock(NOW))

    with pytest.raises(ValueError, match="user_id"):
        graph.invoke({})
    done = graph.invoke({}, context=MemoryContext("ana"))["consolidated"]

    assert {"before": 48, "after": 13, "summaries": 12, "archived": 48} == {
        name: done[name] for name in ("before", "after", "summaries", "archived")
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("turns", 1),
        ("turns", True),
        ("themes", -1),
        ("share", 0),
        ("share", 1.5),
        ("older_than", 30),
        ("older_than", timedelta(days=-1)),
        ("forget_after", "a year"),
    ],
)
def test_bad_arguments_are_refused(name: str, value: Any) -> None:
    """An error names the argument."""
    with pytest.raises(InvalidArgumentError, match=name):
        create_consolidator(**{name: value})


def _value(store: BaseStore, key: str) -> dict[str, Any]:
    item = store.get(SPACE, key)
    assert item is not None
    return dict(item.value)
