"""From a name, a model or a function to an `Embedder`."""

from __future__ import annotations

import os

from langchain_core.embeddings import Embeddings

from warmgraph.embeddings.embedder import Embedder, EmbedFunction
from warmgraph.embeddings.hashing import HashingEmbeddings
from warmgraph.errors import InvalidArgumentError, MissingDependencyError

__all__ = ["DEFAULT_OPENAI_EMBEDDING", "create_embedder", "default_embedding"]

DEFAULT_OPENAI_EMBEDDING = "text-embedding-3-small"

_EXPECTED = "'hashing', 'hashing:DIMS', 'openai:MODEL' or 'provider:model'"


def default_embedding() -> str:
    """Name the embedding that is used when nobody chose one.

    Returns:
        `WARMGRAPH_EMBED` from the environment, else "openai:text-embedding-3-small" when `OPENAI_API_KEY` is set,
        else "hashing". An empty variable counts as not set.
    """
    chosen = os.environ.get("WARMGRAPH_EMBED", "").strip()
    if chosen:
        return chosen
    return f"openai:{DEFAULT_OPENAI_EMBEDDING}" if os.environ.get("OPENAI_API_KEY") else "hashing"


def create_embedder(
    embed: Embeddings | EmbedFunction | Embedder | str,
    *,
    dims: int | None = None,
    memo_size: int = 4096,
    timeout: float = 30.0,
    max_retries: int = 2,
) -> Embedder:
    """Make an `Embedder` of whatever embeds.

    Args:
        embed: One of

            - "hashing" or "hashing:DIMS": offline lexical vectors (`HashingEmbeddings`);
            - "openai:MODEL": through langchain-openai; the key and the address come from `OPENAI_API_KEY` and
              `OPENAI_BASE_URL`;
            - "provider:model": through langchain's `init_embeddings`;
            - LangChain `Embeddings`;
            - a function, sync or async, from a list of texts to one vector a text, such as
              `SentenceTransformer(...).encode`;
            - an `Embedder`, which is returned as it is.
        dims: Expected number of dimensions; found out at the first call when not given.
        memo_size: Number of queries whose vectors are remembered.
        timeout: Seconds without a byte after which a request to OpenAI fails.
        max_retries: How often a request to OpenAI is repeated after a timeout, a 429 or a server error.

    Raises:
        InvalidArgumentError: The name is unknown, or the provider cannot be set up (a missing key, say).
        DimensionError: `dims` contradicts what is already known.
        MissingDependencyError: The provider's package is not installed.

    Example:
        >>> create_embedder("hashing:256")
        Embedder('hashing-256', dims=256)
    """
    if isinstance(embed, Embedder):
        if dims is not None and embed.dims is not None and dims != embed.dims:
            raise InvalidArgumentError("dims", expected=f"{embed.dims}, as {embed!r} has", got=dims)
        return embed
    if not isinstance(embed, str):
        return Embedder(embed, dims=dims, memo_size=memo_size)
    provider, _, model = embed.strip().partition(":")
    if provider == "hashing":
        return Embedder(_hashing(embed, model, dims), dims=dims, memo_size=memo_size)
    if provider == "openai" and model:
        # In threads: its async client would keep its connections to the loop that opened them.
        return Embedder(_openai(embed, model, timeout, max_retries), dims=dims, memo_size=memo_size, threaded=True)
    if not provider or not model:
        raise InvalidArgumentError("embed", expected=_EXPECTED, got=embed)
    return Embedder(_from_langchain(embed), dims=dims, memo_size=memo_size)


def _hashing(embed: str, given: str, dims: int | None) -> HashingEmbeddings:
    if not given:
        return HashingEmbeddings() if dims is None else HashingEmbeddings(dims)
    if not given.isdecimal():
        raise InvalidArgumentError("embed", expected="'hashing:DIMS' with a positive integer", got=embed)
    return HashingEmbeddings(int(given))


def _openai(embed: str, model: str, timeout: float, max_retries: int) -> Embeddings:
    from langchain_openai import OpenAIEmbeddings

    if not os.environ.get("OPENAI_API_KEY"):
        raise InvalidArgumentError("OPENAI_API_KEY", expected=f"a key in the environment, for {embed!r}", got=None)
    address = os.environ.get("OPENAI_API_BASE") or os.environ.get("OPENAI_BASE_URL")
    return OpenAIEmbeddings(
        model=model,
        base_url=address or "https://api.openai.com/v1",  # explicit: an empty variable would be taken for an address
        # Counting tokens downloads a tokenizer and sends token ids, which only OpenAI itself understands.
        check_embedding_ctx_length=not address,
        timeout=timeout,
        max_retries=max_retries,
    )


def _from_langchain(embed: str) -> Embeddings:
    try:
        from langchain.embeddings import init_embeddings
    except ImportError as error:
        raise MissingDependencyError("langchain", extra="langchain") from error
    try:
        return init_embeddings(embed)
    except ImportError as error:
        missing = MissingDependencyError(embed.partition(":")[0], extra="langchain")
        missing.msg = str(error)  # it names the package of the provider, which no extra of ours brings
        raise missing from error
    except Exception as error:
        raise InvalidArgumentError("embed", expected=f"{_EXPECTED} ({error})", got=embed) from error
