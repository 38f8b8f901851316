"""The PostgreSQL that the other tests stand on."""

from __future__ import annotations

from tests.postgres_server import database_uri, postgres_server

__all__ = ["database_uri", "postgres_server"]


def test_a_database_has_vectors(database_uri: str) -> None:
    """The server is a real one, and pgvector can be had in each database."""
    import psycopg

    with psycopg.connect(database_uri, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
        row = connection.execute("SELECT '[1,2]'::vector <=> '[1,2]'::vector").fetchone()
    assert (0.0,) == row
