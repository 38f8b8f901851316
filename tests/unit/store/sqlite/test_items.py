"""The statements: the change log, and walks over namespaces."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytest

from warmgraph.index import LexicalDocument, Traits, analyze
from warmgraph.store.documents import Indexing, Searchable
from warmgraph.store.sqlite import items
from warmgraph.store.sqlite.changes import Change, last_seq
from warmgraph.store.sqlite.rows import MICROSECONDS, Pending, document_from, split, terms_of
from warmgraph.store.sqlite.schema import connect, prepare
from warmgraph.store.sqlite.vectors import Key, Model
from warmgraph.store.sqlite.writes import apply_writes

NOW = 1_000_000_000_000_000
NS = ("m", "ana")
INDEXING = Indexing(["content"], analyze)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Open a database in memory."""
    made = connect(":memory:", busy_seconds=1)
    prepare(made, ":memory:", "FULL")
    yield made
    made.close()


def put(connection: sqlite3.Connection, *keys: str, namespace: tuple[str, ...] = NS, now: int = NOW) -> list[Change]:
    """Write keys."""
    return apply_writes(connection, [Pending(namespace, key, now, "{}") for key in keys], None)


def delete(connection: sqlite3.Connection, *keys: str) -> list[Change]:
    """Delete keys."""
    return apply_writes(connection, [Pending(NS, key, NOW) for key in keys], None)


def read(value: Mapping[str, Any], paths: Sequence[str]) -> LexicalDocument:
    """Make a document as a store does."""
    return INDEXING.document(value, paths)


def test_changes_are_numbered_without_gaps(connection: sqlite3.Connection) -> None:
    """Every write and every deletion has a number of its own, and the last one is known."""
    numbers = [change.seq for change in (*put(connection, "a", "b"), *delete(connection, "a"), *put(connection, "c"))]
    assert [1, 2, 3, 4] == numbers
    assert 4 == last_seq(connection)


def test_the_log_tells_what_changed_since(connection: sqlite3.Connection) -> None:
    """What another process has to apply: each item as it is now, and what is gone, in the order of numbers."""
    put(connection, "a", "b", "c")
    delete(connection, "b")
    put(connection, "a", "d")
    changes = items.changes_between(connection, 0, last_seq(connection), None, read)
    assert changes is not None
    assert [("c", False), ("b", True), ("a", False), ("d", False)] == [(each.key, each.gone) for each in changes]
    assert [3, 4, 5, 6] == [each.seq for each in changes]
    assert [] == items.changes_between(connection, 6, 6, None, read)
    later = items.changes_between(connection, 4, 5, None, read)
    assert later is not None
    assert ["a"] == [each.key for each in later]


def test_a_key_that_came_back_is_told_of_last(connection: sqlite3.Connection) -> None:
    """Deleted and written again, an item is there."""
    put(connection, "a")
    delete(connection, "a")
    put(connection, "a")
    changes = items.changes_between(connection, 1, 3, None, read)
    assert changes is not None
    assert [True, False] == [each.gone for each in changes]


