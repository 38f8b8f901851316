"""The index of words on real conversations.

Runs where `WARMGRAPH_DATA` names a directory with the LoCoMo pack, which is not ours to ship.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warmgraph.index import LexicalDocument, LexicalIndex, analyze, top_k

PACK = Path(os.environ.get("WARMGRAPH_DATA", ""))
pytestmark = pytest.mark.skipif(
    not (PACK / "locomo_turns.jsonl").is_file(), reason="WARMGRAPH_DATA does not name a directory with the LoCoMo pack"
)


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (PACK / name).read_text(encoding="utf-8").splitlines()]


def _document(turn: dict[str, Any]) -> LexicalDocument:
    day = dt.datetime.fromisoformat(turn["datetime"])
    return LexicalDocument(
        terms=Counter(analyze(f"{turn['text']} {turn['caption']}")),
        extra=Counter(analyze(turn["speaker"]) + analyze(f"{day.day} {day:%B %Y}")),
        thread=str(turn["session"]),
        position=int(turn["dia_id"].split(":")[1]),
    )


def test_evidence_is_found() -> None:
    """Words and their context alone find most of the turns that answer a question, in the first five and ten."""
    turns, questions = _lines("locomo_turns.jsonl"), _lines("locomo_qa.jsonl")
    recalls = []
    for conversation in dict.fromkeys(turn["conv"] for turn in turns):
        own = [turn for turn in turns if turn["conv"] == conversation]
        slots = {turn["dia_id"]: slot for slot, turn in enumerate(own)}
        index = LexicalIndex()
        for slot, turn in enumerate(own):
            index.upsert(slot, _document(turn))
        for question in questions:
            if question["conv"] == conversation and question["evidence"]:
                scores = index.scores(analyze(question["question"]), len(own))
                found = top_k(np.arange(len(own)), scores, 10).slots.tolist()
                wanted = {slots[name] for name in question["evidence"]}
                recalls.append([len(wanted & set(found[:k])) / len(wanted) for k in (5, 10)])

    at_5, at_10 = np.mean(recalls, axis=0)
    assert 1_336 == len(recalls)
    assert at_5 >= 0.69  # measured: .705
    assert at_10 >= 0.78  # measured: .790
