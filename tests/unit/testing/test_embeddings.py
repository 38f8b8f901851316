"""Embeddings for tests."""

from __future__ import annotations

import numpy as np
import pytest

from warmgraph.errors import DimensionError, InvalidArgumentError
from warmgraph.testing import FakeEmbeddings, LookupEmbeddings


class TestFakeEmbeddings:
    def test_the_text_alone_decides(self) -> None:
        """Two instances agree on every text, and different texts differ."""
        first, second = FakeEmbeddings(8), FakeEmbeddings(8)
        assert first.embed_documents(["tea", "", "\ud800"]) == second.embed_documents(["tea", "", "\ud800"])
        assert first.embed_query("tea") != first.embed_query("coffee")

    def test_unit_vectors_of_the_length_asked_for(self) -> None:
        """Every vector has `dims` numbers and length 1."""
        vectors = np.array(FakeEmbeddings(5).embed_documents(["a", "b", "c"]))
        assert (3, 5) == vectors.shape
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)

    def test_counts_and_remembers_its_calls(self) -> None:
        """A test can ask how often, and for what, the model was called."""
        embeddings = FakeEmbeddings()
        embeddings.embed_documents(["a", "b"])
        embeddings.embed_query("c")
        assert 2 == embeddings.calls
        assert [["a", "b"]] == embeddings.documents
        assert ["c"] == embeddings.queries

    def test_refuses_no_dimensions(self) -> None:
        """A vector without numbers is none."""
        with pytest.raises(InvalidArgumentError, match="dims"):
            FakeEmbeddings(0)


class TestLookupEmbeddings:
    def test_rows_of_an_array(self) -> None:
        """Texts are paired with the rows of an array, in order."""
        embeddings = LookupEmbeddings.from_arrays(["a", "b"], np.eye(2, dtype=np.float16))
        np.testing.assert_array_equal([[0, 1], [1, 0]], embeddings.embed_documents(["b", "a"]))

    def test_an_unknown_text_is_an_error(self) -> None:
        """A text without a vector never gets an invented one."""
        with pytest.raises(KeyError, match="bus"):
            LookupEmbeddings({"car": [1.0]}).embed_documents(["car", "bus"])

    @pytest.mark.parametrize("vectors", [{"a": [1], "b": [1, 2]}, {"a": [[1]]}, {"a": 1}])
    def test_refuses_vectors_that_do_not_match(self, vectors: dict[str, list[float]]) -> None:
        """All vectors have one length."""
        with pytest.raises(DimensionError):
            LookupEmbeddings(vectors)

    def test_refuses_as_many_rows_as_texts_otherwise(self) -> None:
        """A row for each text, no more and no fewer."""
        with pytest.raises(DimensionError, match=r"shape \(1, dims\)"):
            LookupEmbeddings.from_arrays(["a"], np.eye(2))

    def test_the_given_array_is_copied(self) -> None:
        """Changing the array later changes no vector."""
        rows = np.eye(2, dtype=np.float32)
        embeddings = LookupEmbeddings.from_arrays(["a", "b"], rows)
        rows[:] = 7
        np.testing.assert_array_equal([1, 0], embeddings.embed_query("a"))
