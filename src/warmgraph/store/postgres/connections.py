"""Connections to PostgreSQL: pooled, of this process alone, and refused at once while the database is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from warmgraph.errors import InvalidValueError, MissingDependencyError, StoreClosedError, StoreUnavailableError
from warmgraph.forks import ForkAware, keep_for_ever, watch_forks

__all__ = ["Connections", "close_quietly", "require_postgres"]

# A peer that is gone without a word is noticed after so many seconds, unless the address says otherwise.
_QUICK = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}


def require_postgres() -> None:
    """Raise MissingDependencyError where the extra is not installed."""
    try:
        import langgraph.store.postgres  # noqa: F401
        import psycopg_pool  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(error.name or "langgraph-checkpoint-postgres", extra="postgres") from None


class Connections(ForkAware):
    """A pool that is opened when first used, once in each process.

    Args:
        uri: The address.
        prepare: Is given each new connection once.
        most: Connections at most.
        seconds: How long to wait for one.

    Attributes:
        lost: Is told when a connection was lost, or could not be had.
        away: Says why no connection may be had, if so.
        lent: How often a connection was lent: how many times somebody asked the database.
    """

    def __init__(self, uri: str, prepare: Callable[[Any], None], *, most: int, seconds: float) -> None:
        self.lost: Callable[[], None] = lambda: None
        self.away: Callable[[], str | None] = lambda: None
        self.lent: int = 0
        self._uri, self._prepare, self._most, self._seconds = uri, prepare, most, seconds
        self._pool: Any = None
        self._lock = threading.Lock()
        self._closed = False
        watch_forks(self)

    def connect(self) -> Any:
        """Open a connection of the caller's own.

        Raises:
            StoreUnavailableError: There is none to be had.
        """
        import psycopg

        with _told(lambda _: None):
            connection = psycopg.connect(self._uri, **self._options())
            self._prepare(connection)
            return connection

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """Lend a connection.

        Raises:
            StoreUnavailableError: The database is away, or the connection was lost on the way.
            StoreClosedError: After `close()`.
        """
        reason = self.away()
        if reason is not None:
            raise StoreUnavailableError(reason)
        pool = self._opened()
        self.lent += 1
        with _told(self._failed), pool.connection(timeout=self._seconds) as connection:
            yield connection

    def renew(self) -> None:
        """Let go of connections that were opened before the database was away."""
        with self._lock:
            old, self._pool = self._pool, None
        if old is not None:
            old.close(timeout=2)

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        self.renew()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections to it."""
        self._lock = threading.Lock()
        if self._pool is not None:
            keep_for_ever(self._pool)
            self._pool = None

    def _opened(self) -> Any:
        from psycopg_pool import ConnectionPool

        with self._lock:
            if self._closed:
                raise StoreClosedError("the store is closed")
            if self._pool is None:
                self._pool = ConnectionPool(
                    self._uri,
                    min_size=0,
                    max_size=self._most,
                    kwargs=self._options(),
                    configure=self._prepare,
                    timeout=self._seconds,
                    open=True,
                    name="warmgraph",
                )
            return self._pool

    def _options(self) -> dict[str, Any]:
        from psycopg.conninfo import conninfo_to_dict
        from psycopg.rows import dict_row

        given = conninfo_to_dict(self._uri)
        quick = {name: value for name, value in _QUICK.items() if name not in given}
        quick.setdefault("connect_timeout", max(2, round(self._seconds)))
        return {**quick, "autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}

    def _failed(self, broken: bool) -> None:
        if broken:
            self.lost()


@contextmanager
def _told(failed: Callable[[bool], None]) -> Iterator[None]:
    """Turn what psycopg raises into errors of ours, and tell whether the connection is to blame."""
    import psycopg
    from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

    try:
        yield
    except (PoolTimeout, PoolClosed, TooManyRequests) as error:
        failed(True)
        raise StoreUnavailableError("no connection to the database could be had in time") from error
    except psycopg.DataError as error:
        expected = "what PostgreSQL can hold (its jsonb refuses NUL characters and numbers beyond its range)"
        raise InvalidValueError("value", expected=expected, got=error.sqlstate) from error
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction) as error:
        state = error.sqlstate or ""
        failed(not state or state.startswith(("08", "57P", "25006", "53300")))
        what = type(error).__name__ if not state else f"{type(error).__name__}, SQLSTATE {state}"
        raise StoreUnavailableError(f"the database did not do what was asked: {what}") from error


def close_quietly(connection: Any) -> None:
    """Close a connection that may be broken."""
    with suppress(Exception):
        connection.close()
