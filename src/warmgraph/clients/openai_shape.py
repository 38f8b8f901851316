"""Clients of OpenAI's shape, sync and async: `client.chat.completions.create` remembers, all else passes through."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from types import TracebackType
from typing import Any, ClassVar, Self

from warmgraph.clients.calls import Afterwards, Call, ChatAnswer, prepare_steps
from warmgraph.clients.memory import ClientMemory
from warmgraph.steps import arun, run

__all__ = ["AsyncMemoryClient", "AsyncMemoryStream", "MemoryClient", "MemoryStream"]


class _Passing:
    """Whatever it does not know, it passes on to what it wraps."""

    _own: ClassVar[frozenset[str]] = frozenset()
    _inner: Any

    def __init__(self, inner: Any) -> None:
        object.__setattr__(self, "_inner", inner)

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # not there yet: somebody makes a copy
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._own:
            object.__setattr__(self, name, value)
        else:
            setattr(self._inner, name, value)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *dir(self._inner)})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._inner!r})"


class _Client(_Passing):
    _own = frozenset({"memory", "_inline", "_afterwards"})

    def __init__(self, inner: Any, memory: ClientMemory, afterwards: Afterwards, *, inline: bool) -> None:
        super().__init__(inner)
        self.memory: ClientMemory = memory
        self._afterwards = afterwards
        self._inline = inline

    def with_options(self, *args: Any, **kwargs: Any) -> Self:
        """Return a client with other options and the same memory."""
        changed = self._inner.with_options(*args, **kwargs)
        return type(self)(changed, self.memory, self._afterwards, inline=self._inline)

    copy = with_options


class MemoryClient(_Client):
    """A client with memory. `chat.completions.create` and `.parse` put memories in; all else is the client's own.

    `with_raw_response`, `with_streaming_response`, `completions.stream` and other endpoints know nothing of memory.

    Attributes:
        memory: What is remembered of the user.
    """

    @property
    def chat(self) -> Any:
        """The chat endpoints."""
        return _Chat(self._inner.chat, _Completions(self._inner.chat.completions, self))

    def close(self) -> None:
        """Close memory and the client."""
        try:
            self.memory.close()
        finally:
            self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncMemoryClient(_Client):
    """A client with memory for event loops; otherwise as `MemoryClient`.

    Attributes:
        memory: What is remembered of the user.
    """

    @property
    def chat(self) -> Any:
        """The chat endpoints."""
        return _Chat(self._inner.chat, _AsyncCompletions(self._inner.chat.completions, self))

    async def close(self) -> None:
        """Close memory and the client."""
        try:
            await self.memory.aclose()
        finally:
            await self._inner.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


class _Chat(_Passing):
    _own = frozenset({"completions"})

    def __init__(self, inner: Any, completions: Any) -> None:
        super().__init__(inner)
        self.completions: Any = completions


class _Completions(_Passing):
    _own = frozenset({"_client"})

    def __init__(self, inner: Any, client: _Client) -> None:
        super().__init__(inner)
        self._client = client

    def create(self, *args: Any, **kwargs: Any) -> Any:
        """Create a completion."""
        return self._call(self._inner.create, args, kwargs)

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Create a completion of a schema: memories go in, and none is asked for."""
        return self._call(self._inner.parse, args, kwargs)

    def _call(self, method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        client = self._client
        call = run(prepare_steps(client.memory, kwargs, inline=client._inline))
        response = method(*args, **call.kwargs)
        if kwargs.get("stream"):
            return MemoryStream(response, call, client.memory, client._afterwards)
        answer = ChatAnswer(call.tags)
        try:
            answer.take_whole(response)
        except Exception as error:
            client.memory.failed("read", error)
        run(client._afterwards(call, answer.drafts, answer.text))
        return response


class _AsyncCompletions(_Passing):
    _own = frozenset({"_client"})

    def __init__(self, inner: Any, client: _Client) -> None:
        super().__init__(inner)
        self._client = client

    async def create(self, *args: Any, **kwargs: Any) -> Any:
        """Create a completion."""
        return await self._call(self._inner.create, args, kwargs)

    async def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Create a completion of a schema: memories go in, and none is asked for."""
        return await self._call(self._inner.parse, args, kwargs)

    async def _call(self, method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        client = self._client
        call = await arun(prepare_steps(client.memory, kwargs, inline=client._inline))
        response = await method(*args, **call.kwargs)
        if kwargs.get("stream"):
            return AsyncMemoryStream(response, call, client.memory, client._afterwards)
        answer = ChatAnswer(call.tags)
        try:
            answer.take_whole(response)
        except Exception as error:
            client.memory.failed("read", error)
        await arun(client._afterwards(call, answer.drafts, answer.text))
        return response


class MemoryStream(_Passing):
    """A stream of chunks without the block; once it has ended, what the block says is remembered.

    A stream that breaks off gives all text that it had, and then its error; nothing is remembered of it, nor of one
    that is closed before its end.
    """

    _own = frozenset({"_chunks"})

    def __init__(self, inner: Any, call: Call, memory: ClientMemory, afterwards: Afterwards) -> None:
        super().__init__(inner)
        self._chunks = self._generate(call, memory, afterwards)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._chunks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream."""
        self._chunks.close()
        self._inner.close()

    def _generate(self, call: Call, memory: ClientMemory, afterwards: Afterwards) -> Generator[Any, None, None]:
        answer = ChatAnswer(call.tags)
        broken: Exception | None = None
        chunks = iter(self._inner)
        while True:
            try:
                chunk = next(chunks)
            except StopIteration:
                break
            except Exception as error:
                broken = error
                break
            yield _taken(answer, chunk, memory)
        yield from answer.rest()
        if broken is not None:
            raise broken
        run(afterwards(call, answer.drafts, answer.text))


class AsyncMemoryStream(_Passing):
    """A stream of chunks without the block, for event loops; otherwise as `MemoryStream`."""

    _own = frozenset({"_chunks"})

    def __init__(self, inner: Any, call: Call, memory: ClientMemory, afterwards: Afterwards) -> None:
        super().__init__(inner)
        self._chunks = self._generate(call, memory, afterwards)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return await self._chunks.__anext__()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the stream."""
        await self._chunks.aclose()
        await self._inner.close()

    async def _generate(self, call: Call, memory: ClientMemory, afterwards: Afterwards) -> AsyncGenerator[Any, None]:
        answer = ChatAnswer(call.tags)
        broken: Exception | None = None
        chunks = aiter(self._inner)
        while True:
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                break
            except Exception as error:
                broken = error
                break
            yield _taken(answer, chunk, memory)
        for chunk in answer.rest():
            yield chunk
        if broken is not None:
            raise broken
        await arun(afterwards(call, answer.drafts, answer.text))


def _taken(answer: ChatAnswer, chunk: Any, memory: ClientMemory) -> Any:
    try:
        return answer.take(chunk)
    except Exception as error:  # a chunk of a shape of its own
        memory.failed("read", error)
        return chunk