def test_a_log_that_does_not_reach_back_says_so(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deletions are kept for so many changes; whoever is further behind must read everything again."""
    monkeypatch.setattr(items, "KEPT_DELETIONS", 5)
    put(connection, "a", "b")
    delete(connection, "a")
    for n in range(5):
        put(connection, f"x{n}")
    last = last_seq(connection)
    for after in range(last + 1):
        for until in range(after, last + 1):
            changes = items.changes_between(connection, after, until, None, read)
            if changes is not None and after < 3 <= until:
                assert "a" in [each.key for each in changes if each.gone]
    assert items.changes_between(connection, 2, 3, None, read) is None
    assert items.changes_between(connection, last - 5, last, None, read) is not None


def test_deleting_nothing_is_not_logged(connection: sqlite3.Connection) -> None:
    """A deletion of what does not exist takes a number and leaves no trace."""
    changes = delete(connection, "nothing")
    assert [True] == [each.gone for each in changes]
    assert 0 == connection.execute("SELECT count(*) FROM deletions").fetchone()[0]


def test_an_expiry_moves_away_only(connection: sqlite3.Connection) -> None:
    """A renewal counts from its own time, and one that comes late shortens nothing."""
    apply_writes(connection, [Pending(NS, "k", NOW, "{}", ttl=1.0), Pending(NS, "for ever", NOW, "{}")], None)
    minute = 60 * MICROSECONDS
    (moved,) = items.move_expiry(connection, [(NS, "k"), (NS, "for ever"), (NS, "none")], NOW + minute // 2)
    assert NOW + minute // 2 + minute == moved.expires_at
    (again,) = items.move_expiry(connection, [(NS, "k")], NOW)
    assert moved.expires_at == again.expires_at
    assert [] == items.move_expiry(connection, [(NS, "k")], NOW + 10 * minute)


def test_deleting_an_item_deletes_its_vectors(connection: sqlite3.Connection) -> None:
    """No vector outlives its item, and writing again leaves the new ones alone."""
    vectors = np.eye(3, dtype=np.float32)
    for n in (3, 1):
        apply_writes(connection, [Pending(NS, "k", NOW, "{}", vectors=vectors[:n])], Model("model", 3))
        (entry,) = items.entries_of(connection, NS, ("model", 3), read)
        assert entry.vectors is not None
        assert vectors[:n].tolist() == entry.vectors.tolist()
    delete(connection, "k")
    assert 0 == connection.execute("SELECT count(*) FROM vectors_1").fetchone()[0]


def test_vectors_of_another_model_are_not_read(connection: sqlite3.Connection) -> None:
    """Vectors that cannot be compared are as good as none; of unknown dimensions those in use count."""
    for key, dims in (("a", 2), ("b", 3)):
        vectors = np.ones((1, dims), np.float32)
        apply_writes(connection, [Pending(NS, key, NOW, "{}", vectors=vectors)], Model("model", dims))

    def found(model: Key | None) -> dict[str, int | None]:
        entries = items.entries_of(connection, NS, model, read)
        return {each.key: None if each.vectors is None else each.vectors.shape[1] for each in entries}

    assert {"a": 2, "b": None} == found(("model", 2)) == found(("model", None))
    assert {"a": None, "b": 3} == found(("model", 3))
    assert {"a": None, "b": None} == found(("other", 2)) == found(None)


def test_a_renewal_is_told_apart_from_a_write(connection: sqlite3.Connection) -> None:
    """Whoever was in step hears of a new expiry alone; whoever was not gets the whole entry."""
    apply_writes(connection, [Pending(NS, "k", NOW, "{}", ttl=10.0)], None)
    later = NOW + 5 * 60 * MICROSECONDS
    (moved,) = items.move_expiry(connection, [(NS, "k")], later)
    in_step = items.changes_between(connection, 1, 2, None, read)
    behind = items.changes_between(connection, 0, 2, None, read)
    assert in_step is not None
    assert behind is not None
    assert [("k", 2, None, moved.expires_at)] == [(c.key, c.seq, c.entry, c.expires_at) for c in in_step]
    assert [("k", True)] == [(c.key, c.entry is not None) for c in behind]


def test_a_write_that_was_renewed_later_is_told_of_as_a_write(connection: sqlite3.Connection) -> None:
    """Whoever looks from between the two up to the write alone gets the entry, and the renewal when they look again."""
    put(connection, "other")
    apply_writes(connection, [Pending(NS, "k", NOW, "{}", ttl=10.0)], None)
    put(connection, "other")
    (moved,) = items.move_expiry(connection, [(NS, "k")], NOW + 5 * 60 * MICROSECONDS)
    first, then = (items.changes_between(connection, *span, None, read) for span in ((1, 2), (2, 4)))
    assert first is not None
    assert then is not None
    assert [("k", 2, True)] == [(c.key, c.seq, c.entry is not None) for c in first]
    assert [("other", 3, None), ("k", 4, moved.expires_at)] == [(c.key, c.seq, c.expires_at) for c in then]


def test_rows_of_all_kinds_come_back_as_they_were(connection: sqlite3.Connection) -> None:
    """What is absent is absent, what is there is there, in statements of one row and of many."""
    kinds = [
        Pending(NS, "plain", NOW, "{}"),
        Pending(NS, "full", NOW, "{}", 2.5, '["a"]', '["a"]', None, True, 0.0),
        Pending(NS, "zero", NOW, "{}", 0.0, "false", None, None, False, 1.0),
    ]
    many = [each._replace(key=f"{each.key} {n}") for n in range(40) for each in kinds]
    for some in (*([each] for each in kinds), many):
        apply_writes(connection, some, None)
    found = connection.execute("SELECT key, ttl, expires_at, paths, terms, question, importance FROM items")
    expected = {
        "plain": (None, None, None, None, 0, None),
        "full": (2.5, NOW + 150 * MICROSECONDS, '["a"]', '["a"]', 1, 0.0),
        "zero": (0.0, NOW, "false", None, 0, 1.0),
    }
    rows = {key: tuple(row) for key, *row in found}
    assert {each.key: expected[each.key.split()[0]] for each in (*kinds, *many)} == rows


def test_a_sweep_is_done_in_steps(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many expired items are deleted at once, the first to expire first."""
    monkeypatch.setattr(items, "SWEPT_AT_ONCE", 2)
    for n in range(5):
        apply_writes(connection, [Pending(NS, str(n), NOW, "{}", ttl=5.0 - n)], None)
    later = NOW + 10 * 60 * MICROSECONDS
    assert [["4", "3"], ["2", "1"], ["0"], []] == [
        [change.key for change in items.delete_expired(connection, later)] for _ in range(4)
    ]


NAMES = [("a",), ("a", "b"), ("a", "b", "c"), ("a-b",), ("a/b",), ("aa",), ("b",), ("é",), ("a", "é"), ("a", "-")]


@pytest.mark.parametrize("prefix", [(), ("a",), ("a", "b"), ("b",), ("é",), ("z",), ("a", "x")])
def test_walks_over_a_prefix_find_whole_labels(connection: sqlite3.Connection, prefix: tuple[str, ...]) -> None:
    """Namespaces under a prefix, in order, and their rows, newest first."""
    for n in range(30):
        put(connection, str(n), namespace=NAMES[n % len(NAMES)])
    under = [name for name in NAMES if name[: len(prefix)] == prefix]
    assert sorted(under) == items.namespaces_under(connection, prefix, NOW)
    expected = [str(n) for n in reversed(range(30)) if NAMES[n % len(NAMES)] in under]
    assert expected == [row.key for row in items.newest_rows(connection, prefix, NOW)]


@pytest.mark.parametrize("prefix", [(), ("m",)])
def test_many_namespaces_are_walked_as_few_are(
    connection: sqlite3.Connection, prefix: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond so many namespaces the order is made otherwise, and is the same."""
    for n in range(60):
        put(connection, str(n), namespace=("m", str(n % 7)) if n % 8 else ("m",))
    few = [row.key for row in items.newest_rows(connection, prefix, NOW)]
    monkeypatch.setattr(items, "MERGED_NAMESPACES", 3)
    assert few == [row.key for row in items.newest_rows(connection, prefix, NOW)]
    assert [str(n) for n in reversed(range(60))] == few
    assert few[:3] == [row.key for row in islice(items.newest_rows(connection, prefix, NOW), 3)]


def test_words_are_read_when_they_are_asked_for() -> None:
    """A row names the paths of its words; what is read there later is what would have been read at once."""
    value = {"content": "A brown dog.", "note": "barks", "author": "ana", "thread_id": "t", "position": 2}
    for paths in (None, ["note"], ["note", "content"], ["$"], []):
        terms = terms_of(INDEXING.searchable(value, paths, later=True))
        assert terms is not None
        assert INDEXING.searchable(value, paths).document == document_from(terms, json.dumps(value), "m.k", read)
    assert terms_of(INDEXING.searchable(value, False, later=True)) is None


def test_documents_come_back_from_the_file() -> None:
    """What an analyzer of somebody's own made of the words survives as it was."""
    traits = Traits("Ana", 12, dated=True, said_at=1.5)
    for document in (LexicalDocument({"名": 2, 'q"': 1}, {"ana": 1}, "thread", 1.5, traits), LexicalDocument({})):
        terms = terms_of(Searchable(document=document))
        assert terms is not None
        assert document == document_from(terms, "{}", "m.k", read)
    assert () == split("")


def test_documents_of_older_files_say_nothing_but_words() -> None:
    """They come without traits, and are as good as ever."""
    old = document_from('[{"x":1},{"ana":1},"t",1.0]', "{}", "m.k", read)
    assert LexicalDocument({"x": 1}, {"ana": 1}, "t", 1.0) == old
