"""Conversations to replay, with questions that know which turns answer them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from warmgraph.errors import WarmGraphError
from warmgraph.store import MemoryRecord
from warmgraph.store.records import is_question

__all__ = [
    "Conversation",
    "Pack",
    "PackError",
    "Question",
    "Turn",
    "evidence_recall",
    "load_bundled",
    "load_locomo",
    "pack_folder",
    "record_of",
    "spread",
]

_TURNS, _QUESTIONS = "locomo_turns.jsonl", "locomo_qa.jsonl"
_CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}


class PackError(WarmGraphError):
    """Conversations cannot be read; the message says why, and names the file or the argument."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn.

    Args:
        key: Unique within the pack; what evidence names.
        session: Number of the session.
        position: Where it stands in its session.
        author: Who said it.
        role: "user" or "assistant".
        said_at: When, ISO 8601.
        text: What was said.
        caption: What a photo that was shared shows; empty without one.
    """

    key: str
    session: int
    position: int
    author: str
    role: str
    said_at: str
    text: str
    caption: str = ""

    @property
    def content(self) -> str:
        """What is remembered: the text, and what the photo shows.

        Example:
            >>> Turn("a", 1, 0, "Ana", "user", "2026-11-20", "Look!", "a dog on a beach").content
            'Look! [shares a photo: a dog on a beach]'
        """
        return f"{self.text} [shares a photo: {self.caption}]" if self.caption else self.text


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `evidence` holds the keys of the turns that answer it; all of them are needed."""

    user: str
    text: str
    answer: str
    evidence: tuple[str, ...]
    category: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """All turns of one user, in order, and what this user asks afterwards."""

    user: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """Conversations that are replayed together, each as a user of its own."""

    name: str
    conversations: tuple[Conversation, ...]


def load_bundled() -> Pack:
    """Return the conversations that come with the package.

    Example:
        >>> [(each.user, len(each.turns), len(each.questions)) for each in load_bundled().conversations]
        [('ana', 109, 28), ('bjorn', 68, 18), ('mei', 58, 14)]
    """
    folder = resources.files("warmgraph") / "cli" / "data"
    turns: dict[str, list[Turn]] = defaultdict(list)
    questions: dict[str, list[Question]] = defaultdict(list)
    for row in _rows("conversations.jsonl", (folder / "conversations.jsonl").read_text(encoding="utf-8")):
        author = row["user"] if row["role"] == "user" else "assistant"
        turns[row["user"]].append(
            Turn(row["id"], row["session"], row["turn"], author, row["role"], row["datetime"], row["text"])
        )
    for row in _rows("questions.jsonl", (folder / "questions.jsonl").read_text(encoding="utf-8")):
        questions[row["user"]].append(
            Question(row["user"], row["question"], row["answer"], tuple(row["evidence"]), row["category"])
        )
    return Pack(
        "the bundled conversations",
        tuple(Conversation(user, tuple(said), tuple(questions[user])) for user, said in turns.items()),
    )


def load_locomo(folder: Path, conversation: str | None = None) -> Pack:
    """Read conversations of a LoCoMo pack.

    Args:
        folder: Holds `locomo_turns.jsonl` and `locomo_qa.jsonl`, itself or in `locomo/`.
        conversation: Which one; `None` for the first, "all" for all.

    Raises:
        PackError: Files are missing or unreadable, or there is no such conversation. The message names the line.
    """
    folder = pack_folder(folder)
    turns = _locomo_turns(folder / _TURNS)
    wanted = list(turns) if conversation == "all" else [conversation or next(iter(turns))]
    if wanted[0] not in turns:
        raise PackError(f"--conversation: no {conversation!r} in {folder}; there are all, {', '.join(turns)}")
    questions = _locomo_questions(folder / _QUESTIONS, {turn.key for said in turns.values() for turn in said})
    return Pack("LoCoMo", tuple(Conversation(user, tuple(turns[user]), tuple(questions[user])) for user in wanted))


