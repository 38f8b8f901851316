"""Texts with questions whose answers are known: WordNet, MS MARCO, LoCoMo, or the conversations of the package."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from warmgraph.bench.conversations import Pack, load_bundled, load_locomo
from warmgraph.bench.index_data import Floats
from warmgraph.bench.vectors import available
from warmgraph.bench.wordnet import WORDNET, embedded, is_embedded, read_synsets
from warmgraph.errors import InvalidArgumentError

__all__ = ["ENCODERS", "Passages", "best_encoder", "encode", "load_passages"]

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Passages:
    """Texts, and questions that some of them answer.

    Args:
        name: Where they come from.
        texts: The texts.
        questions: The questions.
        answers: For each question the numbers of the texts that answer it.
        among: The texts that these were drawn from, and their numbers there: what a model makes of all of them is kept.
    """

    name: str
    texts: Sequence[str]
    questions: Sequence[str]
    answers: Sequence[frozenset[int]]
    among: tuple[Sequence[str], Sequence[int]] | None = field(default=None, repr=False)

    def describe(self) -> str:
        """Say what they are."""
        return f"{len(self.texts):,} texts and {len(self.questions):,} questions of {self.name}"


def load_passages(folder: Path | None, count: int, questions: int, seed: int) -> Passages:
    """Return texts and questions.

    Args:
        folder: Holds WordNet's `data.noun` and its like; or MS MARCO's `collection.tsv`, `queries.tsv` and `qrels.tsv`
            (passage number and text; question number and text; question, 0, passage, as in TREC's qrels, by tabs); or a
            LoCoMo pack. `None` for WordNet where it is installed, else the conversations of the package.
        count: Texts at most.
        questions: Questions at most.
        seed: Which ones.

    Raises:
        InvalidArgumentError, PackError: The folder holds none of them.
    """
    if folder is None:
        folder = WORDNET if (WORDNET / "data.noun").is_file() else None
    rng = np.random.default_rng(seed)
    if folder is None:
        return _of_pack(load_bundled(), count, questions, rng)
    if (folder / "data.noun").is_file():
        return _of_wordnet(folder, count, questions, rng)
    if (folder / "collection.tsv").is_file():
        return _of_marco(folder, count, questions, rng)
    return _of_pack(load_locomo(folder, "all"), count, questions, rng)


def encode(encoder: str, passages: Passages, tell: Tell) -> tuple[Floats, Floats]:
    """Return the vectors of texts and of questions: arrays of shape (n, dims), float32, of length 1.

    Args:
        encoder: One of `ENCODERS`.
        passages: The texts.
        tell: Hears how far it is.
    """
    if encoder == "hashing-512":
        from warmgraph.embeddings import HashingEmbeddings

        hashing = HashingEmbeddings()
        return hashing.vectors(list(passages.texts)), hashing.vectors(list(passages.questions))
    if encoder == "LSA-128":
        return _latent(passages)
    questions = embedded(passages.questions, "questions", tell)
    if passages.among is not None and (
        len(passages.texts) * 4 > len(passages.among[0]) or is_embedded(*_all(passages))
    ):
        return embedded(*_all(passages), tell)[list(passages.among[1])], questions
    return embedded(passages.texts, "passages", tell), questions


ENCODERS: tuple[str, ...] = ("hashing-512", "LSA-128", "all-MiniLM-L6-v2")


def best_encoder() -> str:
    """Return the encoder that knows most, of those that are installed."""
    return ENCODERS[-1] if available(None) == "model" else ENCODERS[1]


def _all(passages: Passages) -> tuple[Sequence[str], str]:
    assert passages.among is not None
    return passages.among[0], "wordnet"


def _latent(passages: Passages) -> tuple[Floats, Floats]:
    """Latent semantic analysis: the main directions of the texts' own word counts."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True)
    counts = words.fit_transform(passages.texts)
    axes = TruncatedSVD(min(128, counts.shape[1] - 1), random_state=0).fit(counts)
    return _unit(axes.transform(counts)), _unit(axes.transform(words.transform(passages.questions)))


def _unit(rows: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> Floats:
    lengths = np.linalg.norm(rows, axis=1)
    lengths[lengths == 0] = 1.0
    unit: Floats = (rows / lengths[:, None]).astype(np.float32)
    return unit


def _of_wordnet(folder: Path, count: int, questions: int, rng: np.random.Generator) -> Passages:
    """Ask for each gloss by a word that has it."""
    synsets = read_synsets(folder)
    chosen = np.sort(rng.permutation(len(synsets))[:count]).tolist()
    meanings: dict[str, set[int]] = defaultdict(set)
    for at, number in enumerate(chosen):
        for lemma in synsets[number].lemmas:
            meanings[lemma].add(at)
    lemmas = sorted(meanings)
    asked = [lemmas[at] for at in rng.permutation(len(lemmas))[:questions]]
    return Passages(
        "WordNet's glosses, asked for by their words",
        [synsets[number].gloss for number in chosen],
        asked,
        [frozenset(meanings[lemma]) for lemma in asked],
        ([synset.gloss for synset in synsets], chosen),
    )


def _of_marco(folder: Path, count: int, questions: int, rng: np.random.Generator) -> Passages:
    """Passages that are judged come first, others fill up to the number."""
    relevant: dict[str, set[str]] = defaultdict(set)
    for question, _, passage, *_ in _rows(folder / "qrels.tsv"):
        relevant[question].add(passage)
    asked = {number: text for number, text, *_ in _rows(folder / "queries.tsv") if number in relevant}
    numbers = sorted(asked)
    asked = {numbers[at]: asked[numbers[at]] for at in rng.permutation(len(numbers))[:questions]}
    wanted = {passage for question in asked for passage in relevant[question]}
    texts: dict[str, str] = {}
    room = count
    for passage, text, *_ in _rows(folder / "collection.tsv"):
        if passage in wanted or room > len(wanted):
            texts[passage] = text
            room -= passage not in wanted
    places = {passage: at for at, passage in enumerate(texts)}
    answers = [frozenset(places[passage] for passage in relevant[number] if passage in places) for number in asked]
    kept = [at for at, found in enumerate(answers) if found]
    said = list(asked.values())
    return Passages("MS MARCO", list(texts.values()), [said[at] for at in kept], [answers[at] for at in kept])


def _of_pack(pack: Pack, count: int, questions: int, rng: np.random.Generator) -> Passages:
    turns = [turn for conversation in pack.conversations for turn in conversation.turns][:count]
    places = {turn.key: at for at, turn in enumerate(turns)}
    asked = [question for conversation in pack.conversations for question in conversation.questions]
    asked = [question for question in asked if question.evidence and set(question.evidence) <= set(places)]
    asked = [asked[at] for at in rng.permutation(len(asked))[:questions]]
    return Passages(
        pack.name,
        [f"{turn.author}: {turn.content}" for turn in turns],
        [question.text for question in asked],
        [frozenset(places[key] for key in question.evidence) for question in asked],
    )


def _rows(file: Path) -> Iterator[list[str]]:
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield line.rstrip("\n").split("\t")
    except OSError as error:
        raise InvalidArgumentError("passages", expected=f"a folder with {file.name}", got=file.parent) from error
