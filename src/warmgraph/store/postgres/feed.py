"""What others wrote: heard of by LISTEN, read from the log of changes, and never older than a bound.

A notification only says that there is something to read. The log is also read from time to time without one, so that
nothing depends on notifications but speed. The thread that does so is the first to know that the database is away, and
the one that brings it back.
"""

from __future__ import annotations

import logging
import os
import selectors
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeAlias

from warmgraph.errors import StoreUnavailableError, WarmGraphError
from warmgraph.forks import ForkAware, watch_forks
from warmgraph.store.postgres.connections import Connections, close_quietly
from warmgraph.store.postgres.schema import channel_of

__all__ = ["ChangeFeed", "FeedListener", "LoggedChange"]

Namespace: TypeAlias = tuple[str, ...]
logger: logging.Logger = logging.getLogger(__name__)

# The log is kept for so long; whoever was away for longer begins anew.
KEPT_SECONDS = 3600.0
PRUNE_SECONDS = 60.0
RECONNECT_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
PENDING_SECONDS = 0.05

# A transaction that began before the last look may commit after it: read again from the oldest that was under way.
_POLL = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS low, pg_snapshot_xmax(pg_current_snapshot())::text AS high,
    c.seq, c.prefix, c.key, c.gone
FROM (SELECT 1) AS once LEFT JOIN {schema}.warmgraph_changes c ON c.txid >= %s::text::xid8
ORDER BY c.seq
"""


class LoggedChange(NamedTuple):
    """A write of an item.

    Args:
        namespace: Where.
        key: Which item.
        version: The number of the change.
        gone: Whether the item was deleted.
    """

    namespace: Namespace
    key: str
    version: int
    gone: bool


class FeedListener(Protocol):
    """Is told of changes, on the thread of the feed."""

    def changed(self, changes: Sequence[LoggedChange], connection: Any) -> list[LoggedChange]:
        """Take in changes, reading what is needed from a connection; return those that have to wait for a moment."""
        ...

    def forgotten(self) -> None:
        """Hear that anything may have been written."""
        ...


class ChangeFeed(ForkAware):
    """Follows the log of a schema on a thread of its own.

    Args:
        connections: Where to connect.
        schema: The schema.
        max_staleness: Seconds after which what is known is too old to answer from without asking.
        recover: Is called when the database is back, before anybody else uses it.
        recovered: Whether nothing is left to recover.
    """

    def __init__(
        self,
        connections: Connections,
        schema: str,
        *,
        max_staleness: float,
        recover: Callable[[Any], None],
        recovered: Callable[[], bool],
    ) -> None:
        self._connections, self._schema = connections, schema
        self._recover, self._recovered = recover, recovered
        self._max_staleness = max_staleness
        self._listeners: list[FeedListener] = []
        self._low = "0"
        self._seen: set[int] = set()
        self._pending: list[LoggedChange] = []
        self._away_since: float | None = None
        self._away_told = False
        self._synced_at = time.monotonic()
        self._pruned_at = time.monotonic()
        self._closed = False
        self.rounds: int = 0
        self._begin()
        watch_forks(self)

    def _begin(self) -> None:
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._news = threading.Condition()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def listen(self, listener: FeedListener) -> None:
        """Tell somebody of all that is written from now on."""
        self._listeners = [*self._listeners, listener]

    def unlisten(self, listener: FeedListener) -> None:
        """Tell somebody nothing more."""
        self._listeners = [each for each in self._listeners if each is not listener]

    def start(self, connection: Any) -> None:
        """Note where the log is now, and follow it from here."""
        self._low = connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS low").fetchone()["low"]
        self._synced_at = time.monotonic()
        self._ensure_thread()

    @property
    def away(self) -> str | None:
        """Why the database cannot be asked; `None` while it can."""
        since = self._away_since
        if since is None:
            return None
        return f"the database has been away for {max(time.monotonic() - since, 0.0):.1f} s"

    @property
    def behind(self) -> bool:
        """Whether what is known is older than the bound, while the database can be asked."""
        return self._away_since is None and time.monotonic() - self._synced_at > self._max_staleness

    def follow(self) -> None:
        """Wait until what is known is no older than the bound, or it turns out that the database is away."""
        self._ensure_thread()
        deadline = time.monotonic() + max(self._max_staleness, 1.0)
        self.nudge()
        with self._news:
            while self.behind and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0 or not self._news.wait(left):
                    self._mark_away()  # it neither answers nor fails
                    return

    def nudge(self) -> None:
        """Look at the log now."""
        with suppress(OSError):  # full: it has been nudged enough
            os.write(self._wake_write, b".")

    def nudge_if_waiting(self) -> None:
        """Look again at changes of items that were being written here when they were told."""
        if self._pending:
            self.nudge()

    def lost(self) -> None:
        """Hear that a connection was lost: the database is taken to be away until the feed finds otherwise."""
        self._mark_away()
        self.nudge()

    def close(self) -> None:
        """Stop following."""
        self._closed = True
        self.nudge()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(10)
        with suppress(OSError):
            os.close(self._wake_write)
            os.close(self._wake_read)

    def after_fork_in_child(self) -> None:
        """Follow on a thread and a connection of this process's own, from where the parent was."""
        self._listeners = []
        self._begin()
        if not self._closed:
            self._ensure_thread()

    # -- on the thread of the feed -----------------------------------------------------------------------------------

    def _ensure_thread(self) -> None:
        with self._starting:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="warmgraph-postgres-feed", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        failures = 0
        while not self._closed:
            connection = None
            try:
                connection = self._connections.connect()
                connection.add_notify_handler(lambda _: self.nudge())  # for those that come while the log is read
                connection.execute(f"LISTEN {channel_of(self._schema)}")
                self._catch_up(connection)
                failures = 0
                while not self._closed:
                    self._wait(connection, PENDING_SECONDS if self._pending else self._max_staleness / 2)
                    if self._away_since is not None or not self._recovered():
                        self._catch_up(connection)
                    else:
                        self._poll(connection)
            except Exception as error:
                if not self._closed:
                    self._note(error)
                    seconds = RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS) - 1)]
                    failures += 1
                    _readable([self._wake_read], seconds)
                    self._drain_wakes()
            finally:
                if connection is not None:
                    close_quietly(connection)

    def _catch_up(self, connection: Any) -> None:
        """Take in what was missed, then let the database be used again."""
        began_anew = time.monotonic() - self._synced_at > KEPT_SECONDS / 2
        if not began_anew:
            began_anew = not self._poll(connection)
        if began_anew:
            self._forget_everything(connection)
        if not self._recovered():
            self._recover(connection)
        if self._away_since is None:
            return
        self._connections.renew()
        with self._news:
            logger.info("the database is back after %.1f s", time.monotonic() - self._away_since)
            self._away_since, self._away_told = None, False
            self._news.notify_all()

    def _poll(self, connection: Any) -> bool:
        """Read the log and tell the listeners; False if it is not the log that was followed until now."""
        asked_at = time.monotonic()
        rows = connection.execute(_POLL.format(schema=self._schema), [self._low]).fetchall()
        low, high = rows[0]["low"], rows[0]["high"]
        if int(high) < int(self._low):
            return False  # another database than before, such as one restored from a backup
        logged = [row for row in rows if row["seq"] is not None]
        new = [row for row in logged if row["seq"] not in self._seen]
        if any(row["prefix"] == "" for row in new):
            self._forget_everything(connection)
        else:
            latest = {(change.namespace, change.key): change for change in self._pending}
            for row in new:
                place = tuple(row["prefix"].split(".")), row["key"]
                latest[place] = LoggedChange(*place, row["seq"], row["gone"])
            waiting: dict[tuple[Namespace, str], LoggedChange] = {}
            for listener in self._listeners if latest else ():
                for change in listener.changed(list(latest.values()), connection):
                    waiting[change.namespace, change.key] = change
            self._pending = list(waiting.values())
        self._low, self._seen = low, {row["seq"] for row in logged}
        with self._news:
            if not self._pending:
                self._synced_at = asked_at
            self.rounds += 1
            self._news.notify_all()
        self._prune(connection)
        return True

    def _forget_everything(self, connection: Any) -> None:
        self.start(connection)
        self._seen, self._pending = set(), []
        for listener in self._listeners:
            listener.forgotten()

    def _prune(self, connection: Any) -> None:
        if time.monotonic() - self._pruned_at > PRUNE_SECONDS:
            self._pruned_at = time.monotonic()
            for table in ("warmgraph_changes", "warmgraph_replayed"):
                kept = KEPT_SECONDS if table == "warmgraph_changes" else 30 * 86_400
                connection.execute(
                    f"DELETE FROM {self._schema}.{table} WHERE at < now() - make_interval(secs => %s)", [kept]
                )

    def _wait(self, connection: Any, seconds: float) -> None:
        """Wait for a notification or a nudge, or until it is time to look."""
        socket = connection.fileno()
        readable = _readable([socket, self._wake_read], seconds)
        if self._wake_read in readable:
            self._drain_wakes()
        if socket in readable:
            connection.pgconn.consume_input()
            while connection.pgconn.notifies() is not None:
                pass
            if connection.broken:
                raise StoreUnavailableError("the connection that listens was lost")

    def _drain_wakes(self) -> None:
        with suppress(OSError):
            while os.read(self._wake_read, 4096):
                pass

    def _note(self, error: Exception) -> None:
        lost = not isinstance(error, WarmGraphError) or isinstance(error, StoreUnavailableError)
        if not self._away_told:
            self._away_told = True
            logger.warning("the database is away: %s", error, exc_info=None if lost else error)
        self._mark_away()

    def _mark_away(self) -> None:
        with self._news:
            if self._away_since is None and not self._closed:
                self._away_since = time.monotonic()
            self._news.notify_all()


def _readable(descriptors: Sequence[int], seconds: float) -> set[int]:
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        return {key.fd for key, _ in selector.select(seconds)}
