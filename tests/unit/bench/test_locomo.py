"""The benchmark of recall on conversations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from warmgraph.bench.conversations import PackError, load_locomo
from warmgraph.bench.vectors import available, embed_function
from warmgraph.cli import main

TURNS = [
    ("D1:1", "Ana", "I keep bees on the roof."),
    ("D1:2", "Ben", "Where do you keep them in winter?"),
    ("D1:3", "Ben", "My car is red."),
]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Write a pack of three turns and two questions, with vectors of three dimensions."""
    turns = [
        {"conv": "c", "dia_id": key, "session": 1, "datetime": "2023-05-08T13:56", "speaker": who, "text": text}
        for key, who, text in TURNS
    ]
    questions = [
        {"conv": "c", "question": "What does Ana keep?", "answer": "bees", "category": 4, "evidence": ["D1:1"]},
        {"conv": "c", "question": "What colour is the car?", "answer": "red", "category": 1, "evidence": ["D1:3"]},
    ]
    for name, rows in (("locomo_turns.jsonl", turns), ("locomo_qa.jsonl", questions)):
        (tmp_path / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    for name, count in (("turns_best", 3), ("questions_best", 2), ("questions_raw", 2)):
        np.save(tmp_path / f"{name}.f16.npy", np.eye(3, dtype=np.float16)[:count])
    return tmp_path


def test_recall_is_measured_by_category_and_signal(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every ranking is told with its recall, and without a signal where that was asked for."""
    results = tmp_path / "results.json"
    assert 0 == main(
        ["bench", "locomo", "--data", str(pack), "--vectors", "pack", "--without", "author", "--json", str(results)]
    )
    figures = json.loads(results.read_text(encoding="utf-8"))["figures"]
    assert {"lexical", "hybrid", "two hops", "lexical without author", "hybrid without author"} == set(figures)
    assert {"multi-hop": 1, "single-hop": 1} == {
        name: each["questions"] for name, each in figures["lexical"]["categories"].items()
    }
    assert (2, 1.0) == (figures["hybrid"]["questions"], figures["hybrid"]["recall_at_5"])
    assert "the bar of 0.76 / 0.845" in capsys.readouterr().out


def test_the_bundled_conversations_need_neither_data_nor_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a pack no bar is judged, and words alone find most of what is asked for."""
    assert 0 == main(["bench", "locomo", "--vectors", "none"])
    said = capsys.readouterr().out
    assert "lexical" in said
    assert "the bar of" not in said


def test_a_question_is_looked_up_as_its_author_would_put_it(pack: Path) -> None:
    """The vector of the raw question and that of the rewritten one are both there."""
    embed = embed_function("pack", pack, load_locomo(pack, "all").conversations)
    assert embed is not None
    assert [[1, 0, 0], [1, 0, 0], [0, 1, 0]] == embed(
        ["What does Ana keep?", "What does I keep?", "What colour is the car?"]
    ).tolist()
    with pytest.raises(PackError, match="has none for 'never asked'"):
        embed(["never asked"])


def test_vectors_that_are_not_there_are_named(pack: Path) -> None:
    """A pack without vectors, or with those of other turns, is refused; without a pack there is nothing to look up."""
    conversations = load_locomo(pack, "all").conversations
    assert embed_function("none", pack, conversations) is None
    with pytest.raises(PackError, match="--data"):
        embed_function("pack", None, conversations)
    np.save(pack / "turns_best.f16.npy", np.eye(2, dtype=np.float16))
    with pytest.raises(PackError, match="not those of its turns"):
        embed_function("pack", pack, conversations)
    (pack / "turns_best.f16.npy").unlink()
    with pytest.raises(PackError, match="turns_best"):
        embed_function("pack", pack, conversations)
    assert available(pack) in ("none", "model")
