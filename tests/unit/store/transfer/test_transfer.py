"""Export and import: nothing is lost on the way, and nothing is half done."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import PutOp
from langgraph.store.memory import InMemoryStore

from warmgraph.cli import main
from warmgraph.embeddings import HashingEmbeddings
from warmgraph.errors import ImportDataError, InvalidArgumentError, StoreUnavailableError
from warmgraph.knowledge import create_manage_memory_tool
from warmgraph.store import (
    RoutedStore,
    WarmStore,
    aexport_memories,
    aimport_memories,
    export_memories,
    import_memories,
)
from warmgraph.store.sqlite.tables import vectors_of
from warmgraph.store.transfer.lines import read_lines
from warmgraph.testing import ManualClock

ANA, BOB = ("memories", "ana"), ("memories", "bob")
INDEX: Any = {"embed": HashingEmbeddings(8), "fields": ["content"]}
START = datetime(2026, 1, 1, 12, 0, 0, 123_457, tzinfo=UTC)


def fill(store: Any, clock: ManualClock) -> None:
    """Write items of every kind, at different times."""
    store.put(ANA, "1", {"kind": "Memory", "content": "I live in Lisbon, in a house — with a view.", "trust": 1.0})
    clock.advance(seconds=1.000_001)
    store.put(ANA, "mortal", {"content": "for an hour"}, ttl=60)
    store.put(
        ANA, "hidden", {"content": "not searched", "deep": {"list": [1, 2.5, None, True, "\u2028\x00"]}}, index=False
    )
    store.put(BOB, "2", {"content": "two", "title": "texts"}, index=["content", "title"])
    clock.advance(minutes=5)
    store.put(ANA, "1", {"kind": "Memory", "content": "I live in Porto.", "trust": 1.0})
    tool = create_manage_memory_tool(ANA, store=store, clock=clock)
    key = str(tool.invoke({"content": "Likes tea."})).removeprefix("created memory ")
    tool.invoke({"content": "Likes coffee.", "action": "update", "id": key})
    store._database.write(
        lambda connection: connection.execute("INSERT INTO state VALUES ('memories.ana', 'tau', '0.06')")
    ).result()


def contents(path: Path) -> dict[str, list[Any]]:
    """Return all that a file holds, but for the numbers that only order it."""
    connection = sqlite3.connect(path)
    found = {
        "items": connection.execute(
            "SELECT namespace, key, value, created_at, updated_at, ttl, expires_at, paths, terms, question, importance"
            " FROM items ORDER BY id"
        ).fetchall(),
        "vectors": [
            (model, *row)
            for number, *model in connection.execute("SELECT id, name, dims, fields FROM models ORDER BY 2, 3, 4")
            for row in connection.execute(
                f"SELECT namespace, key, vector FROM {vectors_of(number)} JOIN items ON id = item ORDER BY 1, 2"
            )
        ],
        "state": connection.execute("SELECT * FROM state").fetchall(),
    }
    connection.close()
    return found


def new(path: Path, clock: ManualClock | None = None) -> RoutedStore:
    """Open a file."""
    return RoutedStore(path, index=INDEX, clock=clock or ManualClock(START))


@pytest.mark.parametrize("name", ["export.jsonl", "export.jsonl.gz"])
def test_a_file_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    """Values, times to the microsecond, expiries, paths, terms, vectors, history, order, and what is kept beside."""
    clock = ManualClock(START)
    with new(tmp_path / "a.db", clock) as store:
        fill(store, clock)
        told = export_memories(store, tmp_path / name)
    assert (6, 6, 1, True) == (told.items, told.vectors, told.state, told.lossless)
    with new(tmp_path / "b.db", clock) as copy:
        report = import_memories(copy, tmp_path / name)
        assert (6, 6, 1, 0) == (report.items, report.vectors, report.state, report.unembedded)
        copy._check()
        assert "1" == copy.search(ANA, query="Porto", limit=1)[0].key
    assert contents(tmp_path / "a.db") == contents(tmp_path / "b.db")


def test_an_export_of_the_copy_is_the_same_export(tmp_path: Path) -> None:
    """Byte for byte, so that two exports can be compared."""
    clock = ManualClock(START)
    first, second = io.StringIO(), io.StringIO()
    with new(tmp_path / "a.db", clock) as store, new(tmp_path / "b.db", clock) as copy:
        fill(store, clock)
        export_memories(store, first)
        import_memories(copy, first.getvalue().splitlines())
        export_memories(copy, second)
    assert first.getvalue() == second.getvalue()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.dictionaries(
            st.text(max_size=8),
            st.recursive(
                st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
                max_leaves=8,
            ),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_value_survives(values: list[dict[str, Any]]) -> None:
    """Any JSON, with line separators, control characters and huge numbers in it."""
    values = json.loads(json.dumps(values).replace("Infinity", "1"))
    written = io.StringIO()
    with RoutedStore(":memory:") as store, RoutedStore(":memory:") as copy:
        for n, value in enumerate(values):
            store.put(ANA, str(n), value)
        export_memories(store, written)
        import_memories(copy, io.StringIO(written.getvalue(), newline="\n"))
        assert {str(n): value for n, value in enumerate(values)} == {
            item.key: item.value for item in copy.search(ANA, limit=10)
        }


def test_one_person_can_be_exported_alone(tmp_path: Path) -> None:
    """With their history and what is kept about them; nothing of anybody else."""
    clock, written = ManualClock(START), io.StringIO()
    with new(tmp_path / "a.db", clock) as store:
        fill(store, clock)
        report = export_memories(store, written, namespace=ANA)
    _, lines = read_lines(written.getvalue().splitlines())
    namespaces = {getattr(line, "namespace", None) for line in lines}
    assert {ANA, "memories.ana"} < namespaces
    assert BOB not in namespaces
    assert (5, 1) == (report.items, report.state)


def test_without_vectors_it_is_embedded_anew(tmp_path: Path) -> None:
    """The report counts what lacks a vector, and `reembed` makes it good."""
    clock = ManualClock(START)
    with new(tmp_path / "a.db", clock) as store:
        fill(store, clock)
        export_memories(store, tmp_path / "e.jsonl", vectors=False)
    with new(tmp_path / "b.db", clock) as copy:
        assert 5 == import_memories(copy, tmp_path / "e.jsonl").unembedded
        copy.reembed()
    assert contents(tmp_path / "a.db") == contents(tmp_path / "b.db")


def test_items_that_are_there_are_refused_kept_or_replaced(tmp_path: Path) -> None:
    """A refusal leaves everything as it was."""
    clock = ManualClock(START)
    with new(tmp_path / "a.db", clock) as store:
        fill(store, clock)
        export_memories(store, tmp_path / "e.jsonl")
    with new(tmp_path / "b.db", clock) as copy:
        copy.put(ANA, "1", {"content": "mine"})
        before = contents(tmp_path / "b.db")
        with pytest.raises(ImportDataError, match=r"line \d: expected an item that is not there"):
            import_memories(copy, tmp_path / "e.jsonl")
        assert before == contents(tmp_path / "b.db")
        kept = import_memories(copy, tmp_path / "e.jsonl", existing="keep")
        assert (5, 1, 0) == (kept.items, kept.kept, kept.replaced)
        assert {"content": "mine"} == copy.get(ANA, "1").value  # type: ignore[union-attr]
        replaced = import_memories(copy, tmp_path / "e.jsonl", existing="replace")
        assert (6, 6) == (replaced.items, replaced.replaced)
    assert contents(tmp_path / "a.db") == contents(tmp_path / "b.db")


def test_what_has_expired_since_is_left_out(tmp_path: Path) -> None:
    """An import does not bring back what had its time."""
    clock, written = ManualClock(START), io.StringIO()
    with new(tmp_path / "a.db", clock) as store, new(tmp_path / "b.db", clock) as copy:
        fill(store, clock)
        export_memories(store, written)
        clock.advance(hours=2)
        report = import_memories(copy, written.getvalue().splitlines())
        assert (5, 1) == (report.items, report.expired)
        assert copy.get(ANA, "mortal") is None


def test_a_damaged_value_is_kept_as_it_is(tmp_path: Path) -> None:
    """It is counted, and brought back, damaged as before."""
    with new(tmp_path / "a.db") as store:
        store.put(ANA, "1", {"content": "x"}, index=False)
        store._database.write(lambda c: c.execute("UPDATE items SET value = '{\"cut'")).result()
        assert 1 == export_memories(store, tmp_path / "e.jsonl").damaged
    with new(tmp_path / "b.db") as copy:
        import_memories(copy, tmp_path / "e.jsonl")
    assert contents(tmp_path / "a.db")["items"][0][2] == contents(tmp_path / "b.db")["items"][0][2]


def damaged(lines: list[str]) -> dict[str, tuple[list[str], str]]:
    """Return exports that are damaged in one place each, and what is said of it."""
    item = json.loads(lines[1])

    def changed(**fields: Any) -> list[str]:
        return [lines[0], json.dumps({**item, **fields}), *lines[2:]]

    return {
        "empty": ([], "line 1: expected a JSON object"),
        "another file": (['{"hello": 1}'], "line 1: expected the first line of an export"),
        "a newer version": ([lines[0].replace('"version":1', '"version":2')], "a newer warmgraph"),
        "cut within a line": ([*lines[:2], lines[2][:20]], "line 3: expected a JSON object"),
        "cut between lines": (lines[:-1], f"line {len(lines)}: expected the end of the export"),
        "a line missing": ([lines[0], *lines[2:]], "expected the end to name what came"),
        "something behind": ([*lines, lines[1]], "expected nothing behind the end"),
        "no object": ([lines[0], "[1]", *lines[2:]], "line 2: expected a JSON object"),
        "namespace": (changed(namespace=["a.b"]), "line 2: expected a namespace"),
        "no namespace": (changed(namespace=[]), "line 2: expected a namespace and a key"),
        "key": (changed(key=7), "line 2: expected a namespace and a key"),
        "value": (changed(value="text"), "line 2: expected a value"),
        "time": (changed(created_at="yesterday"), "line 2: expected created_at"),
        "ttl": (changed(ttl=-1), "line 2: expected ttl"),
        "index": (changed(index="content"), "line 2: expected index"),
        "model": (changed(vectors={"9": []}), "line 2: expected vectors of the models"),
        "base64": (changed(vectors={"1": ["%"]}), "line 2: expected vectors of 8 float32"),
        "dimensions": (changed(vectors={"1": ["AAAAAA=="]}), "line 2: expected vectors of 8 float32"),
        "not finite": (changed(vectors={"1": ["AADAfwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]}), "finite"),
        "state": ([lines[0], '{"state": {"name": 1}}', *lines[1:]], "line 2: expected state"),
    }


def test_a_damaged_export_changes_nothing(tmp_path: Path) -> None:
    """The line is named, what was expected there, and what came; the file is as it was."""
    clock, written = ManualClock(START), io.StringIO()
    with new(tmp_path / "a.db", clock) as store:
        fill(store, clock)
        export_memories(store, written)
    lines = written.getvalue().splitlines()
    for name, (bad, said) in damaged(lines).items():
        (tmp_path / "bad.jsonl").write_text("".join(f"{line}\n" for line in bad))
        with new(tmp_path / "b.db", clock) as copy:
            copy.put(BOB, "there", {"content": "before"})
            before = contents(tmp_path / "b.db")
            for source in (bad, tmp_path / "bad.jsonl"):
                with pytest.raises(ImportDataError) as error:
                    import_memories(copy, source)
                assert said in str(error.value), name
            assert before == contents(tmp_path / "b.db")


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    """One that was cut short, and none at all."""
    with new(tmp_path / "a.db") as store:
        fill(store, ManualClock(START))
        export_memories(store, tmp_path / "e.jsonl.gz")
        whole = (tmp_path / "e.jsonl.gz").read_bytes()
        (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ImportDataError, match="gzip"):
            import_memories(store, tmp_path / "cut.gz", existing="replace")
        with pytest.raises(StoreUnavailableError, match=r"none\.jsonl"):
            import_memories(store, tmp_path / "none.jsonl")
        with pytest.raises(InvalidArgumentError, match="existing"):
            import_memories(store, [], existing="merge")  # type: ignore[arg-type]


def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    """What is under the name is a whole export, or what was there before."""
    target = tmp_path / "e.jsonl"
    target.write_text("before")
    with new(tmp_path / "a.db") as store:
        store.put(ANA, "1", {"content": "x"})
        store._database.write(lambda c: c.execute("UPDATE items SET paths = '['")).result()
        with pytest.raises(ValueError, match="Expecting"):
            export_memories(store, target)
    assert "before" == target.read_text()
    assert ["a.db", "e.jsonl"] == sorted(each.name for each in tmp_path.iterdir())


def test_other_processes_and_warm_tiers_see_what_was_imported(tmp_path: Path) -> None:
    """They drop what they held before their next read."""
    clock = ManualClock(START)
    with new(tmp_path / "a.db", clock) as store:
        fill(store, clock)
        export_memories(store, tmp_path / "e.jsonl")
    with (
        WarmStore.open(tmp_path / "b.db", index=INDEX, clock=clock) as warm,
        WarmStore.open(tmp_path / "b.db", index=INDEX, clock=clock) as other,
    ):
        for each in (warm, other):
            each.put(ANA, "1", {"content": "stale"})
            assert [] == each.recall(ANA, "Porto").items
        import_memories(warm, tmp_path / "e.jsonl", existing="replace")
        for each in (warm, other):
            assert "I live in Porto." == each.get(ANA, "1").value["content"]  # type: ignore[union-attr]
            assert "1" == each.recall(ANA, "Porto").items[0].key
            each._check()


async def test_it_works_from_an_event_loop_and_on_other_stores(tmp_path: Path) -> None:
    """A store that is not ours gives its items, and takes them, but tells neither expiry nor vectors."""
    foreign, written = InMemoryStore(), io.StringIO()
    await foreign.abatch([PutOp(ANA, str(n), {"content": f"fact {n}"}) for n in range(1_200)])
    report = await aexport_memories(WarmStore(foreign), written)
    assert (1_200, False) == (report.items, report.lossless)
    lines = written.getvalue().splitlines()
    async with await asyncio.to_thread(new, tmp_path / "a.db") as store:
        assert 1_200 == (await aimport_memories(store, lines)).items
        back = io.StringIO()
        await aexport_memories(store, back)
    copy = WarmStore(InMemoryStore())
    taken = await aimport_memories(copy, back.getvalue().splitlines())
    assert (1_200, False) == (taken.items, taken.lossless)
    assert {"content": "fact 7"} == (await copy.aget(ANA, "7")).value  # type: ignore[union-attr]
    with pytest.raises(ImportDataError, match="not there"):
        await aimport_memories(copy, back.getvalue().splitlines())
    assert 1_200 == (await aimport_memories(copy, back.getvalue().splitlines(), existing="keep")).kept


def test_the_commands_export_and_import(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """By way of files and of standard streams, with figures as JSON, and one line for a failure."""
    clock, path = ManualClock(START), str(tmp_path / "a.db")
    with RoutedStore(path, clock=clock) as store:
        store.put(ANA, "1", {"content": "I live in Lisbon."})
        store.put(BOB, "2", {"content": "I live in Porto."})
    export = str(tmp_path / "e.jsonl.gz")
    assert 0 == main(["export", path, "--output", export])
    assert f"2 items with 0 vectors written to {export}\n" == capsys.readouterr().out
    assert 0 == main(["import", str(tmp_path / "b.db"), export, "--json"])
    assert 2 == json.loads(capsys.readouterr().out)["items"]
    assert 1 == main(["import", str(tmp_path / "b.db"), export])
    assert "warmgraph import: line 2: expected an item that is not there" in capsys.readouterr().err
    assert 0 == main(["export", path, "--namespace", "memories.bob"])
    lines = capsys.readouterr().out
    assert 3 == len(lines.splitlines())
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    assert 0 == main(["import", str(tmp_path / "c.db"), "-"])
    assert capsys.readouterr().out.startswith("1 items with 0 vectors taken into")
    for bad in (["export", str(tmp_path / "none")], ["import", path, "none"], ["export", path, "--json"]):
        assert 1 == main(bad)
        assert capsys.readouterr().err.startswith(f"warmgraph {bad[0]}: ")


def test_an_export_in_the_middle_of_embedding_anew_keeps_the_model_in_use(tmp_path: Path) -> None:
    """Vectors of the next model come along, but it is not in use before every item has one."""
    with new(tmp_path / "a.db") as store:
        for n in range(3):
            store.put(ANA, str(n), {"content": f"text {n}"})

    def stop(embedded: int) -> None:
        raise KeyboardInterrupt

    other: Any = {"embed": HashingEmbeddings(4), "fields": ["content"]}
    with RoutedStore(tmp_path / "a.db", index=other) as store, pytest.raises(KeyboardInterrupt):
        store.reembed(batch=1, progress=stop)
    with new(tmp_path / "a.db") as store:
        export_memories(store, tmp_path / "export.jsonl")
    with new(tmp_path / "b.db") as store:
        assert 4 == import_memories(store, tmp_path / "export.jsonl").vectors
        assert not store.stats().ranks_by_words
        assert pytest.approx(1.0) == store.search(ANA, query="text 1")[0].score
    assert contents(tmp_path / "a.db") == contents(tmp_path / "b.db")
