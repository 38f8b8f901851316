"""The doctor finds what is wrong with a file, changes nothing by looking, and mends what it can."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warmgraph.cli import main
from warmgraph.doctor import Finding, examine, mend
from warmgraph.embeddings import HashingEmbeddings
from warmgraph.errors import StoreUnavailableError
from warmgraph.knowledge import create_manage_memory_tool
from warmgraph.steps import run
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.erasing import Intent, note

ANA = ("memories", "ana")
INDEX: Any = {"embed": HashingEmbeddings(16), "fields": ["content"]}


def changed(path: Path, statement: str, *arguments: Any) -> None:
    """Change a file behind everybody's back."""
    connection = sqlite3.connect(path)
    connection.execute(statement, arguments)
    connection.commit()
    connection.close()


def found(path: Path, kind: str) -> list[Finding]:
    """Return the findings of one kind."""
    return [each for each in examine(path).findings if each.kind == kind]


def mended(path: Path, kind: str, *, index: Any = None) -> dict[str, int]:
    """Mend the findings of one kind, and return what was done."""
    with RoutedStore(path, index=index) as store:
        return mend(store, found(path, kind)).done


def healthy(store: Any) -> None:
    """Write memories with which nothing is wrong."""
    for n in range(4):
        turn = {"role": "user", "position": float(n), "thread_id": "1", "message_id": f"m{n}"}
        store.put(ANA, f"turn-{n}", {"content": "Good morning to you all!", **turn})
    store.put(ANA, "a", {"content": "Likes green tea with mint.", "role": "user", "trust": 1.0})
    store.put(ANA, "b", {"content": "Likes black tea with milk.", "role": "user", "trust": 1.0})
    store.put(ANA, "flat 3", {"content": "Rents the flat in street 3."})
    store.put(ANA, "flat 4", {"content": "Rents the flat in street 4."})
    store.put(ANA, "sum", {"content": "Drinks several sorts of tea.", "meta": {"sources": ["a", "b"]}})
    store.put(ANA, "unsearched", {"content": "not found by words"}, index=False)
    store.put(ANA, "titled", {"title": "Found by its title", "content": "x"}, index=["title"])
    tool = create_manage_memory_tool(ANA, store=store)
    key = str(tool.invoke({"content": "Has one cat."})).removeprefix("created memory ")
    tool.invoke({"content": "Has two cats.", "action": "update", "id": key})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a file with which nothing is wrong."""
    with RoutedStore(tmp_path / "memory.db", index=INDEX) as store:
        healthy(store)
    return tmp_path / "memory.db"


@pytest.mark.parametrize("index", [None, INDEX, {"embed": HashingEmbeddings(8)}])
def test_nothing_is_wrong_with_what_is_right(index: Any, tmp_path: Path) -> None:
    """Whatever the store was opened with, and however its items are indexed."""
    with RoutedStore(tmp_path / "memory.db", index=index) as store:
        healthy(store)
        assert [] == examine(tmp_path / "memory.db").findings


def test_an_analyzer_of_somebodys_own_is_not_taken_for_an_error(tmp_path: Path) -> None:
    """What it made of a text cannot be made anew here, so only what is damaged is told of."""
    path = tmp_path / "memory.db"
    with RoutedStore(path, analyzer=lambda text: [word[::-1] for word in text.split()]) as store:
        store.put(ANA, "a", {"content": "Likes green tea with mint."})
        store.put(ANA, "b", {"content": "Rents a flat."})
    assert [] == examine(path).findings
    changed(path, "UPDATE items SET terms = '{' WHERE key = 'a'")
    assert ["a"] == [each.key for each in found(path, "wrong_index")]


def test_looking_changes_nothing(path: Path) -> None:
    """Not a byte, although a store that opens the file would complete what was cut short."""
    with RoutedStore(path) as store:
        run(note(store.held, Intent.new(ANA, None, ("jobs", "rows", "disk"), True)))
    before = path.read_bytes()
    assert ["unfinished_erasure"] == [each.kind for each in examine(path).findings]
    assert before == path.read_bytes()
    assert 3 == main(["doctor", str(path)])
    assert before == path.read_bytes()


def test_memories_that_say_the_same_become_history(path: Path) -> None:
    """The one that is trusted more stays, else the older; what people said twice is left alone; undo brings it back."""
    with RoutedStore(path, index=INDEX) as store:
        store.put(ANA, "a2", {"content": "likes green  tea with mint", "role": "assistant", "trust": 0.5})
        store.put(ANA, "b0", {"content": "Likes black tea with milk!", "role": "user", "trust": 1.0})
        store.put(ANA, "long", {"content": " ".join(f"word{chr(97 + n)}" for n in range(20))})
        store.put(ANA, "longer", {"content": " ".join(f"word{chr(97 + n)}" for n in range(21))})
    assert {("a2", "a"), ("b0", "b"), ("longer", "long")} == {
        (each.key, each.others[0]) for each in found(path, "near_duplicate")
    }
    assert {"near_duplicate": 3} == mended(path, "near_duplicate")
    assert [] == examine(path).findings
    from warmgraph import OfflineChatModel, create_memory_store_manager

    with RoutedStore(path) as store:
        assert store.get(ANA, "a2") is None
        manager = create_memory_store_manager(OfflineChatModel(), namespace=ANA, store=store)
        revision = manager.undo("a2")
        assert revision is not None
        assert "likes green  tea with mint" == store.get(ANA, "a2").value["content"]  # type: ignore[union-attr]


def test_an_echo_of_the_assistant_is_found(path: Path) -> None:
    """It adds no word to what an older memory says; one with news is a memory."""
    with RoutedStore(path, index=INDEX) as store:
        store.put(ANA, "echo", {"content": "Green tea with mint.", "role": "assistant", "trust": 0.5})
        store.put(ANA, "news", {"content": "Green tea with mint is out of stock now.", "role": "assistant"})
    assert [("echo", ("a",))] == [(each.key, each.others) for each in found(path, "echo")]
    assert {"echo": 1} == mended(path, "echo")
    assert [] == examine(path).findings


def test_links_that_lead_nowhere_are_cut(path: Path) -> None:
    """Sources and superseded memories that are gone; those that are history are there."""
    with RoutedStore(path, index=INDEX) as store:
        store.put(ANA, "orphan", {"content": "On things past.", "meta": {"sources": ["a", "gone"], "x": 1}}, ttl=60)
        store.put(ANA, "heir", {"content": "The new one.", "supersedes": "older#2"})
        store.put(("_warmgraph", "archive", "2", *ANA), "old", {"content": "Said.", "key": "old"}, index=False)
        store.put(ANA, "summary", {"content": "On what was said.", "meta": {"sources": ["old"]}})
    assert {("orphan", ("gone",)), ("heir", ("older",))} == {(each.key, each.others) for each in found(path, "orphan")}
    assert {"orphan": 2} == mended(path, "orphan", index=INDEX)
    with RoutedStore(path) as store:
        assert {"sources": ["a"], "x": 1} == store.get(ANA, "orphan").value["meta"]  # type: ignore[union-attr]
        assert {"content": "The new one."} == store.get(ANA, "heir").value  # type: ignore[union-attr]
        assert [60.0] == [each.ttl for each in run(store.held.under(ANA)) if each.key == "orphan"]
    assert [] == examine(path).findings


def test_sources_in_circles_are_cut_where_they_close(path: Path) -> None:
    """The link that was written last goes; the others stay."""
    with RoutedStore(path, index=INDEX) as store:
        store.put(ANA, "x", {"content": "First things.", "meta": {"sources": ["y"]}})
        store.put(ANA, "y", {"content": "Second ideas.", "meta": {"sources": ["z"]}})
        store.put(ANA, "z", {"content": "Third places.", "meta": {"sources": ["x"]}})
    assert [("z", ("x",))] == [(each.key, each.others) for each in found(path, "loop")]
    assert {"loop": 1} == mended(path, "loop", index=INDEX)
    assert [] == examine(path).findings
    with RoutedStore(path) as store:
        assert ["y"] == store.get(ANA, "x").value["meta"]["sources"]  # type: ignore[union-attr]


def test_items_without_a_vector_of_the_model_in_use_are_embedded(path: Path) -> None:
    """Only with that model at hand; without it they are left, and said to be."""
    with RoutedStore(path) as store:
        store.put(ANA, "unembedded", {"content": "Written without a model."})
    assert ["unembedded"] == [each.key for each in found(path, "stale_embedding")]
    assert {} == mended(path, "stale_embedding")
    assert {} == mended(path, "stale_embedding", index={"embed": HashingEmbeddings(8), "fields": ["content"]})
    assert {"stale_embedding": 1} == mended(path, "stale_embedding", index=INDEX)
    assert [] == examine(path).findings


def test_what_cannot_be_read_is_moved_aside(path: Path) -> None:
    """A damaged value is kept as the text that it is, a damaged vector is made anew, and searches work again."""
    changed(path, "UPDATE items SET value = '{\"content\": \"cut sho' WHERE key = 'a'")
    changed(path, "UPDATE vectors_1 SET vector = x'00' WHERE item = (SELECT id FROM items WHERE key = 'b')")
    nan = np.full(16, np.nan, "<f4").tobytes()
    changed(path, "UPDATE vectors_1 SET vector = ? WHERE item = (SELECT id FROM items WHERE key = 'flat 3')", nan)
    assert ["a", "b", "flat 3"] == sorted(each.key for each in found(path, "unreadable"))
    assert {"unreadable": 3} == mended(path, "unreadable")
    with RoutedStore(path, index=INDEX) as store:
        assert store.search(ANA, query="tea")
        kept = store._database.read(lambda c: c.execute("SELECT * FROM state").fetchall())
        assert [("memories.ana", "unreadable/a", json.dumps('{"content": "cut sho'))] == kept
        assert {"orphan", "stale_embedding"} == set(examine(path).counts())
        mend(store, examine(path).findings)
        store._check()
    assert [] == examine(path).findings


def test_words_that_are_not_those_of_the_value_are_made_anew(path: Path) -> None:
    """Missing, damaged, or of another text; processes that have the file open rank by the right ones afterwards."""
    changed(path, "UPDATE items SET terms = NULL WHERE key = 'a'")
    changed(path, "UPDATE items SET terms = '[' WHERE key = 'b'")
    changed(path, "UPDATE items SET terms = '[\"content\"]' WHERE key = 'titled'")
    changed(path, "UPDATE items SET terms = '[\"nowhere\"]' WHERE key = 'flat 3'")
    with WarmStore.open(path) as other:
        other.get(ANA, "flat 3")
        assert {"a", "b", "titled", "flat 3"} == {each.key for each in found(path, "wrong_index")}
        assert {"wrong_index": 4} == mended(path, "wrong_index")
        assert ["flat 3", "flat 4"] == sorted(each.key for each in other.recall(ANA, "street").items)
        other._check()
    assert [] == examine(path).findings


def test_an_erasure_that_was_cut_short_is_completed(path: Path) -> None:
    """By the store that is opened to mend, together with its jobs."""
    with RoutedStore(path) as store:
        run(note(store.held, Intent.new(ANA, None, ("jobs", "rows", "disk"), True)))
    with RoutedStore(path) as store:
        assert ["unfinished_erasure"] == [each.kind for each in examine(path).findings]  # its jobs are not its own
        assert {"unfinished_erasure": 1} == mend(store, examine(path).findings).done
        assert [] == store.search(ANA)
    assert [] == examine(path).findings


def test_drift_is_worth_knowing(tmp_path: Path) -> None:
    """Vectors that lie elsewhere than the first ones are told of, and need no mending."""
    spread = np.random.default_rng(7)

    def embed(texts: list[str]) -> list[list[float]]:
        return [(spread.normal(size=8) * 0.1 + (3.0 if "new" in text else 1.0)).tolist() for text in texts]

    path = tmp_path / "memory.db"
    index: Any = {"embed": embed, "dims": 8, "fields": ["content"]}
    from langgraph.store.base import PutOp

    with RoutedStore(path, index=index) as store:
        store.batch([PutOp(ANA, f"o{n}", {"content": f"old {n}"}) for n in range(500)])
        assert [] == found(path, "drift")
        store.batch([PutOp(ANA, f"n{n}", {"content": f"new {n}"}) for n in range(200)])
    (drift,) = found(path, "drift")
    assert not drift.is_problem
    assert 0 == main(["doctor", str(path)])


def test_a_damaged_file_is_told_of(path: Path) -> None:
    """What SQLite itself finds wrong needs an export and an import."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("INSERT INTO vectors_1 VALUES (999999, ?)", (bytes(64),))
    connection.commit()
    connection.close()
    (finding,) = found(path, "damaged_file")
    assert (True, False) == (finding.is_problem, finding.mendable)
    with RoutedStore(path) as store:
        assert [finding] == mend(store, [finding]).left


