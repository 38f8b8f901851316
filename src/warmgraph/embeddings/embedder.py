"""What the stores embed with: any model or function, checked, memoized, safe for many threads and event loops."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import math
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from warmgraph.embeddings.floats import of_floats
from warmgraph.embeddings.hashing import HashingEmbeddings
from warmgraph.errors import DimensionError, EmbeddingError, InvalidArgumentError, WarmGraphError
from warmgraph.forks import ForkAware, watch_forks

__all__ = ["EmbedFunction", "Embedder", "FloatArray"]

FloatArray: TypeAlias = NDArray[np.float32]
EmbedFunction: TypeAlias = Callable[[list[str]], Any]
"""Texts in, one vector a text out (lists or arrays), or an awaitable of that."""

_LONGEST_KEY = 256


class Embedder(ForkAware):
    """Embed texts with a model or a function, the same way for every kind of caller.

    - Answers are checked: one finite vector a text, always of the same length.
    - Queries are memoized (least recently used ones are dropped), so asking several tiers embeds once.
    - The same text twice in one call of `embed_documents` is embedded once.
    - One object serves threads and event loops at once. No lock is held while the model works. An async client
      keeps its connections to the loop that opened them, so a model with both forms is awaited natively on the
      first loop that uses it, and called in a thread for any other.

    Args:
        embed: LangChain `Embeddings` (or an object with its methods), a function of a list of texts, or an async
            function of one. An async function can only be used through the `a` methods.
        dims: Expected number of dimensions; found out at the first call when not given.
        name: Fingerprint of the vectors, stored beside them. Derived from `embed` by default.
        memo_size: Number of queries to remember; 0 remembers none.
        threaded: Call the model in a thread even where it has a native async form.

    Attributes:
        dims: Number of dimensions; `None` until known.
        name: Fingerprint, such as "hashing-512" or "langchain_openai.OpenAIEmbeddings/text-embedding-3-small".
        lexical_only: Whether the vectors carry nothing beyond words, so that they add nothing to lexical ranking.
        native_async: Whether the `a` methods await the model on the loop, instead of calling it in a thread.

    Raises:
        InvalidArgumentError: An argument is of the wrong kind.

    Example:
        >>> embedder = Embedder(lambda texts: [[float(len(text)), 1.0] for text in texts])
        >>> embedder.embed_documents(["a", "bcd"])
        array([[1., 1.],
               [3., 1.]], dtype=float32)
        >>> embedder.dims
        2
    """

    def __init__(
        self,
        embed: Embeddings | EmbedFunction,
        *,
        dims: int | None = None,
        name: str | None = None,
        memo_size: int = 4096,
        threaded: bool = False,
    ) -> None:
        if dims is not None and (isinstance(dims, bool) or not isinstance(dims, int) or dims < 1):
            raise InvalidArgumentError("dims", expected="a positive integer or None", got=dims)
        if isinstance(memo_size, bool) or not isinstance(memo_size, int) or memo_size < 0:
            raise InvalidArgumentError("memo_size", expected="an integer >= 0", got=memo_size)
        self._documents, self._query = _calls(embed)
        if threaded:
            self._documents, self._query = self._documents.blocking(), self._query.blocking()
        known = embed.dims if isinstance(embed, HashingEmbeddings) else None
        if dims is not None and known is not None and dims != known:
            raise DimensionError("dims", expected=f"{known}, as {embed!r} gives", got=dims)
        self.dims: int | None = dims if dims is not None else known
        self.name: str = name or _fingerprint(embed)
        self.lexical_only: bool = getattr(embed, "lexical_only", False) is True
        self.native_async: bool = self._query.acall is not None or self._documents.acall is not None
        self._memo_size = memo_size
        self._memo: OrderedDict[str | bytes, FloatArray] = OrderedDict()
        self._lock = threading.Lock()
        self._home_loop: weakref.ref[asyncio.AbstractEventLoop] | None = None
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Begin with an empty memo, and with a lock that nobody holds."""
        self._lock = threading.Lock()
        self._memo = OrderedDict()

    def __repr__(self) -> str:
        return f"Embedder({self.name!r}, dims={self.dims})"

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Embed texts to be stored.

        Args:
            texts: n texts.

        Returns:
            Array of shape (n, dims), float32, the caller's own.

        Raises:
            EmbeddingError: The model failed, is async, or did not return one vector a text, all of one length.
            DimensionError: The vectors have another length than `dims`, or are not finite.
        """
        if type(texts) is list and len(texts) == 1 and type(texts[0]) is str:
            return self._checked_rows(self._call(self._documents, texts), 1)
        unique, places = _distinct(texts)
        if not unique:
            return self._nothing()
        rows = self._checked_rows(self._call(self._documents, unique), len(unique))
        return rows if len(rows) == len(places) else rows[places]

    async def aembed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Embed texts to be stored, without blocking the event loop. As `embed_documents`."""
        unique, places = _distinct(texts)
        if not unique:
            return self._nothing()
        rows = self._checked_rows(await self._acall(self._documents, unique), len(unique))
        return rows if len(rows) == len(places) else rows[places]

    def embed_query(self, text: str) -> FloatArray:
        """Embed a query, or remember what it was.

        Args:
            text: The query.

        Returns:
            Array of shape (dims,), float32, read-only because it is shared with the memo.

        Raises:
            EmbeddingError: The model failed, is async, or did not return one vector.
            DimensionError: The vector has another length than `dims`, or is not finite.
        """
        known = self.cached_query(text)
        return known if known is not None else self._remember(text, self._call(self._query, text))

    async def aembed_query(self, text: str) -> FloatArray:
        """Embed a query without blocking the event loop. As `embed_query`."""
        known = self.cached_query(text)
        return known if known is not None else self._remember(text, await self._acall(self._query, text))

    def cached_query(self, text: str) -> FloatArray | None:
        """Return the vector of a query that was embedded before, or None. Never computes anything."""
        if not isinstance(text, str):
            raise InvalidArgumentError("text", expected="a string", got=text)
        key = _memo_key(text)
        with self._lock:
            vector = self._memo.get(key)
            if vector is not None:
                self._memo.move_to_end(key)
            return vector

    def forget_queries(self) -> None:
        """Empty the memo: what was asked may have quoted what is being erased."""
        with self._lock:
            self._memo.clear()

    def _call(self, call: _Call, given: Any) -> Any:
        if call.call is None:
            raise EmbeddingError(
                f"{self.name} is an async function: it can only be used through the async API"
                " (ainvoke, asearch, aput, ...). Pass a sync function, or LangChain Embeddings, to use both."
            )
        try:
            answer = call.call(given)
        except WarmGraphError:
            raise
        except Exception as error:
            raise self._failure(given, error) from error
        if type(answer) is not list and inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise EmbeddingError(
                f"{self.name} returned an awaitable: it can only be used through the async API"
                " (ainvoke, asearch, aput, ...)."
            )
        return answer

    async def _acall(self, call: _Call, given: Any) -> Any:
        try:
            if call.acall is not None and (call.call is None or self._at_home()):
                return await call.acall(given)
            try:
                assert call.call is not None
                answer = await asyncio.to_thread(call.call, given)
            except NotImplementedError:
                if call.acall is None:
                    raise
                return await call.acall(given)  # its sync form is an empty promise
            return await answer if inspect.isawaitable(answer) else answer
        except WarmGraphError:
            raise
        except Exception as error:
            raise self._failure(given, error) from error

    def _at_home(self) -> bool:
        """Tell whether the running loop is the one that the model's connections belong to."""
        running = asyncio.get_running_loop()
        with self._lock:
            if self._home_loop is None:
                self._home_loop = weakref.ref(running)
            return self._home_loop() is running

    def _failure(self, given: Any, error: Exception) -> EmbeddingError:
        what = "a query" if isinstance(given, str) else f"{len(given)} texts"
        return EmbeddingError(f"{self.name} failed to embed {what}: {type(error).__name__}: {error}")

    def _remember(self, text: str, answer: Any) -> FloatArray:
        vector = self._checked_row(answer)
        vector.flags.writeable = False
        if self._memo_size:
            with self._lock:
                self._memo[_memo_key(text)] = vector
                if len(self._memo) > self._memo_size:
                    self._memo.popitem(last=False)
        return vector

    def _checked_row(self, answer: Any) -> FloatArray:
        if self._query.in_list:
            row: FloatArray = self._checked_rows(answer, 1)[0]
            return row
        vector = self._checked(answer)
        if vector.ndim != 1:
            raise EmbeddingError(f"{self.name} returned an array of shape {vector.shape} for a query, expected (dims,)")
        self._check_dims(vector)
        return vector

    def _checked_rows(self, answer: Any, count: int) -> FloatArray:
        rows = self._checked(answer)
        if rows.ndim != 2 or len(rows) != count:
            raise EmbeddingError(
                f"{self.name} returned an array of shape {rows.shape} for {count} texts, expected ({count}, dims)"
            )
        if rows.shape[1] != self.dims:
            self._check_dims(rows)
        return rows

    def _checked(self, answer: Any) -> FloatArray:
        """Turn an answer into an array of our own: float32, finite."""
        vectors = of_floats(answer)
        if vectors is None:
            try:
                raw = np.asarray(answer)
            except Exception as error:
                raise EmbeddingError(f"{self.name} returned vectors of different lengths, or no vectors") from error
            if raw.dtype.kind not in "fiu":
                raise EmbeddingError(f"{self.name} returned {type(answer).__name__} ({raw.dtype}), expected numbers")
            with np.errstate(over="ignore"):
                vectors = raw.astype(np.float32, order="C")
        # A finite sum of squares holds no nan and no infinity; one that is not may have overflown.
        flat = vectors.ravel()
        if not math.isfinite(flat.dot(flat)) and not np.isfinite(vectors).all():
            raise DimensionError("embed", expected=f"finite float32 vectors from {self.name}", got="nan or infinity")
        return vectors

    def _check_dims(self, vectors: FloatArray) -> None:
        got = vectors.shape[-1]
        if self.dims is None and got:
            with self._lock:
                self.dims = self.dims or got
        if got != self.dims:
            raise DimensionError("embed", expected=f"{self.dims or 'some'} dimensions from {self.name}", got=got)

    def _nothing(self) -> FloatArray:
        return np.zeros((0, self.dims or 0), dtype=np.float32)


