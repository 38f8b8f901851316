"""The embedder: any model or function behind one checked, memoized, thread- and loop-safe face."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.embedding_models import Remote, lengths
from warmgraph.embeddings import Embedder, HashingEmbeddings, create_embedder
from warmgraph.errors import DimensionError, EmbeddingError, InvalidArgumentError, MissingDependencyError
from warmgraph.testing import FakeEmbeddings


def returning(answer: object) -> Embedder:
    """Make an embedder of a function that always gives one answer."""
    return Embedder(lambda texts: answer)


class TestDocuments:
    async def test_one_float32_row_a_text(self) -> None:
        """Rows stand in the order of the texts, sync and async alike."""
        embedder = Embedder(lengths)
        expected = np.array([[1, 1], [3, 1]], dtype=np.float32)
        for actual in (embedder.embed_documents(["a", "bcd"]), await embedder.aembed_documents(["a", "bcd"])):
            np.testing.assert_array_equal(expected, actual)
            assert np.float32 == actual.dtype
            assert actual.flags.c_contiguous

    def test_the_same_text_is_embedded_once(self) -> None:
        """Repeated texts cost one embedding and get the same row."""
        model = FakeEmbeddings()
        rows = Embedder(model).embed_documents(["a", "b", "a", "a"])
        assert [["a", "b"]] == model.documents
        np.testing.assert_array_equal(rows[0], rows[3])
        assert not np.array_equal(rows[0], rows[1])

    def test_no_texts(self) -> None:
        """Nothing to embed calls nothing."""
        model = FakeEmbeddings(dims=3)
        assert (0, 3) == Embedder(model, dims=3).embed_documents([]).shape
        assert (0, 0) == Embedder(model).embed_documents(()).shape
        assert 0 == model.calls

    @pytest.mark.parametrize("kind", ["lists", "float64", "float32", "rows", "integers"])
    def test_takes_lists_and_arrays(self, kind: str) -> None:
        """Lists, arrays of any number type, and lists of rows are all vectors."""
        matrix = np.arange(6, dtype=np.float64).reshape(2, 3)
        answers: dict[str, object] = {
            "lists": matrix.tolist(),
            "float64": matrix,
            "float32": matrix.astype(np.float32),
            "rows": list(matrix.astype(np.float32)),
            "integers": matrix.astype(int),
        }
        np.testing.assert_array_equal(matrix, returning(answers[kind]).embed_documents(["a", "b"]))

    def test_the_result_is_the_callers_own(self) -> None:
        """Changing the result changes neither the model's arrays nor the next result."""
        matrix = np.ones((1, 2), dtype=np.float32)
        embedder = returning(matrix)
        embedder.embed_documents(["a"])[:] = 7
        np.testing.assert_array_equal([[1, 1]], embedder.embed_documents(["a"]))

    @pytest.mark.parametrize("texts", ["abc", None, [1], ["a", None], 7])
    def test_refuses_what_is_not_texts(self, texts: Any) -> None:
        """A bare string is a common slip, and would be embedded letter by letter."""
        with pytest.raises(InvalidArgumentError, match="texts"):
            Embedder(lengths).embed_documents(texts)


