"""Reflection on a real `langgraph dev`: a second run, later, on a thread of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dev_server import DevServer, project_copy
from warmgraph.reflection.remote import reflection_thread

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]


def test_what_was_said_is_reflected_on_and_recalled_by_another_thread(tmp_path: Path) -> None:
    """Two turns within the delay are one run of `reflect`, which covers both; another thread recalls what it kept."""
    folder = project_copy(tmp_path / "project")
    module = folder / "graphs" / "memory_agent.py"
    module.write_text(module.read_text().replace('reflection="reflect"', 'reflection="reflect", reflect_after=3'))
    with DevServer(folder) as server, server.client() as client:
        thread = client.threads.create()["thread_id"]

        def say(text: str, where: str) -> Any:
            given: Any = {"messages": [{"role": "user", "content": text}]}
            return client.runs.wait(where, "memory_agent", input=given, context={"user_id": "ana"})

        for text in ("I live in Lisbon.", "I am allergic to peanuts."):
            assert not say(text, thread).get("memory_errors")
        own = reflection_thread("reflect", ("memories", "ana"), thread)
        runs = client.runs.list(own)
        assert 1 == len(runs), runs
        assert 4 == client.runs.join(own, runs[0]["run_id"])["reflected"]
        found = client.store.search_items(["memories", "ana"], filter={"kind": "ThreadSummary"})
        [summary] = [item["value"] for item in found["items"]]
        assert thread == summary["thread_id"]
        assert "Lisbon" in summary["content"]
        assert "peanuts" in summary["content"]
        other = say("What about Lisbon and peanuts?", client.threads.create()["thread_id"])
        assert found["items"][0]["key"] in [item["key"] for item in other["recall"]["items"]]
    assert "BlockingError" not in server.log