class _Call:
    """One thing to ask of a model: its blocking form, its native async form, or both.

    `in_list`: the vector of a single text comes in a list of one, as from a function of a list of texts.
    """

    __slots__ = ("acall", "call", "in_list")

    def __init__(
        self,
        call: Callable[[Any], Any] | None,
        acall: Callable[[Any], Awaitable[Any]] | None,
        *,
        in_list: bool = False,
    ) -> None:
        self.call = call
        self.acall = acall
        self.in_list = in_list

    def blocking(self) -> _Call:
        return self if self.call is None else _Call(self.call, None, in_list=self.in_list)


def _calls(embed: object) -> tuple[_Call, _Call]:
    """Return how to embed documents and queries."""
    if isinstance(embed, HashingEmbeddings):
        return _Call(embed.vectors, None), _Call(lambda text: embed.vectors([text])[0], None)
    documents, query = getattr(embed, "embed_documents", None), getattr(embed, "embed_query", None)
    if callable(documents) and callable(query):
        return (
            _Call(documents, _native(embed, "aembed_documents")),
            _Call(query, _native(embed, "aembed_query")),
        )
    if not callable(embed):
        expected = "Embeddings, a function of a list of texts, or a name such as 'hashing' or 'openai:MODEL'"
        raise InvalidArgumentError("embed", expected=expected, got=embed)

    def embed_one(text: str) -> Any:
        return embed([text])

    if _is_async(embed):
        return _Call(None, embed), _Call(None, embed_one, in_list=True)
    return _Call(embed, None), _Call(embed_one, None, in_list=True)


