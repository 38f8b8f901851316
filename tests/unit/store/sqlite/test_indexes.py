"""Indexes in RAM: loaded once, kept in step, dropped under a bound."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph.store.base import PutOp

from warmgraph.errors import StoreCorruptError
from warmgraph.store import RoutedStore
from warmgraph.store.sqlite import items

NS = ("m", "ana")
WAIT = 30.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RoutedStore]:
    """Open a file."""
    with RoutedStore(tmp_path / "memory.db") as made:
        yield made


def found(store: RoutedStore, query: str) -> list[str]:
    """Recall keys."""
    return [item.key for item in store.recall_long_term(NS, query).items]


def test_an_index_is_in_ram_from_its_first_use(store: RoutedStore) -> None:
    """Nothing is loaded by writing or reading by key; a recall loads its namespace alone."""
    store.put(NS, "k", {"content": "dog"})
    store.put(("m", "bob"), "k", {"content": "dog"})
    store.get(NS, "k")
    assert store.index_of(NS) is None
    assert ["k"] == found(store, "dog")
    assert store.index_of(NS) is not None
    assert store.index_of(("m", "bob")) is None
    assert 1 == store.stats().namespaces_loaded


def test_writes_reach_a_loaded_index_before_they_are_acknowledged(store: RoutedStore) -> None:
    """What a put returned from is found at once."""
    assert [] == found(store, "dog")
    for n in range(20):
        store.put(NS, "k", {"content": f"word{n}"})
        assert ["k"] == found(store, f"word{n}")
        assert [] == found(store, f"word{n - 1}")
    store.delete(NS, "k")
    assert [] == found(store, "word19")
    store._check()


def test_an_index_is_read_once_for_many(store: RoutedStore) -> None:
    """Threads that want the same index wait for the one that reads it."""
    for n in range(50):
        store.put(NS, str(n), {"content": f"word{n}"})
    reads: list[int] = []
    original = store._indexes._build

    def counted(namespace: tuple[str, ...]) -> object:
        reads.append(1)
        return original(namespace)

    store._indexes._build = counted  # type: ignore[method-assign, assignment]
    start = threading.Barrier(8)
    answers: list[object] = []

    def ask() -> None:
        start.wait(WAIT)
        answers.append(store.load_index(NS))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert 8 == len(answers)
    assert len(reads) == 1
    assert 1 == len({id(answer) for answer in answers})


def test_what_is_written_while_an_index_is_read_is_in_it(store: RoutedStore) -> None:
    """A put, an overwrite and a deletion between the reading of the rows and the keeping of the index all count."""
    for key in ("old", "changed", "deleted"):
        store.put(NS, key, {"content": f"dog {key}"})
    original = store._indexes._build

    def held(namespace: tuple[str, ...]) -> object:
        index = original(namespace)
        store.put(NS, "new", {"content": "dog new"})
        store.put(NS, "changed", {"content": "cat"})
        store.delete(NS, "deleted")
        return index

    store._indexes._build = held  # type: ignore[method-assign, assignment]
    assert ["new", "old"] == sorted(found(store, "dog"))
    store._indexes._build = original  # type: ignore[method-assign]
    assert ["new", "old"] == sorted(found(store, "dog"))
    assert ["changed"] == found(store, "cat")
    store._check()


def test_an_older_change_does_not_undo_a_newer_one(tmp_path: Path) -> None:
    """What was read from the file already knows more than a change that arrives late."""
    with RoutedStore(tmp_path / "m.db") as store, RoutedStore(tmp_path / "m.db") as other:
        store.put(NS, "k", {"content": "first"})
        original = store._indexes._build

        def held(namespace: tuple[str, ...]) -> object:
            store.put(NS, "k", {"content": "second"})
            other.put(NS, "k", {"content": "third"})
            return original(namespace)

        store._indexes._build = held  # type: ignore[method-assign, assignment]
        store.load_index(NS)
        store._indexes._build = original  # type: ignore[method-assign]
        assert ["k"] == found(store, "third")
        assert [] == found(store, "second")
        store._check()


def test_indexes_beyond_the_bound_are_dropped(tmp_path: Path) -> None:
    """The least recently used leave RAM, and come back when they are used."""
    with RoutedStore(tmp_path / "m.db", max_index_bytes=60_000) as store:
        for user in range(10):
            for n in range(20):
                store.put(("m", str(user)), str(n), {"content": f"word{n} of user{user}"})
        for user in range(10):
            assert "3" == store.recall_long_term(("m", str(user)), "word3").items[0].key
        assert 1 <= store.stats().namespaces_loaded < 10
        assert store.index_of(("m", "9")) is not None
        assert "3" == store.recall_long_term(("m", "0"), "word3").items[0].key
        store._check()


def test_an_index_that_grows_is_measured_again(tmp_path: Path) -> None:
    """The bound counts what was written since an index was loaded."""
    with RoutedStore(tmp_path / "m.db", max_index_bytes=300_000) as store:
        for user in ("a", "b"):
            store.recall_long_term(("m", user), "load it")
        for user in ("a", "b"):
            store.batch([PutOp(("m", user), str(n), {"content": f"word{n} another{n}"}) for n in range(1500)])
        assert 1 == store.stats().namespaces_loaded
        store._check()


def test_empty_namespaces_take_their_share_of_the_bound(tmp_path: Path) -> None:
    """Asking for namespaces that do not exist does not fill the memory."""
    with RoutedStore(tmp_path / "m.db", max_index_bytes=100_000) as store:
        for n in range(200):
            store.recall_long_term(("nobody", str(n)), "anything")
        assert store.stats().namespaces_loaded < 60


def test_changes_of_another_process_are_followed(tmp_path: Path) -> None:
    """A second store on the file, as in another process, is seen by the next recall and the next search."""
    with RoutedStore(tmp_path / "m.db") as one, RoutedStore(tmp_path / "m.db") as other:
        one.put(NS, "a", {"content": "dog"})
        assert ["a"] == found(one, "dog") == found(other, "dog")
        other.put(NS, "b", {"content": "dog and cat"})
        other.put(NS, "a", {"content": "bird"})
        assert ["b"] == found(one, "dog")
        assert ["a"] == found(one, "bird")
        other.delete(NS, "b")
        assert [] == found(one, "dog")
        one.put(NS, "c", {"content": "dog"})
        assert ["c"] == found(other, "dog")
        assert {"a", "c"} == {item.key for item in one.search((), query="dog")}
        one._check()
        other._check()


def test_own_writes_and_those_of_others_interleave(tmp_path: Path) -> None:
    """A write that comes after those of another process brings them along, whether or not anybody reads."""
    with RoutedStore(tmp_path / "m.db") as one, RoutedStore(tmp_path / "m.db") as other:
        assert [] == found(one, "load it") == found(other, "load it")
        for n in range(10):
            (one if n % 2 else other).put(NS, str(n), {"content": f"word{n}"})
            (other if n % 3 else one).put(NS, "same", {"content": f"same{n}"})
        for store in (one, other):
            assert [["same"], []] == [found(store, "same9"), found(store, "same8")]
            assert 11 == len(store.search(NS, limit=100))
            store._check()


def test_whoever_is_too_far_behind_reads_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log no longer tells what was deleted, indexes are dropped and built anew."""
    monkeypatch.setattr(items, "KEPT_DELETIONS", 5)
    with RoutedStore(tmp_path / "m.db") as one, RoutedStore(tmp_path / "m.db") as other:
        for n in range(10):
            one.put(NS, str(n), {"content": f"dog{n}"})
        assert ["3"] == found(one, "dog3")
        for n in range(9):
            other.delete(NS, str(n))
        for n in range(10, 20):
            other.put(NS, str(n), {"content": "cat"})
        assert [] == found(one, "dog3")
        assert ["9"] == found(one, "dog9")
        one.put(NS, "mine", {"content": "bird"})
        assert ["mine"] == found(one, "bird")
        one._check()


