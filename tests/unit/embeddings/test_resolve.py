"""Names of embeddings."""

from __future__ import annotations

import re
import sys

import pytest

from warmgraph.embeddings import Embedder, HashingEmbeddings, create_embedder, default_embedding
from warmgraph.errors import DimensionError, InvalidArgumentError, MissingDependencyError
from warmgraph.testing import FakeEmbeddings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment that names no model and no key."""
    for name in ("WARMGRAPH_EMBED", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)


class TestCreateEmbedder:
    @pytest.mark.parametrize(
        ("embed", "dims", "expected"),
        [
            ("hashing", None, 512),
            ("hashing:", None, 512),
            ("hashing", 64, 64),
            ("hashing:64", None, 64),
            ("hashing:64", 64, 64),
        ],
    )
    def test_hashing(self, embed: str, dims: int | None, expected: int) -> None:
        """The size stands in the name, in `dims`, or is the default."""
        assert (expected, f"hashing-{expected}") == (
            create_embedder(embed, dims=dims).dims,
            create_embedder(embed, dims=dims).name,
        )

    def test_two_sizes(self) -> None:
        """A name and a `dims` that contradict each other are refused before anything is embedded."""
        with pytest.raises(DimensionError, match=r"dims: expected 64.* got 32"):
            create_embedder("hashing:64", dims=32)
        with pytest.raises(DimensionError):
            create_embedder(HashingEmbeddings(64), dims=32)

    @pytest.mark.parametrize(
        "embed",
        ["", "hash", "hashing:many", "hashing:-1", "hashing:0", "openai", "openai:", ":x"],
    )
    def test_unknown_names(self, embed: str) -> None:
        """A slip of the pen is an error that lists the names there are."""
        with pytest.raises(InvalidArgumentError):
            create_embedder(embed)

    def test_unknown_provider(self) -> None:
        """A provider that langchain does not know is refused with langchain's list of those it does."""
        pytest.importorskip("langchain")
        with pytest.raises(InvalidArgumentError, match="cohere"):
            create_embedder("nobody:x")

    def test_openai_without_a_key(self) -> None:
        """A missing key is said before the first text is sent."""
        with pytest.raises(InvalidArgumentError, match=r"OPENAI_API_KEY.*openai:text-embedding-3-small"):
            create_embedder("openai:text-embedding-3-small")

    def test_a_provider_whose_package_is_missing(self) -> None:
        """The error names the package to install, and is an ImportError too."""
        pytest.importorskip("langchain")
        with pytest.raises(MissingDependencyError, match="pip install langchain-cohere") as caught:
            create_embedder("cohere:embed-english-v3.0")
        assert isinstance(caught.value, ImportError)

    def test_without_langchain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Other providers need langchain, which is an extra; the error names it."""
        monkeypatch.setitem(sys.modules, "langchain.embeddings", None)
        with pytest.raises(MissingDependencyError, match=re.escape("pip install 'warmgraph[langchain]'")):
            create_embedder("cohere:embed-english-v3.0")

    def test_models_and_functions(self) -> None:
        """Whatever embeds is wrapped; what is wrapped already stays."""
        embedder = create_embedder(FakeEmbeddings(), dims=16, memo_size=1)
        assert 16 == embedder.dims
        assert embedder is create_embedder(embedder)
        assert isinstance(create_embedder(lambda texts: [[1.0] for _ in texts]), Embedder)

    def test_an_embedder_of_another_size(self) -> None:
        """An embedder is not re-labelled."""
        with pytest.raises(InvalidArgumentError, match="dims"):
            create_embedder(create_embedder("hashing"), dims=3)


class TestDefaultEmbedding:
    @pytest.mark.parametrize(
        ("environment", "expected"),
        [
            ({}, "hashing"),
            ({"OPENAI_API_KEY": ""}, "hashing"),
            ({"OPENAI_API_KEY": "sk-x"}, "openai:text-embedding-3-small"),
            ({"OPENAI_API_KEY": "sk-x", "WARMGRAPH_EMBED": "hashing:64"}, "hashing:64"),
            ({"WARMGRAPH_EMBED": ""}, "hashing"),
            ({"WARMGRAPH_EMBED": "  "}, "hashing"),
        ],
    )
    def test_environment(self, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str) -> None:
        """The chosen one, else OpenAI's with a key, else the one that needs nothing; empty is not set."""
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert expected == default_embedding()

    def test_needs_nothing(self) -> None:
        """With a bare environment the default works as it is."""
        assert (512,) == create_embedder(default_embedding()).embed_query("tea").shape
