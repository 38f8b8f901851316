"""PostgreSQL as the long-term tier."""

from __future__ import annotations

from warmgraph.store.postgres.long_term import PostgresLongTerm, is_postgres_uri

__all__ = ["PostgresLongTerm", "is_postgres_uri"]
