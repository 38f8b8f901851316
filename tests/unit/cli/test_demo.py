"""`warmgraph demo`: replay, reopen in a fresh process, ask through the agent, report."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from warmgraph.bench.conversations import Question, evidence_recall
from warmgraph.cli import main
from warmgraph.cli.demo.scores import Outcome, summarise
from warmgraph.store import RoutedStore

SAID = [
    ("D1:1", "Caroline", "I started pottery classes in March.", ""),
    ("D1:2", "Melanie", "Lovely! I have been painting again.", "a lake at sunrise"),
    ("D1:3", "Caroline", "What do you paint with?", ""),
    ("D1:4", "Melanie", "Watercolors, because the oil smells.", ""),
    ("D2:1", "Melanie", "My brother Tom moved to Oslo.", ""),
    ("D2:2", "Caroline", "Oslo is cold in winter.", ""),
]
ASKED: list[tuple[str, Any, int, list[str]]] = [
    ("When did Caroline start pottery?", "March", 2, ["D1:1"]),
    ("Where does Tom live?", "Oslo", 4, ["D2:1"]),
    ("What does Melanie paint, and with what?", "A lake, with watercolors", 1, ["D1:2", "D1:4"]),
    ("Would she enjoy a gallery?", "Yes", 3, []),
]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A LoCoMo pack of one short conversation."""
    folder = tmp_path / "pack"
    folder.mkdir()
    turns = [
        {
            "conv": "conv-1",
            "dia_id": dia_id,
            "session": int(dia_id[1]),
            "datetime": f"2023-0{dia_id[1]}-08T13:56",
            "speaker": speaker,
            "text": text,
            "caption": caption,
        }
        for dia_id, speaker, text, caption in SAID
    ]
    questions = [
        {"conv": "conv-1", "question": question, "answer": answer, "category": category, "evidence": evidence}
        for question, answer, category, evidence in ASKED
    ]
    for name, rows in (("locomo_turns.jsonl", turns), ("locomo_qa.jsonl", questions)):
        (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return folder


def without_times(results: dict[str, Any]) -> dict[str, Any]:
    """Return results without what depends on the machine."""
    figures = {name: value for name, value in results["figures"].items() if not name.endswith("_ms")}
    questions = [
        {name: value for name, value in question.items() if not name.endswith("_ms")}
        for question in results["questions"]
    ]
    return {**results, "figures": figures, "questions": questions}


def test_a_whole_conversation_is_remembered(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All evidence is recalled in a fresh process; the file keeps the turns, and nothing of the questions."""
    db, first, again = tmp_path / "memory.db", tmp_path / "first.json", tmp_path / "again.json"

    assert 0 == main(["demo", "--data", str(pack), "--db", str(db), "--json", str(first)])
    said = capsys.readouterr().out
    assert 0 == main(["demo", "--data", str(pack), "--json", str(again)])
    capsys.readouterr()

    assert "Replaying LoCoMo: conv-1. Ranked by words; 256 warm memories a user." in said
    assert "Wrote 6 turns, each on disk before the next" in said
    assert "A fresh process opened it" in said
    assert "[1/4] conv-1: When did Caroline start pottery?" in said
    assert "  *  1. conv-1/D1:1  Caroline: I started pottery classes in March." in said
    assert "1 of 1 recalled, rank 1" in said
    assert "no turn answers this" in said
    assert "expected: Oslo" in said
    assert "4 questions asked by a stranger: 0 memories recalled" in said
    assert "pottery" not in first.read_text(encoding="utf-8")
    results = json.loads(first.read_text(encoding="utf-8"))
    assert {"questions": 4, "with_evidence": 3, "recall_at_5": 1.0, "recall_at_10": 1.0, "foreign_memories": 0} == {
        name: results["figures"][name]
        for name in ("questions", "with_evidence", "recall_at_5", "recall_at_10", "foreign_memories")
    }
    assert ["long_term", "warm", "warm", "warm"] == [question["tier"] for question in results["questions"]]
    assert without_times(results) == without_times(json.loads(again.read_text(encoding="utf-8")))
    with RoutedStore(db) as store:
        assert sorted(f"conv-1/{dia_id}" for dia_id, *_ in SAID) == sorted(
            item.key for item in store.search((), limit=100)
        )

    monkeypatch.setattr(sys, "stdin", io.StringIO("Where does Tom live?\n"))
    assert 0 == main(["chat", "--db", str(db), "--user", "conv-1"])
    assert "Oslo" in capsys.readouterr().out


def test_users_of_the_package_are_kept_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bundled conversations are recalled, and no user or stranger recalls what is another's."""
    file = tmp_path / "results" / "demo.json"

    assert 0 == main(["demo", "--questions", "3", "--json", str(file), "--embed", "hashing"])

    said = capsys.readouterr().out
    results = json.loads(file.read_text(encoding="utf-8"))
    assert "Replaying the bundled conversations: ana, bjorn, mei. Ranked by words and hashing embeddings; 48 " in said
    assert "Wrote 235 turns" in said
    assert "9 questions asked in another user's name: " in said
    assert ", 0 of them not that user's own" in said
    assert "3 questions asked by a stranger: 0 memories recalled" in said
    assert 9 == results["figures"]["with_evidence"]
    assert 0.5 < results["figures"]["recall_at_10"] <= 1
    assert results["figures"]["prompt_tokens"] < results["figures"]["history_tokens"] / 2
    tables = said[said.index("What was remembered") :]
    for row in ("the agent", "the long-term tier alone", "ana", "updated-fact", "recall, ms"):
        assert f"\n  {row} " in tables


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data", "{tmp}/nothing"], "--data: {tmp}/nothing: no such directory"),
        (["--data", "{tmp}"], "no locomo_turns.jsonl and locomo_qa.jsonl in it"),
        (["--data", "{pack}", "--conversation", "conv-7"], "no 'conv-7' in {pack}; there are all, conv-1"),
        (["--data", "{pack}", "--db", "{tmp}"], "--db: {tmp} is a directory; name a file"),
        (["--data", "{pack}", "--db", "{pack}/locomo_qa.jsonl"], "exists already; the demo writes to a new file"),
        (["--data", "{pack}", "--db", "{pack}/locomo_qa.jsonl/x.db"], "{pack}/locomo_qa.jsonl/x.db"),
        (["--data", "{pack}", "--embed", "nothing-like-it"], "nothing-like-it"),
        (["--data", "{pack}", "--model", "nothing-like-it"], "model: expected"),
    ],
    ids=["no directory", "no pack", "no conversation", "db is a directory", "db exists", "no place", "embed", "model"],
)
def test_what_cannot_be_done_is_told_in_a_line(
    arguments: list[str], told: str, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing data, an unknown conversation, a file in the way: one line, code 1, and nothing is overwritten."""
    before = (pack / "locomo_qa.jsonl").read_bytes()

    code = main(["demo", *(argument.format(tmp=tmp_path, pack=pack) for argument in arguments)])

    said = capsys.readouterr().err
    assert 1 == code
    assert said.startswith("warmgraph demo: ")
    assert told.format(tmp=tmp_path, pack=pack) in said
    assert 1 == said.count("\n")
    assert before == (pack / "locomo_qa.jsonl").read_bytes()


def outcome(evidence: tuple[str, ...], keys: tuple[str, ...], tier: str = "warm") -> Outcome:
    """Return what a question brought to light: half of what was recalled reached the prompt."""
    question = Question("ana", "Where?", "There.", evidence, "single-hop")
    packed = keys[: len(keys) // 2]
    return Outcome(question, tier, None, keys, packed, tuple(reversed(keys)), 300, 1.0, 10.0, "There.")


def test_evidence_recall_is_a_mean_over_questions() -> None:
    """Each question counts the same, however much evidence it has, and not at all without any."""
    keys = tuple("abcdefghij")
    outcomes = [outcome(("a",), keys), outcome(("b", "j", "x", "y"), keys, "long_term"), outcome((), keys)]

    figures = summarise(outcomes, {"ana": 3_000}, 10)

    assert (1 + 1 / 4) / 2 == figures["recall_at_5"]
    assert (1 + 2 / 4) / 2 == figures["recall_at_10"]
    assert (1 + 1 / 4) / 2 == figures["recall_in_prompt"]
    assert (0 + 1 / 4) / 2 == figures["long_term_recall_at_5"]
    assert 2 / 3 == figures["warm_hits"]
    assert (3, 2) == (figures["questions"], figures["with_evidence"])
    assert (300, 3_000) == (figures["prompt_tokens"], figures["history_tokens"])


def test_recall_beyond_what_was_asked_for_is_not_told() -> None:
    """With k below 10 there is no recall@10 to speak of."""
    figures = summarise([outcome(("a",), ("a", "b", "c", "d", "e"))], {"ana": 3_000}, 5)

    assert 1.0 == figures["recall_at_5"]
    assert math.isnan(figures["recall_at_10"])
    assert math.isnan(figures["long_term_recall_at_10"])


def test_evidence_named_twice_counts_once() -> None:
    """A pack may name a turn twice."""
    assert 0.5 == evidence_recall(["a", "b"], ["a", "a", "x"], 5)
