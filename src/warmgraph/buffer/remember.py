"""A decorator that remembers what a function was asked and what it answered."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

from warmgraph.buffer.buffer import WarmBuffer
from warmgraph.steps import Io, Steps, arun, run

__all__ = ["remember_interaction"]

_logger = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])
# Of what a generator yields, so much is kept until it ends: an endless one must not fill the memory.
MAX_PIECES = 10_000


class Remembers(Protocol):
    """What takes interactions: a `WarmBuffer`, or anything with such a method."""

    def add(self, role: str, content: str, *, metadata: Mapping[str, Any]) -> Any:
        """Add an interaction."""
        ...


InputExtractor = Callable[[tuple[Any, ...], dict[str, Any]], Any]
MetadataFactory = Callable[[tuple[Any, ...], dict[str, Any], Any], Mapping[str, Any]]


def remember_interaction(
    memory: WarmBuffer | Remembers,
    *,
    input_role: str = "user",
    output_role: str = "assistant",
    input_extractor: InputExtractor | None = None,
    output_extractor: Callable[[Any], Any] | None = None,
    metadata_factory: MetadataFactory | None = None,
) -> Callable[[F], F]:
    """Decorate a function so that each call of it is remembered: one record of the input, one of the output.

    Works for functions, methods, coroutine functions, generators and async generators, and keeps what they are. Of a
    generator the pieces together are the output, joined if they are strings; one that was closed early leaves what it
    had yielded, with `"partial": True` in the metadata. What a function raises is recorded with the role "error", and
    raised. Memory that fails is logged, and never in the way of the function.

    Args:
        memory: A `WarmBuffer`, or anything with its `add`.
        input_role: Role of the input.
        output_role: Role of the output.
        input_extractor: Takes the arguments and the keyword arguments of a call and returns the input. By default
            that is the argument `prompt`, or else the first one that is not `self` or `cls`.
        output_extractor: Takes what the function returned, or the list of what it yielded, and returns the output.
        metadata_factory: Takes arguments, keyword arguments and result, and returns the metadata of both records. By
            default that is the name of the function.

    Example:
        >>> memory = WarmBuffer()
        >>> @remember_interaction(memory)
        ... def answer(prompt: str) -> str:
        ...     return prompt.upper()
        >>> answer("hello")
        'HELLO'
        >>> [(record.role, record.content) for record in memory.records()]
        [('user', 'hello'), ('assistant', 'HELLO')]
    """
    options = _Options(memory, input_role, output_role, input_extractor, output_extractor, metadata_factory)

    def decorate(function: F) -> F:
        return cast(F, _wrapped(function, options))

    return decorate


class _Options:
    def __init__(
        self,
        memory: Any,
        input_role: str,
        output_role: str,
        input_extractor: InputExtractor | None,
        output_extractor: Callable[[Any], Any] | None,
        metadata_factory: MetadataFactory | None,
    ) -> None:
        self.memory = memory
        self.input_role, self.output_role = input_role, output_role
        self.input_extractor, self.output_extractor = input_extractor, output_extractor
        self.metadata_factory = metadata_factory


class _Call:
    """One call of a decorated function, and what will be remembered of it."""

    def __init__(
        self, function: Callable[..., Any], options: _Options, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.pieces: list[Any] = []  # that a generator yielded
        self._cut = False
        self._name: str = getattr(function, "__name__", type(function).__name__)  # a partial has none
        self._function, self._options, self._args, self._kwargs = function, options, args, kwargs
        # Taken before the function runs: it may change what it was given.
        self._input = self._attempt(self._take_input, "")

    def piece(self, piece: Any) -> None:
        """Note what a generator yielded."""
        if len(self.pieces) < MAX_PIECES:
            self.pieces.append(piece)
        else:
            self._cut = True

    def returned(self, result: Any) -> Steps[None]:
        """Remember a result."""
        yield from self._write(lambda: (self._options.output_role, self._output(result), self._metadata(result)))

    def yielded(self, *, partial: bool = False) -> Steps[None]:
        """Remember what a generator yielded."""
        more = {"partial": True} if partial or self._cut else {}
        pieces = self.pieces

        def entry() -> tuple[str, str, dict[str, Any]]:
            if self._options.output_extractor is not None:
                output = self._output(pieces)
            else:
                output = "".join(pieces) if all(isinstance(piece, str) for piece in pieces) else repr(pieces)
            return self._options.output_role, output, {**self._metadata(pieces), **more}

        yield from self._write(entry)

    def raised(self, error: Exception) -> Steps[None]:
        """Remember an exception."""
        metadata = {"function": self._name, "error": type(error).__name__}
        if self.pieces:
            yield from self.yielded(partial=True)
            yield from self._write(lambda: ("error", f"{type(error).__name__}: {error}", metadata), with_input=False)
        else:
            yield from self._write(lambda: ("error", f"{type(error).__name__}: {error}", metadata))

    def _write(self, make: Callable[[], tuple[str, str, Mapping[str, Any]]], *, with_input: bool = True) -> Steps[None]:
        try:
            role, content, metadata = make()
            entries = [{"role": self._options.input_role, "content": self._input, "metadata": metadata}]
            entries = [*(entries if with_input else []), {"role": role, "content": content, "metadata": metadata}]
            memory = self._options.memory
            if isinstance(memory, WarmBuffer):
                yield Io(lambda: memory.add_many(entries), lambda: memory.aadd_many(entries))
            else:
                yield Io(lambda: _add_each(memory, entries))
        except Exception:
            _logger.warning("a call of %s could not be remembered", self._name, exc_info=True)

    def _take_input(self) -> str:
        if self._options.input_extractor is not None:
            return _text(self._options.input_extractor(self._args, self._kwargs))
        bound = inspect.signature(self._function).bind_partial(*self._args, **self._kwargs).arguments
        if "prompt" in bound:
            return _text(bound["prompt"])
        given = [value for name, value in bound.items() if name not in ("self", "cls")]
        return _text(given[0] if given else None)

    def _output(self, result: Any) -> str:
        extract = self._options.output_extractor
        return _text(result if extract is None else extract(result))

    def _metadata(self, result: Any) -> Mapping[str, Any]:
        make = self._options.metadata_factory
        return {"function": self._name} if make is None else make(self._args, self._kwargs, result)

    def _attempt(self, call: Callable[[], str], otherwise: str) -> str:
        try:
            return call()
        except Exception:
            _logger.warning("the input of %s could not be taken", self._name, exc_info=True)
            return otherwise


def _wrapped(function: Callable[..., Any], options: _Options) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def async_generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            call = _Call(function, options, args, kwargs)
            async with _closing(function(*args, **kwargs), call) as pieces:
                sent: Any = None
                error: BaseException | None = None
                while True:
                    try:
                        piece = await (pieces.asend(sent) if error is None else pieces.athrow(error))
                    except StopAsyncIteration:
                        break
                    call.piece(piece)
                    sent = error = None
                    try:
                        sent = yield piece
                    except GeneratorExit:
                        raise
                    except BaseException as thrown:
                        error = thrown

        return async_generator

    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            call = _Call(function, options, args, kwargs)
            try:
                result = yield from _Noted(function(*args, **kwargs), call)
            except GeneratorExit:
                run(call.yielded(partial=True))
                raise
            except Exception as error:
                run(call.raised(error))
                raise
            run(call.yielded())
            return result

        return generator

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            call = _Call(function, options, args, kwargs)
            return await _awaited(function(*args, **kwargs), call)

        return coroutine

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        call = _Call(function, options, args, kwargs)
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            run(call.raised(error))
            raise
        if inspect.isawaitable(result):
            return _awaited(result, call)
        run(call.returned(result))
        return result

    return plain


async def _awaited(result: Awaitable[Any], call: _Call) -> Any:
    try:
        answer = await result
    except Exception as error:
        await arun(call.raised(error))
        raise
    await arun(call.returned(answer))
    return answer


class _Noted(Generator[Any, Any, Any]):
    """A generator that notes what another one yields, and passes on whatever is sent, thrown and returned."""

    def __init__(self, inner: Generator[Any, Any, Any], call: _Call) -> None:
        self._inner, self._call = inner, call

    def send(self, value: Any) -> Any:
        piece = self._inner.send(value)
        self._call.piece(piece)
        return piece

    def throw(self, *error: Any) -> Any:
        piece = self._inner.throw(*error)
        self._call.piece(piece)
        return piece

    def close(self) -> None:
        self._inner.close()


class _closing:  # noqa: N801
    """Closes an async generator at the end, and remembers how it ended."""

    def __init__(self, inner: AsyncGenerator[Any, Any], call: _Call) -> None:
        self._inner, self._call = inner, call

    async def __aenter__(self) -> AsyncGenerator[Any, Any]:
        return self._inner

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            await arun(self._call.raised(error))
            return
        await self._inner.aclose()
        await arun(self._call.yielded(partial=error is not None))


def _add_each(memory: Remembers, entries: Sequence[Mapping[str, Any]]) -> None:
    for entry in entries:
        memory.add(**entry)


def _text(payload: Any) -> str:
    if payload is None:
        return ""
    return payload if isinstance(payload, str) else repr(payload)