def test_a_row_that_cannot_be_read_is_a_typed_error(store: RoutedStore) -> None:
    """Damage in a row says which item it is; reading by key goes on."""
    store.put(NS, "k", {"content": "dog"})
    connection = sqlite3.connect(store.path)
    connection.execute("UPDATE items SET terms = '[[1'")
    connection.commit()
    connection.close()
    for _ in range(2):
        with pytest.raises(StoreCorruptError, match=r"m\.ana"):
            store.recall_long_term(NS, "dog")
    item = store.get(NS, "k")
    assert item is not None
    store.put(NS, "k", {"content": "dog"})
    assert ["k"] == found(store, "dog")


def test_a_value_that_cannot_be_read_is_a_typed_error(store: RoutedStore) -> None:
    """Damage in a value says where, and the item can be written again."""
    store.put(NS, "k", {"content": "dog"})
    connection = sqlite3.connect(store.path)
    connection.execute("UPDATE items SET value = '{\"content'")
    connection.commit()
    connection.close()
    for read in (lambda: store.get(NS, "k"), lambda: store.search(NS), lambda: found(store, "dog")):
        with pytest.raises(StoreCorruptError, match=r"m\.ana\.k"):
            read()
    store.put(NS, "k", {"content": "dog"})
    assert ["k"] == found(store, "dog")


def test_an_index_that_cannot_take_a_change_is_read_again(store: RoutedStore) -> None:
    """A committed write is acknowledged, whatever happens to an index in RAM."""
    store.put(NS, "a", {"content": "dog"})
    index = store.load_index(NS)

    def refuse(entry: object) -> None:
        raise MemoryError("no room")

    index.upsert = refuse  # type: ignore[method-assign]
    store.put(NS, "b", {"content": "a dog barks"})
    assert ["a", "b"] == sorted(found(store, "dog"))
    assert store.index_of(NS) is not index
    store._check()