def spread(questions: Sequence[Question], count: int | None) -> tuple[Question, ...]:
    """Return `count` questions, evenly spread over all of them, in their order; all for `None`.

    Example:
        >>> asked = [Question("ana", str(number), "", (), "") for number in range(10)]
        >>> [question.text for question in spread(asked, 3)]
        ['0', '3', '6']
    """
    if count is None or count >= len(questions):
        return tuple(questions)
    return tuple(questions[at * len(questions) // count] for at in range(count))


def record_of(user: str, turn: Turn) -> MemoryRecord:
    """Return a turn as it is remembered."""
    return MemoryRecord(
        content=turn.content,
        author=turn.author,
        role=turn.role,
        thread_id=f"{user}-session-{turn.session}",
        message_id=turn.key,
        position=turn.position,
        said_at=turn.said_at,
        is_question=is_question(turn.text),
    )


def evidence_recall(keys: Sequence[str], evidence: Sequence[str], k: int) -> float:
    """Return the share of the evidence among the first `k` keys.

    Example:
        >>> evidence_recall(["a", "b", "c"], ["c", "a"], 2)
        0.5
    """
    return len(set(evidence) & set(keys[:k])) / len(set(evidence))


def pack_folder(folder: Path) -> Path:
    """Return the folder that holds a pack: this one, or its folder `locomo`.

    Raises:
        PackError: Neither does.
    """
    for candidate in (folder, folder / "locomo"):
        if (candidate / _TURNS).is_file() and (candidate / _QUESTIONS).is_file():
            return candidate
    what = f"no {_TURNS} and {_QUESTIONS} in it" if folder.is_dir() else "no such directory"
    raise PackError(f"--data: {folder}: {what}")


def _locomo_turns(file: Path) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = defaultdict(list)
    positions: dict[tuple[str, int], int] = defaultdict(int)
    for row in _read(file, ("conv", "dia_id", "session", "datetime", "speaker", "text")):
        user, session = row["conv"], row["session"]
        # Both speakers are people, and both are remembered alike.
        turns[user].append(
            Turn(
                f"{user}/{row['dia_id']}",
                session,
                positions[user, session],
                row["speaker"],
                "user",
                row["datetime"],
                row["text"],
                row.get("caption") or "",
            )
        )
        positions[user, session] += 1
    if not turns:
        raise PackError(f"{file}: holds no turn")
    return turns


def _locomo_questions(file: Path, keys: set[str]) -> dict[str, list[Question]]:
    questions: dict[str, list[Question]] = defaultdict(list)
    for row in _read(file, ("conv", "question", "category", "evidence")):
        user = row["conv"]
        evidence = tuple(f"{user}/{dia_id}" for dia_id in row["evidence"])
        unknown = [key for key in evidence if key not in keys]
        if unknown:
            raise PackError(f"{file}: {row['question']!r} names {unknown[0]} as evidence, which is no turn")
        category = _CATEGORIES.get(row["category"], str(row["category"]))
        questions[user].append(Question(user, row["question"], _answer(row), evidence, category))
    return questions


def _answer(row: Mapping[str, Any]) -> str:
    if row.get("adversarial_answer"):
        return f"unknown (not: {row['adversarial_answer']})"
    return str(row.get("answer", ""))


def _read(file: Path, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PackError(f"{file}: is not UTF-8 ({error.reason} at byte {error.start})") from None
    for number, row in enumerate(_rows(str(file), text), 1):
        missing = [field for field in fields if field not in row]
        if missing:
            raise PackError(f"{file}, line {number}: has no field {missing[0]!r}")
        yield row


def _rows(name: str, text: str) -> Iterator[dict[str, Any]]:
    # Not splitlines: JSON leaves U+2028 and its like inside strings.
    for number, line in enumerate(text.rstrip("\n").split("\n") if text.strip() else (), 1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise PackError(f"{name}, line {number}: is not JSON ({error})") from None
        if not isinstance(row, dict):
            raise PackError(f"{name}, line {number}: is not a JSON object")
        yield row
