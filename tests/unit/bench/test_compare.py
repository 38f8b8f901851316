"""The comparison of ways to give a model what was said before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warmgraph.bench.conversations import Conversation, Question, Turn
from warmgraph.bench.memory_ways import answer_all
from warmgraph.bench.replays import replays_of
from warmgraph.cli import main


def test_each_way_answers_from_what_it_has() -> None:
    """The last turns, the warm ones, all of them by words, all by vectors, or the whole."""
    turns = [
        Turn(f"t{at}", at, 0, "Ana", "user", f"2026-01-{at + 1:02}T10:00:00", text)
        for at, text in enumerate(["My dog is called Bruno.", "It rains.", "The soup is hot.", "I like trams."])
    ]
    question = Question("ana", "What is the dog called?", "Bruno", ("t0",), "fact")
    (replay,) = replays_of([Conversation("ana", tuple(turns), (question,))], "each", "post")
    found = {name: answers[0] for name, answers in answer_all(replay, None, capacity=2, limit=2).items()}
    assert {"recency": 0.0, "relevance": 0.0, "warm fallback": 1.0, "vector only": 1.0, "full history": 1.0} == {
        name: answer.evidence for name, answer in found.items()
    }
    assert not found["warm fallback"].hit
    assert found["warm fallback"].tokens < found["full history"].tokens


def test_both_comparisons_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the bundled conversations a warm tier with a fallback has most of the evidence, in a part of the tokens."""
    results = tmp_path / "compare.json"
    assert 0 == main(["bench", "compare", "--vectors", "none", "--json", str(results)])
    figures = json.loads(results.read_text(encoding="utf-8"))["figures"]
    assert figures["recency"]["evidence"] < figures["warm fallback"]["evidence"] < figures["full history"]["evidence"]
    assert figures["warm fallback"]["prompt_tokens"] < figures["full history"]["prompt_tokens"] / 4
    said = capsys.readouterr().out
    assert "What the warm tier is asked for" in said
    assert "What the prompt is made of" in said


def test_a_chart_is_drawn_where_one_is_asked_for(tmp_path: Path) -> None:
    """With both comparisons."""
    pytest.importorskip("matplotlib")
    chart = tmp_path / "compare.svg"
    assert 0 == main(["bench", "compare", "--vectors", "none", "--chart", str(chart)])
    assert "evidence in the prompt" in chart.read_text(encoding="utf-8")