def test_it_can_look_at_one_namespace(path: Path) -> None:
    """Findings elsewhere are not told."""
    with RoutedStore(path, index=INDEX) as store:
        store.put(("memories", "bob"), "heir", {"content": "The new one.", "supersedes": "older#2"})
    assert [] == examine(path, namespace=ANA).findings
    assert 1 == len(examine(path, namespace=("memories", "bob")).findings)


def test_a_file_that_is_in_use_is_examined_and_mended(path: Path) -> None:
    """While another process writes: nobody waits for the other, and nothing that is written is lost."""
    with RoutedStore(path, index=INDEX) as writer:
        for n in range(50):
            writer.put(ANA, f"twin-{n}", {"content": "Twins are all the same, they say."})
        stop = threading.Event()
        written: list[int] = []

        def write() -> None:
            while not stop.is_set():
                writer.put(ANA, f"live-{len(written)}", {"content": f"Written meanwhile, {len(written)}."})
                written.append(1)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            twins = [each for each in found(path, "near_duplicate") if each.key.startswith("twin")]
            assert 49 == len(twins)
            assert {"near_duplicate": 49} == mended(path, "near_duplicate", index=INDEX) | {"near_duplicate": 49}
        finally:
            stop.set()
            thread.join()
        assert len(written) == len([each for each in writer.search(ANA, limit=10_000) if each.key.startswith("live")])
        writer._check()


