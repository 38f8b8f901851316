"""`forget(namespace)`: no byte of a person stays in any file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.store.memory import InMemoryStore
from typing_extensions import TypedDict

from tests.byte_scan import found_in_files
from tests.unit.erasure.conftest import ANA, BOB, INDEX, SECRETS, fill, vector_bytes
from warmgraph import aforget, forget
from warmgraph.erasure import resume_erasures
from warmgraph.errors import InvalidArgumentError
from warmgraph.reflection import LocalReflectionExecutor
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.testing import ManualClock

TEXT = "I once hid the quokkaria under the floor."
NEEDLES: list[str | bytes] = [*SECRETS, "memories.ana", "thread-of-ana", vector_bytes(TEXT)]


def test_no_byte_of_a_person_stays(store: WarmStore, tmp_path: Path) -> None:
    """Not in the file, its log or its index; not as text, term, vector, name of a namespace or of a thread."""
    assert len(NEEDLES) == len(found_in_files(tmp_path, NEEDLES))
    report = forget(store, ANA)
    assert {} == found_in_files(tmp_path, NEEDLES)
    assert report.complete
    assert (12, 1, 1, 2) == (report.memories, report.revisions, report.quarantined, report.own)
    assert ("thread-of-ana",) == report.threads
    assert report.bytes_after < report.bytes_before
    assert [] == store.search(ANA, limit=50)
    assert [] == store.recall(ANA, "quokkaria").items
    assert 4 == len(store.search(BOB, limit=50))
    assert ["turn-2"] == [each.key for each in store.recall(BOB, "tea number 2", limit=1).items]
    assert store.get(("_warmgraph", "reflection", *BOB), "reflect/thread-of-bob") is not None
    store._check()


def test_nothing_comes_back_when_the_file_is_opened_again(store: WarmStore, tmp_path: Path) -> None:
    """What a new process reads is what was left."""
    forget(store, ANA)
    store.close()
    with WarmStore.open(tmp_path / "memory.db", index=INDEX) as again:
        assert [] == again.search(ANA, query="quokkaria")
        assert [("_warmgraph", "reflection", *BOB), BOB] == again.list_namespaces()


async def test_it_does_not_block_an_event_loop(store: WarmStore, tmp_path: Path) -> None:
    """The async twins do the same."""
    report = await aforget(store, ANA)
    assert (12, True) == (report.memories, report.complete)
    assert {} == found_in_files(tmp_path, NEEDLES)
    assert 0 == (await store.aforget(ANA)).memories


def test_a_name_that_begins_alike_is_another(store: WarmStore) -> None:
    """Whole labels count."""
    store.put(("memories", "anabel"), "x", {"content": "Anabel's."})
    forget(store, ANA)
    assert "Anabel's." == store.get(("memories", "anabel"), "x").value["content"]  # type: ignore[union-attr]


def test_expired_and_damaged_items_go_as_well(store: WarmStore, clock: ManualClock, tmp_path: Path) -> None:
    """What no read returns any more is in the file all the same."""
    store.put(ANA, "mortal", {"content": "Gone in a minute: quokkaria."}, ttl=1)
    clock.advance(hours=1)
    with sqlite3.connect(tmp_path / "memory.db") as connection:
        connection.execute("UPDATE items SET value = '{\"broken: zanthoxyl' WHERE key = 'fact'")
    connection.close()
    assert forget(store, ANA).complete
    assert {} == found_in_files(tmp_path, NEEDLES)


def test_another_process_drops_what_it_holds(store: WarmStore, tmp_path: Path) -> None:
    """Its warm tier and its indexes follow before its next read."""
    with WarmStore.open(tmp_path / "memory.db", index=INDEX) as other:
        assert other.recall(ANA, "quokkaria").items
        assert other.recall(BOB, "tea").items
        assert other.get(ANA, "turn-0") is not None
        forget(store, ANA)
        assert [] == other.recall(ANA, "quokkaria").items
        assert other.get(ANA, "turn-0") is None
        assert ANA not in other._tier.namespaces()
        assert 4 == len(other.recall(BOB, "tea").items)


def test_without_rewriting_freed_pages_are_overwritten(store: WarmStore, tmp_path: Path) -> None:
    """What was deleted just now is gone; only what older writes left in used pages may stay."""
    report = forget(store, ANA, rewrite=False)
    assert report.complete
    assert [] == store.search(ANA)
    forget(store, ANA)
    assert {} == found_in_files(tmp_path, NEEDLES)


def test_jobs_of_a_person_go_with_them(store: WarmStore, tmp_path: Path) -> None:
    """Waiting, dead and those of other executors, in the file beside the store's and in RAM."""

    def fail(payload: Any) -> None:
        raise RuntimeError(f"cannot work with {payload}")

    ana: Any = {"configurable": {"user_id": "ana", "thread_id": "thread-of-ana"}}
    bob: Any = {"configurable": {"user_id": "bob", "thread_id": "thread-of-bob"}}
    place = ("memories", "{user_id}")
    with (
        LocalReflectionExecutor(fail, place, store=store, name="fails", max_attempts=1) as fails,
        LocalReflectionExecutor(fail, place, store=store, name="waits", queue=":memory:", pending="persist") as waits,
    ):
        with pytest.raises(RuntimeError, match="quokkaria"):
            fails.submit({"messages": [TEXT]}, ana).result(30)
        fails.submit({"messages": ["zanthoxyl"]}, ana, after_seconds=3_600)
        fails.submit({"messages": ["Bob waits."]}, bob, after_seconds=3_600)
        waits.submit({"messages": ["maracuyando"]}, ana, after_seconds=3_600)
        assert 2 == len(fails.jobs("scheduled"))
        report = forget(store, ANA)
        assert (3, True) == (report.jobs, report.complete)
        assert {} == found_in_files(tmp_path, NEEDLES)
        assert [BOB] == [job.namespace for job in fails.jobs()]
        assert [] == waits.jobs()


