"""The indexes of a file in RAM: loaded when first used, kept in step with every commit, dropped under a bound.

All changes are applied by whoever writes, in the order of their numbers: our own right after their commit and before
they are acknowledged, those of other processes when a read finds that the file is ahead.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from warmgraph.errors import StoreCorruptError
from warmgraph.forks import ForkAware, watch_forks
from warmgraph.index import Entry, NamespaceIndex, Routing
from warmgraph.index.arena import Arenas
from warmgraph.store.across import Crowd
from warmgraph.store.sqlite import items
from warmgraph.store.sqlite.changes import Change, ChangeListener, last_seq
from warmgraph.store.sqlite.commits import CommitWatch
from warmgraph.store.sqlite.database import Database
from warmgraph.store.sqlite.loaded import Loaded, Loading, apply_change
from warmgraph.store.sqlite.model_watch import ModelWatch
from warmgraph.store.sqlite.refits import Refits
from warmgraph.store.sqlite.routings import keep_routing, routing_of
from warmgraph.store.sqlite.rows import Pending, Read
from warmgraph.store.sqlite.vectors import Model, model_in_use
from warmgraph.store.sqlite.writes import apply_writes

__all__ = ["ChangeListener", "LoadedIndexes", "Written"]

Namespace: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[Namespace, str]


@dataclass(frozen=True, slots=True)
class Written:
    """A committed write: the numbers that it took, its changes in order, and `CommitWatch.look` before it."""

    first: int
    last: int
    changes: list[Change]
    before: bytes | None


class LoadedIndexes(ForkAware):
    """Indexes by namespace.

    Args:
        database: The file.
        model: Knows the store's embedding model; vectors of others are not loaded.
        max_bytes: RAM that all of them may take.
        new_index: Makes an empty index of a namespace, given the routing that was kept for it, and where its vectors
            lie.
        read: Makes the lexical document of a value and paths.
    """

    def __init__(
        self,
        database: Database,
        model: ModelWatch,
        max_bytes: int,
        new_index: Callable[[Routing | None, Arenas], NamespaceIndex],
        read: Read,
    ) -> None:
        self._database = database
        self._read_document = read
        self._model, self._new_index = model, new_index
        self._max_bytes = max_bytes
        self.refits: Refits = Refits(self._keep)
        self._lock = threading.Lock()
        self._indexes: OrderedDict[Namespace, Loaded] = OrderedDict()
        # By prefix, with what it was true for. Another one as soon as an index comes or goes.
        self.crowds: dict[Namespace, tuple[Crowd, object]] = {}
        self._loading: dict[Namespace, Loading] = {}
        self._bytes = 0
        self._arenas = Arenas()
        self._listeners: list[ChangeListener] = []
        self._watch = CommitWatch(None if database.in_memory else database.file)
        self._before: bytes | None = None  # what it showed within the transaction that wrote rows last
        self._applied, in_use = database.read(lambda c: (last_seq(c), model_in_use(c)))
        model.note(in_use)
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Begin without indexes: those in RAM may have been in the middle of a change, their locks held."""
        self._lock = threading.Lock()
        self._indexes.clear()
        self.crowds = {}
        self._loading.clear()
        self._bytes = 0
        self._arenas = Arenas()

    def get(self, namespace: Namespace) -> NamespaceIndex | None:
        """Return the index of a namespace if it is in RAM."""
        with self._lock:
            loaded = self._indexes.get(namespace)
            if loaded is None:
                return None
            self._indexes.move_to_end(namespace)
            return loaded.index

    def crowd_of(self, namespaces: Iterable[Namespace]) -> Crowd | None:
        """Return the indexes of namespaces if all of them are in RAM."""
        found: list[tuple[Namespace, NamespaceIndex]] = []
        with self._lock:
            for namespace in namespaces:
                loaded = self._indexes.get(namespace)
                if loaded is None:
                    return None
                self._indexes.move_to_end(namespace)
                found.append((namespace, loaded.index))
        return Crowd(found)

    def load(self, namespace: Namespace) -> NamespaceIndex:
        """Return the index of a namespace, reading it if need be. Waits for the disk."""
        with self._lock:
            loaded = self._indexes.get(namespace)
            if loaded is not None:
                self._indexes.move_to_end(namespace)
                return loaded.index
            loading = self._loading.get(namespace)
            mine = loading is None
            if loading is None:
                loading = self._loading[namespace] = Loading()
        return self._read(namespace, loading) if mine else loading.done.result()

    def loaded(self) -> list[NamespaceIndex]:
        """Return the indexes in RAM."""
        with self._lock:
            return [loaded.index for loaded in self._indexes.values()]

    def forget(self) -> None:
        """Drop every index, and let everybody who listens drop what they hold: anything may have been written."""
        self._forget_all()

    def listen(self, listener: ChangeListener) -> None:
        """Tell a listener of all changes that are not its own, until `unlisten`."""
        with self._lock:
            self._listeners = [*self._listeners, listener]

    def unlisten(self, listener: ChangeListener) -> None:
        """Tell a listener nothing more."""
        with self._lock:
            self._listeners = [each for each in self._listeners if each is not listener]

    def tell_renewed(self, places: Sequence[Place], now: float) -> None:
        """Tell all listeners that items were read and live on."""
        for listener in self._listeners:
            listener.renewed(places, now)

    @property
    def behind(self) -> bool:
        """Whether there may be commits that `follow` has not seen. Waits for nothing."""
        return self._watch.changed()

    def follow(self) -> None:
        """Apply what other processes committed, if they did. Waits for the disk."""
        if not self.behind:
            return
        header = self._watch.look()
        if self._database.read(last_seq, snapshot=False) > self._applied:
            self._database.call(self._follow).result()
        self._watch.note(header)

    def write(self, work: Callable[[sqlite3.Connection], list[Change]]) -> Future[Written]:
        """Queue a write of any kind. When its future is done it is committed, and in the indexes.

        Args:
            work: Makes the changes.
        """

        def numbered(connection: sqlite3.Connection) -> Written:
            first, before = last_seq(connection) + 1, self._watch.look()
            changes = work(connection)
            return Written(first, last_seq(connection), changes, before)

        return self._database.write(numbered, self._apply_own)

    def write_rows(
        self,
        rows: Sequence[Pending],
        *,
        origin: ChangeListener | None = None,
        landed: Callable[[list[Change]], object] | None = None,
        failed: Callable[[], object] | None = None,
    ) -> None:
        """Write or delete items, and wait until that is committed, and in the indexes.

        What several callers write at once is written by the same few statements.

        Args:
            rows: The items, each of them once.
            origin: The listener whose write this is, and who need not be told.
            landed: Gets the changes once they are applied, in the order of commits, before anybody is told.
            failed: Called instead when nothing was committed.
        """
        applied = partial(self._apply_rows, origin, landed)
        self._database.write_rows(rows, _keys_of(rows), self._write_rows, applied, failed)

    def submit_rows(
        self,
        rows: Sequence[Pending],
        *,
        origin: ChangeListener | None = None,
        landed: Callable[[list[Change]], object] | None = None,
    ) -> Future[list[Change]]:
        """Queue items to write or delete; as `write_rows`, for callers that wait for a future."""
        applied = partial(self._apply_rows, origin, landed)
        return self._database.submit_rows(rows, _keys_of(rows), self._write_rows, applied)

    def _apply_rows(
        self,
        origin: ChangeListener | None,
        landed: Callable[[list[Change]], object] | None,
        changes: list[Change],
    ) -> None:
        if changes:
            self._apply_own(Written(changes[0].seq, changes[-1].seq, changes, self._before), origin)
        if landed is not None:
            landed(changes)

    def _write_rows(self, connection: sqlite3.Connection, rows: Sequence[Pending]) -> list[Change]:
        self._before = self._watch.look()  # the same for all of a transaction
        changes = apply_writes(connection, rows, self._model.ours)
        if self._model.ours is not None and self._model.in_use is None:  # these may be the first vectors of the file
            self._model.note(model_in_use(connection))
        return changes

    def _apply_own(self, written: Written, origin: ChangeListener | None = None) -> None:
        # The write is committed: nothing that fails from here on may make it look as if it were not.
        if written.first > self._applied + 1:  # other processes came in between
            try:
                self._follow(until=written.first - 1)
            except Exception:
                self._forget_all()
        self._apply(written.changes)
        self._applied = max(self._applied, written.last)
        self._watch.note_own(written.before)
        for listener in self._listeners:
            if listener is not origin:
                listener.changed(written.changes)

    def _follow(self, until: int | None = None) -> None:
        model = self._model.key

        def read(connection: sqlite3.Connection) -> tuple[int, list[Change] | None, Model | None]:
            last = last_seq(connection) if until is None else until
            changes = items.changes_between(connection, self._applied, last, model, self._read_document)
            return last, changes, model_in_use(connection)

        last, changes, in_use = self._database.read(read)
        self._model.note(in_use)
        if changes is None:  # the change log does not reach back
            self._forget_all()
        else:
            self._apply(changes)
            for listener in self._listeners:
                listener.changed(changes)
        self._applied = max(self._applied, last)

    def _apply(self, changes: list[Change]) -> None:
        for change in changes:
            with self._lock:
                loading = self._loading.get(change.namespace)
                if loading is not None:
                    loading.changes.append(change)
                loaded = self._indexes.get(change.namespace)
            # Not under the lock, which every reader needs: the index may be busy with a long ranking.
            if loaded is not None:
                try:
                    apply_change(loaded.index, change)
                except BaseException as error:
                    self._forget(change.namespace)  # the rows are the truth: it is read again when next used
                    if not isinstance(error, Exception):
                        raise  # the program is being ended while it writes
                else:
                    self.refits.look(change.namespace, loaded.index)
                    self._measure(change.namespace, loaded)

    def _read(self, namespace: Namespace, loading: Loading) -> NamespaceIndex:
        try:
            loaded = Loaded(self._build(namespace))
            loaded.measure()
            with self._lock:
                for change in loading.changes:
                    apply_change(loaded.index, change)
                if not loading.stale:
                    del self._loading[namespace]
                    self._indexes[namespace] = loaded
                    self.crowds = {}
                    self._bytes += loaded.bytes
                    self._drop_beyond_bound()
        except BaseException as error:
            with self._lock:
                if not loading.stale:
                    del self._loading[namespace]
            loading.done.set_exception(error)
            raise
        loading.done.set_result(loaded.index)
        self.refits.look(namespace, loaded.index)
        return loaded.index

    def _measure(self, namespace: Namespace, loaded: Loaded, *, anew: bool = False) -> None:
        grown = loaded.measure(anew=anew)
        if grown:
            with self._lock:
                self._bytes += grown if self._indexes.get(namespace) is loaded else 0
                self._drop_beyond_bound()

    def _keep(self, namespace: Namespace, routing: Routing) -> None:
        with self._lock:
            loaded = self._indexes.get(namespace)
        if loaded is not None:
            self._measure(namespace, loaded, anew=True)  # its vectors may lie on disk from now on
        model = self._model.key
        if model is not None:
            data = routing.to_bytes()
            self._database.write(lambda c: keep_routing(c, namespace, model, routing.dims, data)).result()

    def _build(self, namespace: Namespace) -> NamespaceIndex:
        model = self._model.key

        def read(connection: sqlite3.Connection) -> tuple[list[Entry], Model | None, Routing | None]:
            entries = items.entries_of(connection, namespace, model, self._read_document)
            return entries, model_in_use(connection), routing_of(connection, namespace, model)

        try:
            entries, in_use, routing = self._database.read(read)
            self._model.note(in_use)  # before anybody ranks by it
            index = self._new_index(routing, self._arenas)
            index.fill(entries)
        except (ValueError, TypeError, KeyError) as error:
            message = f"{self._database.path}: the rows of {'.'.join(namespace)} cannot be indexed: {error}"
            raise StoreCorruptError(message) from error
        return index

    def _drop_beyond_bound(self) -> None:
        while len(self._indexes) > 1 and self._bytes > self._max_bytes:
            _, loaded = self._indexes.popitem(last=False)
            self.crowds = {}
            self._bytes -= loaded.bytes

    def _forget(self, namespace: Namespace) -> None:
        with self._lock:
            loaded = self._indexes.pop(namespace, None)
            if loaded is not None:
                self.crowds = {}
                self._bytes -= loaded.bytes
            loading = self._loading.pop(namespace, None)
            if loading is not None:
                loading.stale = True

    def _forget_all(self) -> None:
        with self._lock:
            self._indexes.clear()
            self.crowds = {}
            self._bytes = 0
            for loading in self._loading.values():
                loading.stale = True
            self._loading.clear()  # whoever asks from now on must not get what was read before
        for listener in self._listeners:
            listener.forgotten()

    def _check(self) -> None:
        """Assert that every index in RAM equals one made anew from the file."""
        self.follow()  # it may put other indexes in the place of those that are held
        with self._lock:
            indexes = {namespace: loaded.index for namespace, loaded in self._indexes.items()}
            assert self._bytes == sum(loaded.bytes for loaded in self._indexes.values())
        for namespace, index in indexes.items():
            # Another process may write between the two looks at the file; not each time.
            assert any(self._equals_file(namespace, index) for _ in range(5))

    def _equals_file(self, namespace: Namespace, index: NamespaceIndex) -> bool:
        self.follow()
        fresh = self._build(namespace)
        with index.lock:
            index._check()
            return index.same_items(fresh)


def _keys_of(rows: Sequence[Pending]) -> set[Place]:
    return {(row.namespace, row.key) for row in rows}
