"""`forget(key)`: one memory goes, with all that was made from it, and the rest stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.byte_scan import found_in_files
from tests.unit.erasure.conftest import ANA, BOB, vector_bytes
from warmgraph import forget
from warmgraph.errors import InvalidArgumentError
from warmgraph.knowledge import create_manage_memory_tool
from warmgraph.reflection import LocalReflectionExecutor
from warmgraph.store import WarmStore
from warmgraph.store.erasing import Held

TEXT = "I once hid the quokkaria under the floor."


def keys(store: WarmStore) -> set[str]:
    """Return the keys of Ana's memories that have a name of ours."""
    return {each.key for each in store.search(ANA, limit=50) if each.namespace == ANA and len(each.key) < 36}


def test_what_was_made_from_it_goes_as_well(store: WarmStore, tmp_path: Path) -> None:
    """Summaries by their sources, summaries of these, facts by their message, the summary of its thread."""
    before = keys(store)
    report = forget(store, ANA, "turn-0")
    assert {"turn-0", "digest", "digest-of-digest", "fact", "about"} == before - keys(store)
    assert (1, 4, ()) == (report.memories, report.derived, report.quoted_by)
    assert {} == found_in_files(tmp_path, ["quokkaria", vector_bytes(TEXT)])
    assert found_in_files(tmp_path, ["zanthoxyl"])
    assert 4 == len(store.search(BOB, limit=50))
    store._check()


def test_the_thread_is_reflected_on_anew(store: WarmStore) -> None:
    """Its summary is gone, so the watermark that says how far it reached goes too; others only lose the digest."""
    place = ("_warmgraph", "reflection", *ANA)
    store.put(place, "reflect/another", {"seen": {"turn-0": "ab", "turn-9": "cd"}}, index=False)
    report = forget(store, ANA, "turn-0")
    assert store.get(place, "reflect/thread-of-ana") is None
    assert {"seen": {"turn-9": "cd"}} == store.get(place, "reflect/another").value  # type: ignore[union-attr]
    assert 3 == report.own


def test_summaries_can_be_made_anew(store: WarmStore) -> None:
    """The caller's function gets a summary and the sources that stay; what it returns is stored, and found."""

    def rebuild(summary: Held, sources: Sequence[Held]) -> dict[str, Any] | None:
        if summary.key != "digest":
            return None
        assert ["turn-1"] == [each.key for each in sources]
        assert summary.value is not None
        return {**summary.value, "content": f"Made of {len(sources)} source."}

    report = forget(store, ANA, "turn-0", rebuild=rebuild)
    value = store.get(ANA, "digest").value  # type: ignore[union-attr]
    assert ("Made of 1 source.", ["turn-1"]) == (value["content"], value["meta"]["sources"])
    assert (1, 2) == (report.rebuilt, report.derived)
    assert store.get(ANA, "digest-of-digest") is not None
    assert "digest" in [each.key for each in store.recall(ANA, "made of one source").items]


def test_what_a_summary_stood_for_is_found_again(store: WarmStore, tmp_path: Path) -> None:
    """Consolidated records lie in an archive: the one that was asked for goes, the others are memories again."""
    archive = ("_warmgraph", "archive", "2", *ANA)
    for n, word in enumerate(("bikelorum", "greenatic", "brakesqueal")):
        value = {
            "content": f"About the {word}, said long ago.",
            "role": "user",
            "position": float(n),
            "key": f"old-{n}",
        }
        store.put(archive, f"old-{n}", value, index=False)
    store.put(ANA, "all", {"content": "A bikelorum.", "meta": {"sources": ["old-0", "old-1", "old-2"]}})
    report = forget(store, ANA, "old-0")
    assert (0, 1, 2) == (report.memories, report.derived, report.restored)
    assert {} == found_in_files(tmp_path, ["bikelorum"])
    assert [] == store.search(("_warmgraph", "archive"))
    assert ["old-1"] == [each.key for each in store.recall(ANA, "greenatic", limit=1).items]
    assert {"content", "role", "position"} == set(store.get(ANA, "old-2").value)  # type: ignore[union-attr]


def test_cells_are_made_anew_without_it(store: WarmStore) -> None:
    """The centroids that the file keeps of a large namespace are means of what went as well."""
    long_term: Any = store.long_term
    entry = ("memories.ana", "routing", '{"model": "x", "dims": 1, "data": ""}')
    long_term._database.write(lambda c: c.execute("INSERT INTO state VALUES (?, ?, ?)", entry)).result()
    forget(store, ANA, "turn-2")
    names = long_term._database.read(lambda c: c.execute("SELECT name FROM state").fetchall())
    assert [("note",)] == names