class TestQueries:
    async def test_a_query_is_embedded_once(self) -> None:
        """However often and wherever it is asked, a query costs one embedding."""
        model = FakeEmbeddings()
        embedder = Embedder(model)
        first = embedder.embed_query("tea")
        np.testing.assert_array_equal(first, embedder.embed_query("tea"))
        np.testing.assert_array_equal(first, await embedder.aembed_query("tea"))
        assert ["tea"] == model.queries

    def test_uses_the_query_form_of_the_model(self) -> None:
        """Models that embed questions otherwise than documents are asked rightly."""
        model = FakeEmbeddings()
        Embedder(model).embed_query("tea")
        assert (["tea"], []) == (model.queries, model.documents)

    def test_the_memo_never_computes(self) -> None:
        """`cached_query` knows what was asked before and nothing else."""
        model = FakeEmbeddings()
        embedder = Embedder(model)
        assert None is embedder.cached_query("tea")
        vector = embedder.embed_query("tea")
        assert vector is embedder.cached_query("tea")
        assert 1 == model.calls

    def test_the_memo_is_bounded_and_drops_the_least_recently_used(self) -> None:
        """Memory stays bounded, and what is in use stays."""
        embedder = Embedder(FakeEmbeddings(), memo_size=2)
        embedder.embed_query("a")
        embedder.embed_query("b")
        embedder.embed_query("a")
        embedder.embed_query("c")
        known = [text for text in "abc" if embedder.cached_query(text) is not None]
        assert ["a", "c"] == known

    def test_a_memo_of_nothing(self) -> None:
        """`memo_size=0` embeds every time."""
        model = FakeEmbeddings()
        embedder = Embedder(model, memo_size=0)
        embedder.embed_query("a")
        embedder.embed_query("a")
        assert ["a", "a"] == model.queries

    def test_long_queries_are_told_apart(self) -> None:
        """Texts that differ only at their end are different queries, lone surrogates included."""
        embedder = Embedder(FakeEmbeddings())
        long = "x" * 10_000
        vectors = [embedder.embed_query(long + end) for end in ("a", "b", "\ud800")]
        assert not np.array_equal(vectors[0], vectors[1])
        assert vectors[0] is embedder.cached_query(long + "a")
        assert vectors[2] is embedder.cached_query(long + "\ud800")

    def test_a_failure_is_not_remembered(self) -> None:
        """The next try asks the model again."""
        answers: list[Any] = [ConnectionError("gone"), [[1.0, 2.0]]]

        def flaky(texts: list[str]) -> Any:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        embedder = Embedder(flaky)
        with pytest.raises(EmbeddingError):
            embedder.embed_query("a")
        np.testing.assert_array_equal([1, 2], embedder.embed_query("a"))

    def test_the_shared_vector_is_read_only(self) -> None:
        """A caller cannot spoil the memo."""
        with pytest.raises(ValueError, match="read-only"):
            Embedder(lengths).embed_query("a")[0] = 7

    @pytest.mark.parametrize("text", [None, 7, ["a"]])
    def test_refuses_what_is_not_a_text(self, text: Any) -> None:
        """A query is one string."""
        with pytest.raises(InvalidArgumentError, match="text"):
            Embedder(lengths).embed_query(text)


class TestNonsense:
    @pytest.mark.parametrize(
        "answer",
        [[[1.0, 2.0]], [[1.0], [2.0], [3.0]], [], [1.0, 2.0], np.ones((2, 2, 2)), None, "vectors", [["1"], ["2"]], 7.0],
        ids=["too few", "too many", "none", "flat", "deep", "None", "text", "texts", "number"],
    )
    def test_not_one_vector_a_text(self, answer: object) -> None:
        """Whatever is not n vectors for n texts is an EmbeddingError."""
        with pytest.raises(EmbeddingError):
            returning(answer).embed_documents(["a", "b"])

    def test_vectors_of_different_lengths(self) -> None:
        """Ragged vectors are an EmbeddingError with numpy's reason behind it."""
        with pytest.raises(EmbeddingError, match="different lengths") as caught:
            returning([[1.0], [1.0, 2.0]]).embed_documents(["a", "b"])
        assert isinstance(caught.value.__cause__, ValueError)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300])
    def test_not_finite(self, value: float) -> None:
        """NaN, infinity and what overflows float32 never reach an index."""
        with pytest.raises(DimensionError, match="finite"):
            returning([[1.0, value]]).embed_documents(["a"])
        with pytest.raises(DimensionError, match="finite"):
            returning([[1.0, value]]).embed_query("a")

    @pytest.mark.parametrize("answer", [[], [[1.0], [2.0]], None, [[[1.0]]], 7.0])
    def test_not_one_vector_for_a_query(self, answer: object) -> None:
        """A function has to give exactly one flat vector for one text."""
        with pytest.raises(EmbeddingError):
            returning(answer).embed_query("a")

    def test_empty_vectors(self) -> None:
        """A vector without numbers is refused."""
        with pytest.raises(DimensionError):
            returning([[]]).embed_documents(["a"])

    @pytest.mark.parametrize("error", [ConnectionError("gone"), KeyError("model"), ValueError("bad input")])
    async def test_an_error_of_the_model_is_chained(self, error: Exception) -> None:
        """Callers catch one type, and the log shows the reason."""

        def failing(texts: list[str]) -> Any:
            raise error

        async def afailing(texts: list[str]) -> Any:
            raise error

        calls: list[Callable[[], Any]] = [
            lambda: Embedder(failing).embed_documents(["a"]),
            lambda: Embedder(failing).embed_query("a"),
        ]
        for call in calls:
            with pytest.raises(EmbeddingError, match=f"failing.*{type(error).__name__}") as caught:
                call()
            assert error is caught.value.__cause__
        acalls: list[Awaitable[Any]] = [
            Embedder(failing).aembed_query("a"),
            Embedder(afailing).aembed_query("a"),
            Embedder(afailing).aembed_documents(["a"]),
        ]
        for acall in acalls:
            with pytest.raises(EmbeddingError, match=type(error).__name__) as caught:
                await acall
            assert error is caught.value.__cause__

    def test_an_error_of_ours_is_not_wrapped(self) -> None:
        """A missing package stays what it is."""

        def missing(texts: list[str]) -> Any:
            raise MissingDependencyError("torch", extra="local")

        with pytest.raises(MissingDependencyError):
            Embedder(missing).embed_query("a")

    async def test_a_cancellation_is_not_wrapped(self) -> None:
        """Cancelling an await is no failure of the model."""
        waiting = asyncio.Event()

        async def forever(texts: list[str]) -> Any:
            waiting.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(Embedder(forever).aembed_query("a"))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


