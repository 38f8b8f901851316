"""Disks that are full, read-only or damaged, and files that vanish: typed errors, nothing lost, reads go on."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph.store.base import PutOp

from warmgraph.errors import StoreCorruptError, StoreError, StoreUnavailableError
from warmgraph.store import RoutedStore, WarmStore, inspect_file

pytestmark = pytest.mark.faults

ANA, BOB = ("memories", "ana"), ("memories", "bob")

PRELUDE = """
import os, resource, sqlite3, sys
from warmgraph import RoutedStore, StoreUnavailableError, WarmStore
from warmgraph.store import inspect_file
import warmgraph.index, warmgraph.ranking

path, NS = sys.argv[1], ("memories", "ana")

def fill_up(store):
    held = {}
    for n in range(10_000):
        try:
            store.put(NS, str(n), {"content": f"fact {n} " + "x" * 2_000})
        except StoreUnavailableError as error:
            assert path in str(error) and isinstance(error, OSError), error
            return held
        held[str(n)] = f"fact {n}"
    raise AssertionError("the disk was never full")

def check(store, held):
    found = {item.key: item.value["content"] for item in store.search(NS, limit=20_000)}
    assert set(held) == set(found), (sorted(set(held) ^ set(found)))
    assert {item.key for item in store.search(NS, query="fact", limit=20_000)} == set(held)
    assert store.recall_long_term(NS, "fact 3").items
    store._check()
"""


def run(program: str, *arguments: object, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    command = [*prefix, sys.executable, "-W", "ignore", "-c", PRELUDE + program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.parametrize("kind", ["routed", "warm"])
def test_a_full_file_takes_no_more_and_loses_nothing(kind: str, tmp_path: Path) -> None:
    """The error is typed and names the file; reads and deletions go on, and with space again writes do."""
    path = tmp_path / "memory.db"
    with RoutedStore(path) if kind == "routed" else WarmStore.open(path) as store:
        database = (store if isinstance(store, RoutedStore) else store.long_term)._database  # type: ignore[union-attr]
        database.write(lambda c: c.execute("PRAGMA max_page_count = 60").fetchone()).result()
        held: set[str] = set()

        def fill() -> None:
            for n in range(1_000):
                store.put(ANA, str(n), {"content": f"fact {n} " + "x" * 2_000})
                held.add(str(n))

        with pytest.raises(StoreUnavailableError, match=r"memory\.db.*full"):
            fill()
        assert 10 < len(held) < 100
        with pytest.raises(StoreUnavailableError):
            store.batch([PutOp(ANA, "small", {"content": "dog"}), PutOp(ANA, "large", {"content": "x" * 50_000})])
        assert held == {item.key for item in store.search(ANA, limit=1_000)}
        assert held == {item.key for item in store.search(ANA, query="fact", limit=1_000)}
        assert "3" == store.recall_long_term(ANA, "fact 3").items[0].key
        store._check()
        store.delete(ANA, "0")
        store.put(ANA, "instead", {"content": "fact instead"})
        database.write(lambda c: c.execute("PRAGMA max_page_count = 100000").fetchone()).result()
        store.put(ANA, "large", {"content": "fact " + "x" * 50_000})
        store._check()
    with RoutedStore(path) as again:
        assert {*held - {"0"}, "instead", "large"} == {item.key for item in again.search(ANA, limit=1_000)}


def test_a_log_that_cannot_grow_loses_nothing(tmp_path: Path) -> None:
    """With a limit on the size of files, as quotas set it, the system refuses the write itself."""
    done = run(
        """
store = WarmStore.open(path)
store.put(NS, "first", {"content": "fact first"})
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
held = {"first": "", **fill_up(store)}
assert 5 < len(held) < 1_000
check(store, held)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
store.put(NS, "more", {"content": "fact more"})
check(store, {**held, "more": ""})
store.close()
with RoutedStore(path) as again:
    check(again, {**held, "more": ""})
""",
        tmp_path / "memory.db",
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_a_disk_without_space_loses_nothing(tmp_path: Path) -> None:
    """On a real file system of one megabyte; skipped where an unprivileged process may not mount one."""
    mount = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'
    own = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(tmp_path))
    if shutil.which("unshare") is None or subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    done = run(
        """
store = RoutedStore(path)
held = fill_up(store)
assert 5 < len(held) < 1_000
check(store, held)
ballast = [key for key in held if int(key) % 2]
for key in ballast:
    try:
        store.delete(NS, key)
    except StoreUnavailableError:
        break
    del held[key]
check(store, held)
store.close()
with RoutedStore(path) as again:
    check(again, held)
""",
        tmp_path / "memory.db",
        prefix=own,
    )
    assert (0, "") == (done.returncode, done.stderr)


@pytest.fixture
def shared() -> Iterator[Path]:
    """Make a directory that other users may enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


# Permissions mean nothing to root: the process becomes nobody, who owns nothing here.
UNPRIVILEGED = """
import warmgraph.cli, warmgraph.store, langchain_core.embeddings
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
"""