def test_history_goes_with_a_memory(store: WarmStore, tmp_path: Path) -> None:
    """All that it ever said is gone, and links to it are cut."""
    tool = create_manage_memory_tool(ANA, store=store)
    key = str(tool.invoke({"content": "The harpsichordium is in the attic."})).removeprefix("created memory ")
    tool.invoke({"content": "It is in the cellar, the harpsichordium.", "action": "update", "id": key})
    store.put(ANA, "heir", {"content": "Another one.", "supersedes": f"{key}#1"})
    report = forget(store, ANA, key)
    assert (1, 1) == (report.memories, report.revisions)
    assert {"content": "Another one."} == store.get(ANA, "heir").value  # type: ignore[union-attr]
    assert {} == found_in_files(tmp_path, ["harpsichordium", key])


def test_memories_that_quote_it_are_named(store: WarmStore) -> None:
    """They are somebody's own words, so the caller decides."""
    store.put(ANA, "answer", {"content": f'You told me: "{TEXT.upper()}"', "role": "assistant", "position": 9.0})
    assert ("answer",) == forget(store, ANA, "turn-0").quoted_by
    assert store.get(ANA, "answer") is not None


def test_several_memories_go_at_once(store: WarmStore, tmp_path: Path) -> None:
    """A key that is not there changes nothing."""
    report = store.forget(ANA, ["turn-2", "turn-3", "huge", "nothing"])
    assert 3 == report.memories
    assert {"turn-2", "turn-3", "huge"}.isdisjoint(keys(store))
    assert 0 == store.forget(ANA, "nothing").memories


def test_waiting_jobs_are_cut_not_dropped(store: WarmStore, tmp_path: Path) -> None:
    """A payload loses the message, and keeps the others; one that held nothing else is gone."""
    ana: Any = {"configurable": {"user_id": "ana", "thread_id": "1"}}
    seen: list[Any] = []
    with LocalReflectionExecutor(seen.append, ANA, store=store, name="jobs", pending="drain") as executor:
        executor.submit({"messages": [TEXT, "The weather is fine."]}, ana, after_seconds=3_600)
        executor.submit({"messages": [TEXT]}, ana, after_seconds=3_600, thread_id="2")
        executor.submit({"namespace": list(ANA), "thread_id": "3"}, ana, after_seconds=3_600, thread_id="3")
        report = forget(store, ANA, "turn-0")
        assert 2 == report.jobs
        assert {} == found_in_files(tmp_path, ["quokkaria"])
    assert [["The weather is fine."]] == [each["messages"] for each in seen if "messages" in each]
    assert 2 == len(seen)


def test_a_job_that_runs_writes_nothing_of_it(store: WarmStore, tmp_path: Path) -> None:
    """It loses its right to write, and is run again without what was erased."""
    import threading

    begun, go = threading.Semaphore(0), threading.Event()
    ana: Any = {"configurable": {"user_id": "ana", "thread_id": "1"}}
    runs: list[Any] = []

    def reflect(payload: Any) -> None:
        from langgraph.config import get_store

        runs.append(payload["messages"])
        begun.release()
        assert go.wait(30)
        for n, text in enumerate(payload["messages"]):
            get_store().put(ANA, f"made-{n}", {"content": f"They said: {text}"})

    executor = LocalReflectionExecutor(reflect, ANA, store=store, name="jobs", pending="drain")
    future = executor.submit({"messages": ["Fine weather.", TEXT]}, ana)
    assert begun.acquire(timeout=30)
    report = forget(store, ANA, "turn-0")
    assert 1 == report.jobs
    go.set()
    executor.wake()
    assert begun.acquire(timeout=30)
    assert executor.shutdown(timeout=30)
    assert future.done()
    assert [["Fine weather.", TEXT], ["Fine weather."]] == runs
    assert "They said: Fine weather." == store.get(ANA, "made-0").value["content"]  # type: ignore[union-attr]
    assert store.get(ANA, "made-1") is None
    assert {} == found_in_files(tmp_path, ["quokkaria"])


@pytest.mark.parametrize("key", [[], [1], 7])
def test_a_key_that_is_none_is_refused(key: Any, store: WarmStore) -> None:
    """An empty list is not taken for everything."""
    with pytest.raises((InvalidArgumentError, TypeError)):
        forget(store, ANA, key)
    assert store.get(ANA, "turn-0") is not None
