"""`warmgraph bench index` measures what it says it measures. How fast anything is, is no matter of tests."""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warmgraph.bench import BENCHMARKS
from warmgraph.bench.index import INDEX
from warmgraph.bench.index_chart import draw, growth_chart
from warmgraph.bench.index_data import Corpus, load_corpus, neighbours, synthetic
from warmgraph.bench.index_engines import ENGINES, Engine, Routed
from warmgraph.bench.index_life import churn, exponent, grow
from warmgraph.bench.index_timing import compare, recall
from warmgraph.bench.report import write_json
from warmgraph.errors import InvalidArgumentError, MissingDependencyError

_OURS = [kind for kind in ENGINES if kind.package is None]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Made up vectors, small enough for a test."""
    return load_corpus(None, queries=20, largest=2_000, seed=1, dims=32)


def _silent(_: str) -> None: ...


def _args(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    INDEX.configure(parser)
    return parser.parse_args(given)


# -- vectors -------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_vectors() -> None:
    """Made up vectors have length 1 and depend on the seed alone."""
    rows = synthetic(500, 16, seed=3)

    np.testing.assert_array_equal(rows, synthetic(500, 16, seed=3))
    np.testing.assert_allclose(1.0, np.linalg.norm(rows, axis=1), atol=1e-5)


def test_the_last_rows_of_a_file_are_the_queries(tmp_path: Path) -> None:
    """What is asked with is not stored, and vectors are brought to length 1."""
    np.save(tmp_path / "notes.npy", 3 * np.eye(12, dtype=np.float16))

    corpus = load_corpus(tmp_path / "notes.npy", queries=2, largest=100, seed=0)

    assert ("notes", (10, 12)) == (corpus.name, corpus.base.shape)
    np.testing.assert_array_equal(np.eye(12)[10:], corpus.queries)


def test_jitter_fills_up_what_a_file_lacks() -> None:
    """Beyond its rows come copies, near the originals and no two the same."""
    corpus = Corpus("some", synthetic(100, 64, 0), synthetic(5, 64, 1))
    rows = corpus.vectors(300)

    np.testing.assert_allclose(corpus.base, rows[:100], atol=1e-6)
    near = np.vecdot(rows[:100], rows[100:200])
    assert 0.8 < near.mean() < 0.95
    assert "100 of some, 200 jittered" == corpus.describe(300)
    np.testing.assert_allclose(rows, np.concatenate(list(corpus.blocks(300))), atol=1e-6)


@pytest.mark.parametrize(
    "held", [np.zeros(9), np.zeros((3, 4)), np.array([["a"] * 9] * 9)], ids=["flat", "few", "text"]
)
def test_a_file_without_vectors_is_refused(tmp_path: Path, held: Any) -> None:
    """What cannot be measured with is named before anything is built."""
    np.save(tmp_path / "held.npy", held)

    with pytest.raises(InvalidArgumentError, match="vectors"):
        load_corpus(tmp_path / "held.npy", queries=5, largest=10, seed=0)


def test_the_true_neighbours_are_those_of_a_full_sort(corpus: Corpus) -> None:
    """Taken together from blocks, they are the best of all."""
    truth = neighbours(corpus, 2_000, 7)

    scores = corpus.queries @ corpus.vectors(2_000).T
    assert [set(row) for row in np.argsort(-scores, axis=1)[:, :7].tolist()] == truth


# -- measures ------------------------------------------------------------------------------------------------------


def test_our_engines_are_compared(corpus: Corpus) -> None:
    """Exact ones find everything; each has a figure for whatever it can do."""
    outcomes = compare(corpus, 500, [kind(32) for kind in _OURS], k=5, target=0.9, tell=_silent)

    assert [kind.name for kind in _OURS] == [outcome.name for outcome in outcomes]
    assert [1.0, 1.0, 1.0] == pytest.approx([outcome.recall for outcome in outcomes])
    assert all(outcome.p50_us > 0 and outcome.p99_us >= outcome.p50_us for outcome in outcomes)
    assert all(outcome.insert_us > 0 and outcome.delete_us > 0 for outcome in outcomes[1:])


@pytest.mark.parametrize("kind", [kind for kind in ENGINES if kind.package], ids=lambda kind: kind.package)
def test_a_peer_is_measured_if_it_is_installed(corpus: Corpus, kind: type[Engine]) -> None:
    """It finds most neighbours at its most thorough; one that is missing names the extra that brings it."""
    if find_spec(kind.package or "") is None:
        with pytest.raises(MissingDependencyError, match="bench"):
            kind(32)
        pytest.skip(f"{kind.package} is not installed")
    engine = kind(32)
    engine.build(corpus.vectors(1_500))
    engine.set_level(kind.levels[-1])

    assert recall(engine, corpus.queries, neighbours(corpus, 1_500, 5), 5) > 0.8


def test_churn_writes_everything_and_keeps_recall(corpus: Corpus) -> None:
    """After three laps and a refit the index finds what a fresh one finds."""
    found = churn(corpus, 600, 5, _silent)

    assert 1.0 == pytest.approx(found["recall_fresh"])
    assert found["recall_fresh"] == pytest.approx(found["recall_after_churn"])
    assert {"alone_p50_us", "refit_worst_us", "refit_s", "write_us"} <= set(found)


def test_growth_is_measured_at_each_size(corpus: Corpus) -> None:
    """Sizes beyond the vectors there are get jittered ones; the files are gone afterwards."""
    found = grow(corpus, [300, 4_000], 5, _silent)

    assert [(300, "flat"), (4_000, "codes")] == [(each["items"], each["mode"]) for each in found]
    assert all(each["recall"] > 0.9 for each in found)


def test_the_exponent_is_that_of_a_power_law() -> None:
    """Four times the vectors at twice the time is the square root."""
    assert 0.5 == pytest.approx(exponent([{"items": 100, "p50_us": 10}, {"items": 400, "p50_us": 20}]))


def test_an_index_is_built_block_by_block(corpus: Corpus) -> None:
    """All vectors of all blocks are there."""
    engine = Routed(32)
    engine.build_from(corpus.blocks(1_200))

    assert 1_200 == len(engine.index)


# -- the command ---------------------------------------------------------------------------------------------------


def test_the_report_says_what_was_measured_on_what(tmp_path: Path) -> None:
    """All parts, on vectors from a file: tables for people, figures for a file."""
    np.save(tmp_path / "notes.npy", synthetic(700, 24, 0))
    args = _args(
        *("--vectors", str(tmp_path / "notes.npy"), "--sizes", "300,800", "--growth-sizes", "200,400"),
        *(
            "--churn-size",
            "300",
            "--parts",
            "compare,churn,growth",
            "--peers",
            "nothing",
            "--queries",
            "10",
            "--k",
            "3",
        ),
    )

    report = INDEX.run(args, _silent)
    write_json(tmp_path / "index.json", report.to_json())

    assert INDEX in BENCHMARKS
    assert {"compare_300", "compare_800", "churn", "growth", "growth_exponent"} == set(report.figures)
    text = report.render()
    assert "690 of notes, 110 jittered" in text
    assert "warmgraph RoutedIndex" in text
    assert 690 == json.loads((tmp_path / "index.json").read_text())["settings"]["real_vectors"]


@pytest.mark.parametrize("given", [("--parts", "all"), ("--sizes", "0"), ("--queries", "x")])
def test_bad_arguments_are_refused(given: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """The parser names the argument."""
    with pytest.raises(SystemExit):
        _args(*given)

    assert given[0] in capsys.readouterr().err


def test_growth_is_drawn(tmp_path: Path) -> None:
    """A chart with the peers' points, or the name of the extra that brings what draws it."""
    found = [{"items": 10**at, "p50_us": 10.0 * at, "recall": 1.0} for at in (3, 4)]
    chart = growth_chart(found, 0.5, {"compare_1000": [{"name": "hnswlib M=16", "p50_us": 30.0}]})
    if find_spec("matplotlib") is None:
        with pytest.raises(MissingDependencyError, match="bench"):
            draw(tmp_path / "growth.svg", chart)
        pytest.skip("matplotlib is not installed")

    draw(tmp_path / "growth.svg", chart)

    assert "hnswlib" in (tmp_path / "growth.svg").read_text()