class TestDims:
    def test_found_out_at_the_first_call(self) -> None:
        """Without `dims` the first vector decides."""
        embedder = Embedder(FakeEmbeddings(dims=3))
        assert None is embedder.dims
        embedder.embed_query("a")
        assert 3 == embedder.dims

    def test_a_later_vector_of_another_length(self) -> None:
        """Vectors of two lengths never mix, whichever way they were embedded."""
        embedder = Embedder(lambda texts: [[1.0] * len(texts[0])] * len(texts))
        embedder.embed_query("abc")
        with pytest.raises(DimensionError, match=r"expected 3 dimensions from .* got 2"):
            embedder.embed_documents(["ab"])
        with pytest.raises(DimensionError, match="got 4"):
            embedder.embed_query("abcd")

    def test_expected_dims_are_checked(self) -> None:
        """`dims` of an index config is a promise that the model has to keep."""
        embedder = Embedder(lengths, dims=5)
        with pytest.raises(DimensionError, match="expected 5 dimensions"):
            embedder.embed_documents(["a"])
        assert 5 == embedder.dims

    @pytest.mark.parametrize("dims", [0, -1, 1.5, "3", True])
    def test_refuses_dims_that_are_no_size(self, dims: Any) -> None:
        """Dimensions are counted."""
        with pytest.raises(InvalidArgumentError, match="dims"):
            Embedder(lengths, dims=dims)

    @pytest.mark.parametrize("memo_size", [-1, 1.5, None, True])
    def test_refuses_a_memo_that_is_no_size(self, memo_size: Any) -> None:
        """A memo holds zero queries or more."""
        with pytest.raises(InvalidArgumentError, match="memo_size"):
            Embedder(lengths, memo_size=memo_size)


class TestWhatItIs:
    @pytest.mark.parametrize(
        ("embed", "name"),
        [
            (HashingEmbeddings(64), "hashing-64"),
            (FakeEmbeddings(), "warmgraph.testing.embeddings.FakeEmbeddings"),
            (np.linalg.norm, "numpy.linalg.norm"),
            (partial(partial(asyncio.sleep), 1), "asyncio.sleep"),
        ],
    )
    def test_name(self, embed: Any, name: str) -> None:
        """The fingerprint is the shortest public name, and the same in every process."""
        assert name == Embedder(embed).name

    def test_name_tells_models_apart(self) -> None:
        """The model and its dimensions belong to the fingerprint."""

        class Client(Remote):
            model = "small"
            dimensions = 256

        assert Embedder(Client()).name.endswith("Client/small/256")

    def test_a_name_of_ones_own(self) -> None:
        """A lambda is best given a name, which is stored beside its vectors."""
        assert "mine" == Embedder(lengths, name="mine").name

    def test_lexical_only(self) -> None:
        """Hashing vectors know only words; everything else is taken to know more."""
        assert Embedder(HashingEmbeddings()).lexical_only
        assert not Embedder(FakeEmbeddings()).lexical_only
        assert not Embedder(lengths).lexical_only

    def test_an_object_with_the_methods_of_a_model(self) -> None:
        """A class need not inherit from LangChain's to be a model."""

        class Duck:
            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                return lengths(texts)

            def embed_query(self, text: str) -> list[float]:
                return [7.0, 7.0]

        duck: Any = Duck()
        np.testing.assert_array_equal([7, 7], create_embedder(duck).embed_query("a"))

    @pytest.mark.parametrize("embed", [None, 7, object(), ["hashing"]])
    def test_refuses_what_cannot_embed(self, embed: Any) -> None:
        """The error lists what would do."""
        with pytest.raises(InvalidArgumentError, match="function of a list of texts"):
            Embedder(embed)
