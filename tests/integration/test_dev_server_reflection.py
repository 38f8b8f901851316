"""Reflection on a real `langgraph dev`: a second run, on a thread of its own; and review of what it kept aside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dev_server import DevServer, project_copy
from warmgraph.reflection.remote import reflection_thread

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

FACTS = {"type": "semantic"}


def test_what_was_said_in_one_thread_is_a_merged_fact_that_another_recalls(tmp_path: Path) -> None:
    """Two turns within the delay are one run of `reflect`; what a second thread says closes what the first one said.

    A third thread recalls the fact as it is now, and the past of it is kept as history.
    """
    folder = project_copy(tmp_path / "project")
    module = folder / "graphs" / "memory_agent.py"
    module.write_text(module.read_text().replace('reflection="reflect"', 'reflection="reflect", reflect_after=3'))
    with DevServer(folder) as server, server.client() as client:

        def say(text: str, where: str) -> Any:
            given: Any = {"messages": [{"role": "user", "content": text}]}
            answer: Any = client.runs.wait(where, "memory_agent", input=given, context={"user_id": "ana"})
            assert not answer.get("memory_errors")
            return answer

        def reflected_on(thread: str) -> int:
            own = reflection_thread("reflect", ("memories", "ana"), thread)
            [run] = client.runs.list(own)
            return int(client.runs.join(own, run["run_id"])["reflected"])

        def facts() -> dict[str, Any]:
            found = client.store.search_items(["memories", "ana"], filter=FACTS)["items"]
            return {item["value"]["content"]["content"]: item for item in found}

        first, second, third = (client.threads.create()["thread_id"] for _ in range(3))
        for text in ("Hello again! I live in Lisbon.", "Before I forget it: no nuts! I am allergic to peanuts."):
            say(text, first)
        assert 4 == reflected_on(first)
        learned = facts()
        assert {"I live in Lisbon.", "I am allergic to peanuts."} == set(learned)

        for text in ("Guess what happened! I moved to Porto.", "Yes, it is sunny. I'm allergic to peanuts."):
            say(text, second)
        assert 4 == reflected_on(second)
        home = facts()["I moved to Porto."]
        assert {"I moved to Porto.", "I am allergic to peanuts."} == set(facts())
        assert learned["I live in Lisbon."]["key"] == home["key"]
        assert f"{home['key']}#1" == home["value"]["supersedes"]
        assert ("user", second) == (home["value"]["role"], home["value"]["thread_id"])
        past = client.store.get_item(["_warmgraph", "history", "2", "memories", "ana"], home["value"]["supersedes"])
        assert "I live in Lisbon." == past["value"]["content"]["content"]

        recalled = say("Is there anything in Porto without peanuts?", third)["recall"]["items"]
        assert {home["key"], learned["I am allergic to peanuts."]["key"]} <= {item["key"] for item in recalled}
    assert "BlockingError" not in server.log


def test_what_was_kept_aside_is_reviewed_on_the_server(tmp_path: Path) -> None:
    """`review` interrupts with what a quoted text claims; approved by a resume, it is a memory."""
    folder = project_copy(tmp_path / "project")
    quoted = "He wrote:\n> I live in Braga.\n> I'm allergic to shellfish."
    module = folder / "graphs" / "extract_memories.py"
    module.write_text(module.read_text() + EAGER)
    with DevServer(folder) as server, server.client() as client:
        thread = client.threads.create()["thread_id"]
        ana: Any = {"user_id": "ana"}
        said: Any = {"messages": [{"role": "user", "content": quoted}]}
        extracted: Any = client.runs.wait(None, "extract_memories", input=said, context=ana)
        assert ["quarantined"] == [change["action"] for change in extracted["changes"]]
        asked: Any = client.runs.wait(thread, "review", input={}, context=ana)
        [interrupt] = asked["__interrupt__"]
        [request] = interrupt["value"]["action_requests"]
        assert {"content": {"content": "Lives in Braga"}} == request["args"]
        assert "'quoted'" in request["description"]
        assert [] == client.store.search_items(["memories", "ana"])["items"]
        approval: Any = {"resume": {"decisions": [{"type": "approve"}]}}
        done: Any = client.runs.wait(thread, "review", command=approval, context=ana)
        assert ["added"] == [each["action"] for each in done["reviewed"]]
        [item] = client.store.search_items(["memories", "ana"])["items"]
        assert "Lives in Braga" == item["value"]["content"]["content"]
        assert ("quoted", 0.5) == (item["value"]["role"], item["value"]["trust"])
    assert "BlockingError" not in server.log


def test_old_turns_are_consolidated_on_the_server(tmp_path: Path) -> None:
    """`consolidate` makes a summary of a conversation, which names its turns; a second run finds nothing to do."""
    folder = project_copy(tmp_path / "project")
    module = folder / "graphs" / "consolidate.py"
    text = module.read_text().replace("create_chat_model())", "create_chat_model(), older_than=timedelta(0))")
    module.write_text(text.replace('"""\n', '"""\n\nfrom datetime import timedelta\n', 1))
    with DevServer(folder) as server, server.client() as client:
        ana: Any = {"user_id": "ana"}
        thread = client.threads.create()["thread_id"]
        for told in ("I bought a kayak.", "It is red.", "It leaks a little."):
            said: Any = {"messages": [{"role": "user", "content": told}]}
            client.runs.wait(thread, "memory_agent", input=said, context=ana)
        done: list[Any] = [client.runs.wait(None, "consolidate", input={}, context=ana) for _ in range(2)]
        assert [(1, 6), (0, 0)] == [
            (each["consolidated"]["summaries"], each["consolidated"]["archived"]) for each in done
        ]
        found = client.store.search_items(["memories", "ana"], filter={"kind": "Summary"})["items"]
        [summary] = [item["value"] for item in found]
        assert "kayak" in summary["content"]
        first = client.store.get_item(["_warmgraph", "archive", "2", "memories", "ana"], summary["meta"]["sources"][0])
        assert "I bought a kayak." == first["value"]["content"]
    assert "BlockingError" not in server.log


# A model that believes what it reads, as real ones do: the offline one extracts only what the user says.
EAGER = """
from langchain_core.messages import AIMessage
from warmgraph.testing import ScriptedChatModel

reply = AIMessage("", tool_calls=[{"name": "Memory", "args": {"content": "Lives in Braga"}, "id": "1"}])
graph = create_extraction_graph(ScriptedChatModel(script=[reply]))
"""