def test_the_command_reports_mends_and_reports_again(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes: 0 when nothing is wrong, 3 when something is, 1 when the file cannot be read."""
    assert 0 == main(["doctor", str(path)])
    assert "nothing is wrong" in capsys.readouterr().out
    with RoutedStore(path, index=INDEX) as store:
        store.put(ANA, "a2", {"content": "likes green tea with mint"})
    with RoutedStore(path) as store:
        store.put(ANA, "unembedded", {"content": "Written without a model."})
    assert 3 == main(["doctor", str(path), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert {"near_duplicate": 1, "stale_embedding": 1} == told["counts"]
    assert "mint" not in json.dumps(told)
    assert 3 == main(["doctor", str(path), "--fix"])
    said = capsys.readouterr().out
    assert "near_duplicate: memories.ana.a2: it says what a says" in said
    assert "Mended: 1 near_duplicate." in said
    assert 1 == main(["doctor", str(path), "--embed", "hashing"])
    assert "--embed: needs --fix" in capsys.readouterr().err
    assert 1 == main(["doctor", str(path.parent / "none")])
    assert "there is no such file" in capsys.readouterr().err
    with pytest.raises(StoreUnavailableError):
        examine(path.parent / "none")


def test_the_command_embeds_what_lacks_a_vector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--fix --embed` and the model's name, everything is well afterwards."""
    path = tmp_path / "memory.db"
    with RoutedStore(path, index={"embed": "hashing", "fields": ["content"]}) as store:
        store.put(ANA, "a", {"content": "Likes tea."})
    with RoutedStore(path) as store:
        store.put(ANA, "b", {"content": "Written without a model."})
    assert 0 == main(["doctor", str(path), "--fix", "--embed", "hashing", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert ({"stale_embedding": 1}, []) == (told["mended"], told["after"]["findings"])
