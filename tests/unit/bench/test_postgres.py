"""The benchmark of PostgreSQL behind the warm tier."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.postgres_server import database_uri, postgres_server
from warmgraph.bench.postgres import _bars
from warmgraph.bench.postgres_tenants import tenant_searches
from warmgraph.bench.replicas import _judged
from warmgraph.cli import main

__all__ = ["database_uri", "postgres_server"]


def _figures(**changed: float) -> dict[str, dict[str, dict[str, float]]]:
    found = {"hit_plain_p50_ms": 10.0, "hit_warm_p50_ms": 0.5, "miss_warm_p50_ms": 8.0, "miss_plain_p50_ms": 10.0}
    return {"replay": {"cell": found | {"gross_percent": 0.5} | changed}}


@pytest.mark.parametrize(
    ("changed", "met"),
    [
        ({}, [True, True, True]),
        ({"hit_warm_p50_ms": 1.5}, [False, True, True]),
        ({"miss_warm_p50_ms": 12.0}, [True, False, True]),
        ({"gross_percent": 1.6}, [True, True, False]),
        ({"miss_warm_p50_ms": math.nan}, [True, True]),
    ],
)
def test_bars_are_judged_by_what_was_measured(changed: dict[str, float], met: list[bool]) -> None:
    """Hits ten times as fast, misses at most a tenth slower, little lost; without misses there is nothing to judge."""
    assert met == [each[3] for each in _bars(_figures(**changed))]


def test_old_reads_and_lost_writes_are_found() -> None:
    """A read of what had been overwritten for longer than the bound is stale; a last write that is gone is lost."""
    writes = [("left-0", 1, False, 0.0, 0.1), ("left-0", 2, False, 1.0, 1.1), ("left-0", 3, True, 2.0, 2.1)]
    reads = [
        ("left-0", 1, 0.5, 0.6),  # current
        ("left-0", 1, 1.6, 1.7),  # half a second old
        ("left-0", None, 5.0, 5.1),  # deleted
        ("left-0", 2, 5.0, 5.1),  # deleted since 2.9 seconds
        ("left-0", None, 0.05, 0.06),  # not written yet
    ]
    log = {"writes": writes, "reads": reads, "errors": []}
    gone: dict[str, dict[str, dict[str, int]]] = {"database": {}, "held": {}}
    outcome = _judged([log], [gone, gone], bound=2.0)
    assert (3, 5, []) == (outcome.writes, outcome.reads, outcome.lost)
    assert 1 == len(outcome.stale)
    assert 2.9 == pytest.approx(outcome.oldest_seconds)
    back = {"database": {"left-0": {"n": 2}}, "held": {"left-0": {"n": 2}}}
    assert 4 == len(_judged([log], [back, back], bound=2.0).lost)


def test_tenants_are_searched_on_one_table(database_uri: str) -> None:
    """Each way of searching is measured, and ours finds everything, with and without somebody's HNSW index."""
    import psycopg

    with psycopg.connect(database_uri, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    found = tenant_searches(database_uri, 300)
    assert 4 == len(found)
    for name, figures in found.items():
        if name.startswith("ours"):
            assert (10.0, 1.0) == (figures["returned_of_10"], figures["recall_at_10"])


@pytest.mark.slow
def test_the_command_measures_and_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], postgres_server: object
) -> None:
    """The whole benchmark runs on the bundled conversation, and its file holds figures and verdicts."""
    file = tmp_path / "postgres.json"
    small = ["--items", "200", "--rounds", "3", "--seconds", "1", "--clients", "2", "--groups", "each"]
    assert 0 == main(["bench", "postgres", "--vectors", "none", *small, "--json", str(file)])
    figures = json.loads(file.read_text())["figures"]
    assert {"replay", "tenants", "replicas", "bars"} == set(figures)
    assert 0 == figures["replicas"]["lost_writes"]
    assert "Verdicts" in capsys.readouterr().out
