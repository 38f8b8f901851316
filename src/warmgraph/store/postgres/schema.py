"""The schema in PostgreSQL: LangGraph's own tables, and beside them a log of what was changed.

Every write gets a number (`store.version`), whoever makes it: triggers see to that. The log says which items changed
and in which transaction, so that a replica can take in what it missed; a notification says that there is something new.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from warmgraph.errors import InvalidArgumentError, StoreUnavailableError, StoreVersionError

__all__ = ["channel_of", "check_schema", "has_ann_index", "search_path", "set_up"]

VERSION = 1
LOCK_SECONDS = 60.0
# LangGraph makes indexes concurrently, which waits for every statement that runs, also for one that waits for a lock.
# So the lock is tried, again and again, and not waited for.
LOCK_ROUND = 0.05

_TABLES = """
CREATE SEQUENCE IF NOT EXISTS {schema}.warmgraph_versions;
CREATE TABLE IF NOT EXISTS {schema}.warmgraph_changes (
    seq bigint PRIMARY KEY,
    prefix text NOT NULL,
    key text NOT NULL,
    gone boolean NOT NULL,
    txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS warmgraph_changes_txid ON {schema}.warmgraph_changes (txid);
CREATE INDEX IF NOT EXISTS warmgraph_changes_at ON {schema}.warmgraph_changes (at);
CREATE TABLE IF NOT EXISTS {schema}.warmgraph_replayed (
    id uuid PRIMARY KEY,
    queued_at float8 NOT NULL,
    txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS warmgraph_replayed_txid ON {schema}.warmgraph_replayed (txid);
ALTER TABLE {schema}.store ADD COLUMN IF NOT EXISTS version bigint NOT NULL DEFAULT 0;
UPDATE {schema}.store s SET version = o.version FROM (
    SELECT prefix, key, nextval('{schema}.warmgraph_versions') AS version FROM (
        SELECT prefix, key FROM {schema}.store WHERE version = 0 ORDER BY updated_at
    ) older
) o WHERE s.prefix = o.prefix AND s.key = o.key;

CREATE OR REPLACE FUNCTION {schema}.warmgraph_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := nextval('{schema}.warmgraph_versions');
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION {schema}.warmgraph_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO {schema}.warmgraph_changes (seq, prefix, key, gone)
        VALUES (nextval('{schema}.warmgraph_versions'), '', '', true);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {schema}.warmgraph_changes (seq, prefix, key, gone)
        VALUES (nextval('{schema}.warmgraph_versions'), OLD.prefix, OLD.key, true);
    ELSE
        INSERT INTO {schema}.warmgraph_changes (seq, prefix, key, gone)
        VALUES (NEW.version, NEW.prefix, NEW.key, false);
    END IF;
    PERFORM pg_notify('{channel}', '');
    RETURN NULL;
END $$;

-- A read that moves an expiry is no change of the item.
CREATE OR REPLACE TRIGGER warmgraph_number_new BEFORE INSERT ON {schema}.store
    FOR EACH ROW EXECUTE FUNCTION {schema}.warmgraph_number();
CREATE OR REPLACE TRIGGER warmgraph_number_old BEFORE UPDATE ON {schema}.store
    FOR EACH ROW WHEN (NEW.value IS DISTINCT FROM OLD.value OR NEW.updated_at IS DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION {schema}.warmgraph_number();
CREATE OR REPLACE TRIGGER warmgraph_log_new AFTER INSERT OR DELETE ON {schema}.store
    FOR EACH ROW EXECUTE FUNCTION {schema}.warmgraph_log();
CREATE OR REPLACE TRIGGER warmgraph_log_old AFTER UPDATE ON {schema}.store
    FOR EACH ROW WHEN (NEW.version IS DISTINCT FROM OLD.version) EXECUTE FUNCTION {schema}.warmgraph_log();
CREATE OR REPLACE TRIGGER warmgraph_log_all AFTER TRUNCATE ON {schema}.store
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.warmgraph_log();
"""

# LangGraph leaves the vectors of an earlier value where they are when the new one is not indexed, or has fewer texts.
_VECTORS = """
CREATE OR REPLACE FUNCTION {schema}.warmgraph_forget_vectors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM {schema}.store_vectors WHERE prefix = NEW.prefix AND key = NEW.key;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER warmgraph_forget_vectors AFTER UPDATE ON {schema}.store
    FOR EACH ROW WHEN (NEW.version IS DISTINCT FROM OLD.version)
    EXECUTE FUNCTION {schema}.warmgraph_forget_vectors();
"""


def check_schema(schema: object) -> str:
    """Return the name of a schema, or raise InvalidArgumentError."""
    if not isinstance(schema, str) or not re.fullmatch(r"[a-z_][a-z0-9_]{0,47}", schema):
        raise InvalidArgumentError("schema", expected="at most 48 of a-z, 0-9 and _, no digit first", got=schema)
    return schema


def channel_of(schema: str) -> str:
    """Return the name under which changes in a schema are notified."""
    return f"warmgraph_{hashlib.sha256(schema.encode()).hexdigest()[:16]}"


def set_up(connection: Any, schema: str, make_store: Any, *, vectors: bool) -> None:
    """Make what is missing in a schema. Replicas that start at once wait for one another.

    Args:
        connection: An open psycopg connection in autocommit mode.
        schema: The schema, checked.
        make_store: Makes LangGraph's store on a connection.
        vectors: Whether there are any.

    Raises:
        StoreVersionError: A newer version of warmgraph has set it up.
        StoreUnavailableError: Another process holds the lock for too long.
    """
    with _alone(connection, schema):
        if connection.execute("SELECT to_regnamespace(%s) AS found", [schema]).fetchone()["found"] is None:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        if vectors:  # where everybody finds it: there can be one in a database, whatever the schemas
            found = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone()
            if found is None:
                connection.execute("SET search_path = public")
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute(search_path(connection, schema))
        make_store(connection).setup()
        connection.execute(f"CREATE TABLE IF NOT EXISTS {schema}.warmgraph_schema (version int NOT NULL)")
        row = connection.execute(f"SELECT max(version) AS version FROM {schema}.warmgraph_schema").fetchone()
        known = row["version"] or 0
        if known > VERSION:
            raise StoreVersionError(
                f"schema {schema} is of version {known}; this warmgraph knows {VERSION} and would not understand it"
            )
        with connection.transaction():
            if known < VERSION:
                connection.execute(_TABLES.format(schema=schema, channel=channel_of(schema)), prepare=False)
                connection.execute(f"INSERT INTO {schema}.warmgraph_schema VALUES ({VERSION})")
            if vectors and not _has_trigger(connection, schema, "warmgraph_forget_vectors"):
                connection.execute(_VECTORS.format(schema=schema), prepare=False)


def search_path(connection: Any, schema: str) -> str:
    """Return the statement that makes a connection find the schema's tables, and pgvector wherever it is."""
    row = connection.execute(
        "SELECT quote_ident(n.nspname) AS name FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
        "WHERE e.extname = 'vector'"
    ).fetchone()
    return f"SET search_path = {schema}" + (f", {row['name']}" if row is not None else "")


def has_ann_index(connection: Any, schema: str) -> bool:
    """Whether vectors in a schema have an approximate index."""
    found = connection.execute(
        "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam "
        "WHERE i.indrelid = to_regclass(%s) AND a.amname IN ('hnsw', 'ivfflat')",
        [f"{schema}.store_vectors"],
    ).fetchone()
    return found is not None


def _has_trigger(connection: Any, schema: str, name: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = %s", [f"{schema}.store", name]
    ).fetchone()
    return found is not None


@contextmanager
def _alone(connection: Any, schema: str) -> Iterator[None]:
    number = int.from_bytes(hashlib.sha256(f"warmgraph {schema}".encode()).digest()[:8], signed=True)
    deadline = time.monotonic() + LOCK_SECONDS
    while not connection.execute("SELECT pg_try_advisory_lock(%s) AS got", [number]).fetchone()["got"]:
        if time.monotonic() > deadline:
            raise StoreUnavailableError(f"another process has been setting up schema {schema} for {LOCK_SECONDS:.0f} s")
        time.sleep(LOCK_ROUND)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [number])
