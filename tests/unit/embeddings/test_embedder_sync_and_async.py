"""The embedder from threads and event loops: which form of a model is called, where, and what waits for what."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.embedding_models import AsyncOnly, Remote, alengths, lengths
from warmgraph.embeddings import Embedder
from warmgraph.errors import EmbeddingError
from warmgraph.testing import FakeEmbeddings


class TestSyncAndAsync:
    async def test_a_sync_function_leaves_the_loop(self) -> None:
        """Async callers never wait for a blocking model on the event loop."""
        threads: list[int] = []

        def embed(texts: list[str]) -> list[list[float]]:
            threads.append(threading.get_ident())
            return lengths(texts)

        embedder = Embedder(embed)
        assert not embedder.native_async
        await embedder.aembed_query("a")
        await embedder.aembed_documents(["a"])
        assert threading.get_ident() not in threads

    @pytest.mark.parametrize("bound", [False, True])
    async def test_an_async_function_is_awaited_on_the_loop(self, bound: bool) -> None:
        """Async functions, partial ones included, need no thread."""
        threads: list[int] = []

        async def embed(texts: list[str], scale: float = 1.0) -> list[list[float]]:
            threads.append(threading.get_ident())
            return await alengths(texts)

        embedder = Embedder(partial(embed, scale=1.0) if bound else embed)
        assert embedder.native_async
        np.testing.assert_array_equal([1, 1], await embedder.aembed_query("a"))
        np.testing.assert_array_equal([[2, 1]], await embedder.aembed_documents(["ab"]))
        assert {threading.get_ident()} == set(threads)

    async def test_an_object_with_an_async_call(self) -> None:
        """A callable object counts by what its `__call__` is."""

        class Client:
            async def __call__(self, texts: list[str]) -> list[list[float]]:
                return await alengths(texts)

        embedder = Embedder(Client())
        assert embedder.native_async
        np.testing.assert_array_equal([1, 1], await embedder.aembed_query("a"))

    def test_an_async_function_in_a_sync_call_says_what_to_do(self) -> None:
        """The error names the function and the way out."""
        embedder = Embedder(alengths)
        calls: list[Callable[[], Any]] = [lambda: embedder.embed_query("a"), lambda: embedder.embed_documents(["a"])]
        for call in calls:
            with pytest.raises(EmbeddingError, match=r"alengths is an async function.*async API"):
                call()

    async def test_a_function_that_returns_an_awaitable(self) -> None:
        """A lambda around an async function works where it can, and says so where it cannot."""
        embedder = Embedder(lambda texts: alengths(texts))
        np.testing.assert_array_equal([1, 1], await embedder.aembed_query("a"))
        np.testing.assert_array_equal([[1, 1]], await embedder.aembed_documents(["a"]))
        for call in (lambda: embedder.embed_query("b"), lambda: embedder.embed_documents(["b"])):
            with pytest.raises(EmbeddingError, match="async API"):
                await asyncio.to_thread(call)

    async def test_a_memoized_query_needs_no_model(self) -> None:
        """Even sync callers of an async function get what is known."""
        embedder = Embedder(alengths)
        vector = await embedder.aembed_query("a")
        assert vector is embedder.embed_query("a")

    async def test_native_form_of_a_model(self) -> None:
        """An overridden `aembed_query` is awaited; LangChain's default, which hides a thread, is not taken for one."""
        model = Remote()
        embedder = Embedder(model)
        assert embedder.native_async
        assert not Embedder(FakeEmbeddings()).native_async
        await embedder.aembed_query("a")
        await embedder.aembed_documents(["a"])
        assert ([threading.get_ident()] * 2, []) == (model.native, model.blocking)

    async def test_threaded_never_uses_the_native_form(self) -> None:
        """`threaded` is for models whose async form is not safe."""
        model = Remote()
        embedder = Embedder(model, threaded=True)
        assert not embedder.native_async
        await embedder.aembed_query("a")
        assert [] == model.native
        assert threading.get_ident() not in model.blocking

    def test_the_native_form_belongs_to_its_first_loop(self) -> None:
        """A client's connections live on one loop: other loops, and those after it, use the blocking form."""
        model = Remote()
        embedder = Embedder(model)

        async def ask(text: str) -> None:
            await embedder.aembed_query(text)

        asyncio.run(ask("a"))
        assert (1, 0) == (len(model.native), len(model.blocking))
        asyncio.run(ask("b"))
        assert (1, 1) == (len(model.native), len(model.blocking))

    def test_a_model_without_a_blocking_form_is_awaited_anywhere(self) -> None:
        """Where there is no choice, the native form serves every loop."""
        model = AsyncOnly()
        embedder = Embedder(model)
        for text in "abc":
            asyncio.run(embedder.aembed_query(text))
        assert 3 == len(model.native)

    def test_many_threads_and_loops_at_once(self) -> None:
        """One embedder serves sync threads and event loops together, and everybody gets the right vector."""
        embedder = Embedder(Remote(), memo_size=8)
        meeting = threading.Barrier(6, timeout=30)
        texts = ["x" * (1 + index % 20) for index in range(200)]

        def sync_caller() -> list[float]:
            meeting.wait()
            return [float(embedder.embed_query(text)[0]) for text in texts]

        def async_caller() -> list[float]:
            async def ask() -> list[float]:
                return [float(vector[0]) for vector in await asyncio.gather(*map(embedder.aembed_query, texts))]

            meeting.wait()
            return asyncio.run(ask())

        with ThreadPoolExecutor(6) as pool:
            futures = [pool.submit(caller) for caller in [sync_caller, async_caller] * 3]
            assert [[float(len(text)) for text in texts]] * 6 == [future.result(60) for future in futures]

    def test_no_lock_is_held_while_the_model_works(self) -> None:
        """A slow query stops neither other queries nor the memo."""
        inside, release = threading.Event(), threading.Event()

        def embed(texts: list[str]) -> list[list[float]]:
            if texts == ["slow"]:
                inside.set()
                assert release.wait(30)
            return lengths(texts)

        embedder = Embedder(embed)
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(embedder.embed_query, "slow")
            assert inside.wait(30)
            np.testing.assert_array_equal([4, 1], embedder.embed_query("fast"))
            assert None is embedder.cached_query("slow")
            release.set()
            np.testing.assert_array_equal([4, 1], slow.result(30))
