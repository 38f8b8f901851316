"""`forget` over PostgreSQL: no file of a table holds a byte of a person, and what is out of reach is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.byte_scan import found_in_files
from tests.postgres_server import database_uri, postgres_server  # noqa: F401
from tests.unit.erasure.conftest import ANA, BOB, EMBED, SECRETS, fill
from warmgraph import forget
from warmgraph.bench.postgres_server import PostgresServer
from warmgraph.store import PostgresLongTerm, WarmStore


def data_files(server: PostgresServer, folder: Path) -> Path:
    """Copy the data directory, but for the write-ahead log."""
    import shutil

    source = server._folder / "data"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("pg_wal", "*.pid", ".s.*", "log", "*.log", "socket*"))
    return folder


def test_no_table_holds_a_byte_of_a_person(
    postgres_server: PostgresServer,  # noqa: F811
    database_uri: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Rows, vectors, history, quarantine, old versions of rows, and what the planner notes of them."""
    index: Any = {"embed": EMBED, "dims": 16, "fields": ["content"]}
    with PostgresLongTerm(database_uri, index=index) as long_term, WarmStore(long_term) as store:
        fill(store)
        with long_term._connections.connection() as connection:
            connection.execute("ANALYZE")
            connection.execute("CHECKPOINT")
        before = found_in_files(data_files(postgres_server, tmp_path / "before"), SECRETS)
        assert set(SECRETS) == set(before)
        report = forget(store, ANA)
        assert 12 == report.memories
        assert 2 == len(report.left)
        assert "write-ahead log" in report.left[0]
        assert {} == found_in_files(data_files(postgres_server, tmp_path / "after"), SECRETS)
        assert [] == store.search(ANA)
        assert 4 == len(store.search(BOB, limit=50))
        assert [] == store.recall(ANA, "quokkaria").items
        again = forget(store, BOB, "turn-1")
        assert 1 == again.memories
