"""`warmgraph bench run`: every experiment runs, and measures what it names."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tests.unit.bench.test_passages import marco
from warmgraph.bench import BENCHMARKS
from warmgraph.bench.experiment_runs import RUNS
from warmgraph.bench.experiments import RUN
from warmgraph.bench.index_data import Corpus, load_corpus
from warmgraph.bench.passage_runs import PASSAGE_RUNS
from warmgraph.bench.passages import load_passages


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Made up vectors, few and short."""
    return load_corpus(None, queries=10, largest=1_500, seed=2, dims=24)


def _silent(_: str) -> None: ...


@pytest.mark.parametrize("name", RUNS)
def test_each_experiment_gives_a_table_and_a_chart(corpus: Corpus, name: str) -> None:
    """The table names the experiment and what it ran on; the chart has a line."""
    table, found, chart = RUNS[name](corpus, 1_500, _silent)

    assert table.title.startswith(f"{name}  ")
    assert "synthetic vectors" in table.render()
    assert len(found) >= len(table.rows) > 1
    assert chart.title.startswith(f"{name}  ")
    assert all(len(points) > 1 for points in chart.lines.values())


def test_more_cells_stand_better_for_their_vectors(corpus: Corpus) -> None:
    """H1: fidelity grows with the number of cells."""
    _, found, _ = RUNS["H1"](corpus, 1_500, _silent)

    assert found[0]["cosine"] < found[-1]["cosine"]


def test_more_probes_find_more(corpus: Corpus) -> None:
    """H2: recall grows with the number of cells probed."""
    _, found, _ = RUNS["H2"](corpus, 1_500, _silent)

    assert found[0]["recall"] < found[-1]["recall"]


def test_drift_is_reported_and_its_absence_not(corpus: Corpus) -> None:
    """H5: no alarm without vectors from elsewhere, and a sooner one the more there are."""
    _, found, _ = RUNS["H5"](corpus, 1_500, _silent)

    assert (0.0, 0) == (found[0]["share"], found[0]["detected"])
    assert 5 == found[-1]["detected"]
    assert found[-1]["writes"] <= found[-2]["writes"]


@pytest.mark.parametrize("name", PASSAGE_RUNS)
def test_each_experiment_on_texts_gives_a_table_and_a_chart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The table names the experiment, what it ran on and what is claimed; the chart has a line."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    passages = load_passages(marco(tmp_path), 300, 40, seed=1)
    table, found, chart = PASSAGE_RUNS[name](passages, _silent)

    assert table.title.startswith(f"{name}  ")
    assert "MS MARCO" in table.render()
    assert "routing-memory claims" in table.note
    assert len(found) == len(table.rows) > 1
    assert all(len(points) > 1 for points in chart.lines.values())


def test_experiments_are_run_by_name(tmp_path: Path) -> None:
    """Those that were selected, in that order, and no others."""
    parser = argparse.ArgumentParser()
    RUN.configure(parser)
    args = parser.parse_args(["--select", "H2", "H1", "--size", "400", "--queries", "5"])

    report = RUN.run(args, _silent)

    assert RUN in BENCHMARKS
    assert ["H2", "H1"] == list(report.figures)
    with pytest.raises(SystemExit):
        parser.parse_args(["--select", "H99"])
