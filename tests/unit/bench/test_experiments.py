"""`warmgraph bench run`: every experiment runs, and measures what it names."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bench.test_passages import marco
from warmgraph.bench import BENCHMARKS
from warmgraph.bench.experiment_recalls import DEPTHS, RECALL_RUNS, Asked, load_asked
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


@pytest.fixture(scope="module")
def asked() -> Asked:
    """The bundled conversations, with hashed words for vectors."""
    return load_asked(None, "none")


@pytest.fixture(scope="module")
def outcomes(asked: Asked) -> dict[str, Any]:
    """Run both experiments on conversations."""
    return {name: run(asked, _silent) for name, run in RECALL_RUNS.items()}


@pytest.mark.parametrize("name", RECALL_RUNS)
def test_experiments_on_conversations_need_no_data(outcomes: dict[str, Any], name: str) -> None:
    """The table says what was asked about, and the chart has a line for each way to recall."""
    table, found, chart = outcomes[name]

    assert table.title == f"{name}  the bundled conversations, 235 turns, vectors of hashed words"
    assert len(table.rows) > 3
    assert all(set(DEPTHS) == {depth for depth, _ in points} for points in chart.lines.values())
    recalls = [each for each in found.values() if "recall_at_10" in each]
    assert all(0 <= each["recall_at_5"] <= each["recall_at_10"] <= 1 for each in recalls)


def test_a2_sets_tokens_against_the_whole_conversation(outcomes: dict[str, Any]) -> None:
    """A2: an exact index agrees with itself, and ten memories are a part of everything that was said."""
    _, found, _ = outcomes["A2"]

    assert 1.0 == found["exact"]["agreement"]
    assert found["hybrid"]["prompt_tokens"] < found["full history"]["prompt_tokens"] / 4


def test_a3_embeds_what_it_says(outcomes: dict[str, Any]) -> None:
    """A3: the texts differ, the questions do not; text and caption are the same where there are no photos."""
    _, found, _ = outcomes["A3"]

    assert found["dense, text"]["recall_at_5"] == found["dense, + caption"]["recall_at_5"]
    assert found["dense, text"]["recall_at_5"] != found["dense, + caption, author, turn before"]["recall_at_5"]


def test_experiments_on_conversations_are_run_by_name(tmp_path: Path) -> None:
    """Beside the others."""
    parser = argparse.ArgumentParser()
    RUN.configure(parser)
    args = parser.parse_args(["--select", "A3", "H1", "--size", "400", "--queries", "5"])

    report = RUN.run(args, _silent)

    assert ["A3", "H1"] == list(report.figures)
    assert str(report.settings["conversations"]).startswith("the bundled conversations")