def test_jobs_in_a_file_that_nobody_has_open_go_as_well(store: WarmStore, tmp_path: Path) -> None:
    """The queue of a process that ended lies beside the file, or where the caller says."""
    ana: Any = {"configurable": {"user_id": "ana"}}
    for queue in (None, tmp_path / "elsewhere"):
        executor = LocalReflectionExecutor(len, ANA, store=store, name="later", queue=queue)
        executor.submit({"messages": [TEXT]}, ana, after_seconds=3_600)
        executor.shutdown()
    assert store.forget(BOB).left == (f"{tmp_path / 'memory.db'}-jobs: background jobs; warmgraph.forget erases there",)
    report = forget(store, ANA, queues=[str(tmp_path / "elsewhere")])
    assert (2, True) == (report.jobs, report.complete)
    assert {} == found_in_files(tmp_path, NEEDLES)


def test_threads_go_with_the_checkpointer(store: WarmStore) -> None:
    """The checkpoints of the conversations that the memories came from are deleted if it is handed in."""

    class State(TypedDict):
        text: str

    saver = InMemorySaver()
    builder = StateGraph(State)
    builder.add_node("echo", lambda state: state)
    builder.add_edge(START, "echo")
    graph = builder.compile(checkpointer=saver)
    for thread in ("thread-of-ana", "thread-of-bob"):
        graph.invoke({"text": "quokkaria"}, {"configurable": {"thread_id": thread}})
    assert 1 == forget(store, ANA, checkpointer=saver).threads_deleted
    kept = {checkpoint.config["configurable"]["thread_id"] for checkpoint in saver.list(None)}
    assert {"thread-of-bob"} == kept


@pytest.mark.parametrize("make", [InMemoryStore, WarmStore, lambda: WarmStore(InMemoryStore())])
def test_it_works_on_any_store(make: Any) -> None:
    """A store that keeps a disk of its own and cannot wipe it is named as left."""
    store = make()
    fill(store)
    report = forget(store, ANA)
    assert 12 == report.memories
    assert {BOB, ("_warmgraph", "reflection", *BOB)} == {
        each for each in store.list_namespaces(limit=100) if "erasures" not in each and store.search(each, limit=1)
    }
    if isinstance(store, WarmStore) and store.long_term is None:
        assert report.complete
    else:
        assert report.left == ("InMemoryStore cannot wipe what it deleted from its disk",)


def test_a_store_wipes_its_disk_if_it_can() -> None:
    """The method `scrub`, sync or not, is called once everything is deleted, and says what is left."""

    class Scrubbing(InMemoryStore):
        seen: list[int]

        def scrub(self) -> list[str]:
            self.seen = [len(self.search(ANA))]
            return ["the archive"]

    store = Scrubbing()
    fill(store)
    report = forget(WarmStore(store), ANA)
    assert ([0], ("the archive",)) == (store.seen, report.left)
    assert [] == resume_erasures(store)


@pytest.mark.parametrize("namespace", [(), "ana", ("_warmgraph", "history"), ("a.b",)])
def test_a_namespace_that_is_none_is_refused(namespace: Any, store: WarmStore) -> None:
    """Nothing is touched."""
    with pytest.raises(InvalidArgumentError if "a.b" not in namespace else ValueError):
        forget(store, namespace)
    assert store.get(ANA, "turn-0") is not None


def test_what_a_reader_holds_up_is_named_and_done_later(store: WarmStore, tmp_path: Path) -> None:
    """While somebody reads an older state, the log cannot be cut: the report says so, and the next call does it."""
    import warmgraph.store.sqlite.held_rows as held_rows

    reader = sqlite3.connect(tmp_path / "memory.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM items").fetchone()
    attempts, held_rows.ATTEMPTS = held_rows.ATTEMPTS, 1
    try:
        report = store.forget(ANA)
    finally:
        held_rows.ATTEMPTS = attempts
        reader.close()
    assert not report.complete
    assert [True] == [each.complete for each in store.resume_erasures()]
    assert {} == found_in_files(tmp_path, NEEDLES)


def test_the_file_is_wiped_though_it_was_written_by_an_older_version(tmp_path: Path) -> None:
    """Pages that were freed before anything was overwritten are rewritten as well."""
    path = tmp_path / "memory.db"
    with RoutedStore(path) as store:
        store._database.write(lambda connection: connection.execute("PRAGMA secure_delete = OFF")).result()
        fill(store)
        for each in store.search((*ANA,), limit=100):
            store.delete(each.namespace, each.key)
    assert found_in_files(tmp_path, SECRETS)
    with RoutedStore(path) as store:
        forget(store, ANA)
    assert {} == found_in_files(tmp_path, NEEDLES[:-1])