def _native(model: object, method: str) -> Callable[[Any], Awaitable[Any]] | None:
    """Return an async method that is more than LangChain's default, which calls the sync one in an executor."""
    own = getattr(type(model), method, None)
    if own is None or own is getattr(Embeddings, method):
        return None
    bound: Callable[[Any], Awaitable[Any]] = getattr(model, method)
    return bound


def _is_async(function: Any) -> bool:
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def _distinct(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the distinct texts, and for each text the place of its equal among them."""
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise InvalidArgumentError("texts", expected="a sequence of strings", got=texts)
    places: dict[str, int] = {}
    for text in texts:
        if not isinstance(text, str):
            raise InvalidArgumentError("texts", expected="a sequence of strings", got=text)
        places.setdefault(text, len(places))
    return list(places), [places[text] for text in texts]


def _memo_key(text: str) -> str | bytes:
    """Keep long queries out of memory: the digest stands for the text."""
    if len(text) <= _LONGEST_KEY:
        return text
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _fingerprint(embed: Any) -> str:
    """Name what makes the vectors, the same in every process."""
    if isinstance(embed, HashingEmbeddings):
        return embed.fingerprint
    while isinstance(embed, partial):
        embed = embed.func
    named = embed if hasattr(embed, "__qualname__") else type(embed)
    module, qualname = named.__module__ or "builtins", named.__qualname__
    public = module.partition(".")[0]
    if getattr(sys.modules.get(public), qualname, None) is named:
        module = public
    name = f"{module}.{qualname}"
    for attribute in ("model", "model_name", "model_id", "deployment"):
        model = getattr(embed, attribute, None)
        if isinstance(model, str):
            name += f"/{model}"
            break
    dimensions = getattr(embed, "dimensions", None)
    return f"{name}/{dimensions}" if isinstance(dimensions, int) else name
