"""Offline lexical vectors."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmgraph.embeddings import HashingEmbeddings, create_embedder
from warmgraph.errors import InvalidArgumentError

EMBEDDINGS = HashingEmbeddings()


def closeness(first: str, second: str) -> float:
    """Return the cosine of two texts."""
    one, two = EMBEDDINGS.vectors([first, second])
    return float(one @ two)


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_text_has_a_unit_vector_or_none(texts: list[str]) -> None:
    """Every text of every script embeds: to length 1, or to zero when there is no word in it."""
    vectors = EMBEDDINGS.vectors(texts)
    assert (len(texts), 512) == vectors.shape
    assert np.float32 == vectors.dtype
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.all(np.isclose(lengths, 1, atol=1e-5) | (lengths == 0))


def test_the_same_everywhere() -> None:
    """Values that a store on disk relies on: they may not change between versions."""
    vector = HashingEmbeddings(8).vectors(["I live in Lisbon."])[0]
    expected = HashingEmbeddings(8).vectors(["i LIVE in lisbon"])[0]
    np.testing.assert_array_equal(expected, vector)
    np.testing.assert_allclose(np.array([-1, 0, 1, 2, 0, 1, 1, 0]) / np.sqrt(8), vector, atol=1e-6)


@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        ("Where do I live?", "I live in Lisbon.", "I am allergic to peanuts."),
        ("What am I allergic to?", "I have an allergy to peanuts.", "I live in Lisbon."),
        ("我住在哪里？", "我住在里斯本。", "我对花生过敏。"),
        ("Где я живу?", "Я живу в Лиссабоне.", "У меня аллергия на арахис."),
        ("STRASSE", "straße", "gasse"),
    ],
)
def test_shared_words_and_parts_of_words_bring_texts_together(question: str, answer: str, other: str) -> None:
    """A question is nearest to the text that shares its words, in any script."""
    assert closeness(question, answer) > closeness(question, other)


def test_knows_nothing_of_meaning() -> None:
    """Words that mean the same are strangers: this is why the vectors are called lexical."""
    assert closeness("automobile", "car") < 0.2
    assert EMBEDDINGS.lexical_only


@pytest.mark.parametrize("text", ["", " ", "?!", "the of and", "\ud800", "😀"])
def test_no_word_no_direction(text: str) -> None:
    """A text without content is the zero vector, near to nothing."""
    assert not EMBEDDINGS.vectors([text]).any()


def test_as_langchain_wants_it() -> None:
    """Lists of floats, and the same for documents and queries."""
    documents = EMBEDDINGS.embed_documents(["tea", "coffee"])
    assert documents[0] == EMBEDDINGS.embed_query("tea")
    assert isinstance(documents[0][0], float)
    assert [] == EMBEDDINGS.embed_documents([])


@pytest.mark.parametrize("dims", [0, -5, 2.0, "512", None, True])
def test_refuses_dims_that_are_no_size(dims: Any) -> None:
    """Dimensions are counted."""
    with pytest.raises(InvalidArgumentError, match="dims"):
        HashingEmbeddings(dims)


async def test_behind_an_embedder() -> None:
    """The stores see an ordinary embedder that says how long and how lexical its vectors are."""
    embedder = create_embedder("hashing:64")
    assert (64, True, "hashing-64") == (embedder.dims, embedder.lexical_only, embedder.name)
    np.testing.assert_array_equal(embedder.embed_documents(["tea"])[0], await embedder.aembed_query("tea"))


FORKING = """
import os, signal, sys, threading
from warmgraph.embeddings import HashingEmbeddings

embeddings, importing = HashingEmbeddings(), threading.Event()

class Noticed:
    def find_spec(self, name, path=None, target=None):
        if name == "sklearn.feature_extraction":
            importing.set()

sys.meta_path.insert(0, Noticed())
thread = threading.Thread(target=embeddings.vectors, args=(["Lisbon"],))
thread.start()
assert importing.wait(60)
child = os.fork()
if not child:
    signal.alarm(60)
    embeddings.vectors(["Lisbon"])
    os._exit(0)
thread.join()
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_process_that_forks_while_scikit_learn_is_imported_leaves_a_child_that_embeds() -> None:
    """The child neither waits for an import that ended with its parent's thread, nor for a lock around it."""
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=120, check=False)
    assert ("0\n", "") == (done.stdout, done.stderr)