def test_a_directory_that_is_read_only_is_refused(shared: Path) -> None:
    """No new file can be made there, and the error says so; an existing one can be inspected."""
    with RoutedStore(shared / "memory.db") as store:
        store.put(ANA, "k", {"content": "a dog"})
    shared.chmod(0o555)
    done = run(
        UNPRIVILEGED
        + """
for name in (path, path + ".new", os.path.join(os.path.dirname(path), "below", "memory.db")):
    try:
        RoutedStore(name)
    except StoreUnavailableError as error:
        assert name in str(error)
    else:
        raise AssertionError(name)
assert inspect_file(path).items == 1
""",
        shared / "memory.db",
    )
    shared.chmod(0o755)
    assert (0, "") == (done.returncode, done.stderr)
    assert ["memory.db"] == [each.name for each in shared.iterdir()]


def test_a_file_that_is_read_only_is_read_and_not_written(shared: Path) -> None:
    """Reads of all kinds answer; every write is refused with a typed error, and none is half done."""
    path = shared / "memory.db"
    with RoutedStore(path, ttl={"default_ttl": 60}) as store:
        store.put(ANA, "k", {"content": "a dog"})
    path.chmod(0o444)
    shared.chmod(0o777)
    done = run(
        UNPRIVILEGED
        + """
store = WarmStore.open(path, ttl={"default_ttl": 60})
for _ in range(2):
    for write in (lambda: store.put(NS, "new", {"content": "a cat"}), lambda: store.delete(NS, "k")):
        try:
            write()
        except StoreUnavailableError as error:
            assert "readonly" in str(error), error
        else:
            raise AssertionError("a read-only file was written")
    assert store.get(NS, "k").value == {"content": "a dog"}
    assert [item.key for item in store.search(NS, query="dog")] == ["k"]
    assert [item.key for item in store.recall(NS, "dog").items] == ["k"]
    assert store.list_namespaces() == [NS]
    store._check()
store.close()
""",
        path,
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_damage_in_one_place_does_not_take_the_rest(tmp_path: Path) -> None:
    """What lies on a damaged page is a typed error whenever it is asked for; other memories are read as before."""
    path = tmp_path / "memory.db"
    with RoutedStore(path) as store:
        for user, letter in ((ANA, "a"), (BOB, "b")):
            store.batch([PutOp(user, str(n), {"content": f"{letter}{n} " * 200}) for n in range(60)])
        store.compact()
    content = path.read_bytes()
    pages = [at for at in range(0, len(content), 4096) if content[at : at + 4096].count(b"b30") > 20]
    with path.open("r+b") as file:
        for at in pages:
            file.seek(at)
            file.write(b"\xff" * 4096)
    with RoutedStore(path) as store:
        assert 60 == len([store.get(ANA, str(n)) for n in range(60)])
        for _ in range(2):
            with pytest.raises(StoreCorruptError, match=r"memory\.db"):
                store.search(BOB, limit=100)
        assert "7" == store.recall_long_term(ANA, "a7").items[0].key
        with pytest.raises(StoreError, match=r"memory\.db|damaged"):
            store.recall_long_term(BOB, "b30", limit=100)
        with pytest.raises(StoreCorruptError):
            inspect_file(path)


@pytest.mark.parametrize("how", ["truncated", "overwritten"])
def test_a_file_that_is_cut_while_it_is_open_is_a_typed_error(how: str, tmp_path: Path) -> None:
    """Whatever is asked afterwards, it is no crash and no answer that is made up."""
    path = tmp_path / "memory.db"
    store = RoutedStore(path)
    store.batch([PutOp(ANA, str(n), {"content": "x" * 3_000}) for n in range(200)])
    store.compact()
    with path.open("r+b") as file:
        if how == "truncated":
            file.truncate(8_192)
        else:
            file.write(b"remember the milk\n" * 2_000)
    store._database._idle.clear()
    with pytest.raises(StoreError, match=r"memory\.db"):
        store.search(ANA, limit=1_000)
    store.close()


def test_a_log_and_a_lock_table_that_are_damaged_are_made_anew(tmp_path: Path) -> None:
    """After a crash the lock table holds nothing of value, and of the log what has no valid checksum never was."""
    path, crashed = tmp_path / "memory.db", tmp_path / "crashed" / "memory.db"
    crashed.parent.mkdir()
    with RoutedStore(path) as store:
        store.put(ANA, "k", {"content": "a dog"})
        for name in ("memory.db", "memory.db-wal"):  # as a machine that lost power leaves it
            shutil.copy(tmp_path / name, crashed.parent / name)
    with (crashed.parent / "memory.db-wal").open("ab") as file:
        file.write(b"\xff" * 4_000)
    (crashed.parent / "memory.db-shm").write_bytes(b"\xff" * 32_768)
    with RoutedStore(crashed) as store:
        item = store.get(ANA, "k")
        assert item is not None
        assert {"content": "a dog"} == item.value
        store.put(ANA, "more", {"content": "a cat"})
        store._check()
    connection = sqlite3.connect(crashed)
    assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
