"""`remember_interaction` on functions of every kind."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest

from warmgraph.buffer import WarmBuffer, remember_interaction

Rows = list[tuple[str, str]]


def rows(memory: WarmBuffer) -> Rows:
    """Return who said what."""
    return [(record.role, record.content) for record in memory.records()]


@pytest.fixture
def memory() -> WarmBuffer:
    """Make a buffer."""
    return WarmBuffer()


class BrokenMemory:
    """A memory that takes nothing."""

    def add(self, role: str, content: str, *, metadata: Any) -> None:
        raise OSError("disk full")


def test_a_function_stays_what_it_is(memory: WarmBuffer) -> None:
    """Name, signature, arguments and result are those of the function."""

    @remember_interaction(memory)
    def answer(question: str, *, loud: bool = False) -> dict[str, str]:
        """Answer."""
        return {"answer": question.upper() if loud else question}

    assert {"answer": "HI"} == answer("Hi", loud=True)
    assert [("user", "Hi"), ("assistant", "{'answer': 'HI'}")] == rows(memory)
    assert ("answer", "Answer.", ["question", "loud"]) == (
        answer.__name__,
        answer.__doc__,
        list(inspect.signature(answer).parameters),
    )
    assert {"function": "answer"} == memory.records()[0].metadata


def test_parity_a_options_are_those_of_warm_memory(memory: WarmBuffer) -> None:
    """Roles, extractors and the factory of metadata; `prompt` is the input wherever it stands."""

    @remember_interaction(
        memory,
        input_role="human",
        output_role="ai",
        output_extractor=lambda result: result["text"],
        metadata_factory=lambda args, kwargs, result: {"n": args[0], "tokens": result["tokens"]},
    )
    def answer(n: int, prompt: str) -> dict[str, Any]:
        return {"text": f"{prompt}!", "tokens": 3}

    @remember_interaction(memory, input_extractor=lambda args, kwargs: args[0]["text"])
    def other(given: dict[str, str]) -> None:
        return None

    answer(7, prompt="Hi")
    other({"text": "Nothing?"})

    assert [("human", "Hi"), ("ai", "Hi!"), ("user", "Nothing?"), ("assistant", "")] == rows(memory)
    assert {"n": 7, "tokens": 3} == memory.records()[1].metadata


def test_of_a_method_the_input_is_its_first_argument(memory: WarmBuffer) -> None:
    """It is not the object that the method belongs to."""

    class Agent:
        @remember_interaction(memory)
        def ask(self, question: str) -> str:
            return question + "!"

        @classmethod
        @remember_interaction(memory)
        def make(cls, name: str) -> str:
            return name

    assert ["Hi!", "Ana"] == [Agent().ask("Hi"), Agent.make("Ana")]
    assert [("user", "Hi"), ("assistant", "Hi!"), ("user", "Ana"), ("assistant", "Ana")] == rows(memory)


async def test_parity_a_a_coroutine_function(memory: WarmBuffer) -> None:
    """It is awaited, and what it returned is remembered."""

    @remember_interaction(memory)
    async def answer(prompt: str) -> str:
        await asyncio.sleep(0)
        return prompt + "!"

    assert inspect.iscoroutinefunction(answer)
    assert ["a!", "b!"] == list(await asyncio.gather(answer("a"), answer("b")))
    assert {("user", "a"), ("assistant", "a!"), ("user", "b"), ("assistant", "b!")} == set(rows(memory))
    pairs = [row[1][0] for row in rows(memory)]
    assert pairs[0] == pairs[1], "a question and its answer stand together"


async def test_a_function_that_returns_an_awaitable(memory: WarmBuffer) -> None:
    """What it promised is remembered, not the promise."""

    async def inner(prompt: str) -> str:
        return prompt + "!"

    decorated = remember_interaction(memory)(functools.wraps(inner)(lambda prompt: inner(prompt)))
    assert "Hi!" == await decorated("Hi")
    assert [("user", "Hi"), ("assistant", "Hi!")] == rows(memory)


def test_parity_a_a_generator(memory: WarmBuffer) -> None:
    """Pieces come as they are made; sending, throwing and the result pass through."""

    @remember_interaction(memory)
    def stream(prompt: str) -> Generator[str, str | None, int]:
        got = yield prompt
        try:
            yield f"-{got}-"
        except KeyError:
            yield "caught"
        return 3

    running = stream("Hi")
    assert ["Hi", "-sent-", "caught"] == [next(running), running.send("sent"), running.throw(KeyError("x"))]
    assert [] == rows(memory)
    with pytest.raises(StopIteration) as stopped:
        next(running)

    assert 3 == stopped.value.value
    assert inspect.isgeneratorfunction(stream)
    assert [("user", "Hi"), ("assistant", "Hi-sent-caught")] == rows(memory)


def test_a_generator_that_is_closed_early(memory: WarmBuffer) -> None:
    """What was heard of it is remembered as a part; its own cleaning up is done."""
    cleaned = []

    @remember_interaction(memory)
    def stream(prompt: str) -> Generator[str, None, None]:
        try:
            yield "one "
            yield "two "
        finally:
            cleaned.append(True)

    running = stream("Count")
    next(running)
    running.close()

    assert [("user", "Count"), ("assistant", "one ")] == rows(memory)
    assert {"function": "stream", "partial": True} == memory.records()[1].metadata
    assert [True] == cleaned


async def test_parity_a_an_async_generator(memory: WarmBuffer) -> None:
    """The same on an event loop."""

    @remember_interaction(memory)
    async def stream(prompt: str) -> AsyncGenerator[str, str | None]:
        got = yield prompt
        try:
            yield f"-{got}-"
        except KeyError:
            yield "caught"

    running = stream("Hi")
    assert ["Hi", "-sent-", "caught"] == [
        await anext(running),
        await running.asend("sent"),
        await running.athrow(KeyError("x")),
    ]
    with pytest.raises(StopAsyncIteration):
        await anext(running)
    assert [("user", "Hi"), ("assistant", "Hi-sent-caught")] == rows(memory)

    memory.clear()
    running = stream("Again")
    await anext(running)
    await running.aclose()
    assert inspect.isasyncgenfunction(stream)
    assert [("user", "Again"), ("assistant", "Again")] == rows(memory)
    assert {"function": "stream", "partial": True} == memory.records()[1].metadata


async def test_parity_a_exceptions_are_recorded_as_such_and_raised(memory: WarmBuffer) -> None:
    """In functions of all four kinds; what was yielded before is kept."""

    @remember_interaction(memory)
    def plain(prompt: str) -> str:
        raise ValueError("plain")

    @remember_interaction(memory)
    async def coroutine(prompt: str) -> str:
        raise ValueError("coroutine")

    @remember_interaction(memory)
    def generator(prompt: str) -> Generator[str, None, None]:
        yield "one"
        raise ValueError("generator")

    @remember_interaction(memory)
    async def async_generator(prompt: str) -> AsyncGenerator[str, None]:
        yield "one"
        raise ValueError("async generator")

    with pytest.raises(ValueError, match="plain"):
        plain("a")
    with pytest.raises(ValueError, match="coroutine"):
        await coroutine("b")
    with pytest.raises(ValueError, match="generator"):
        list(generator("c"))
    with pytest.raises(ValueError, match="async generator"):
        [piece async for piece in async_generator("d")]

    assert [
        ("user", "a"),
        ("error", "ValueError: plain"),
        ("user", "b"),
        ("error", "ValueError: coroutine"),
        ("user", "c"),
        ("assistant", "one"),
        ("error", "ValueError: generator"),
        ("user", "d"),
        ("assistant", "one"),
        ("error", "ValueError: async generator"),
    ] == rows(memory)
    assert {"function": "plain", "error": "ValueError"} == memory.records()[1].metadata


async def test_a_failing_memory_never_breaks_the_function(caplog: pytest.LogCaptureFixture) -> None:
    """Answers arrive, errors are the function's own, and each failure is in the log."""
    decorate = remember_interaction(BrokenMemory())

    @decorate
    def plain(prompt: str) -> str:
        return prompt

    @decorate
    def failing(prompt: str) -> str:
        raise ValueError("its own")

    @decorate
    async def coroutine(prompt: str) -> str:
        return prompt

    @decorate
    def generator(prompt: str) -> Generator[str, None, None]:
        yield prompt

    @decorate
    async def async_generator(prompt: str) -> AsyncGenerator[str, None]:
        yield prompt

    with caplog.at_level(logging.WARNING):
        assert "a" == plain("a")
        assert "b" == await coroutine("b")
        assert ["c"] == list(generator("c"))
        assert ["d"] == [piece async for piece in async_generator("d")]
        with pytest.raises(ValueError, match="its own"):
            failing("e")
    assert 5 == sum("could not be remembered" in record.message for record in caplog.records)


def test_failing_extractors_never_break_the_function(memory: WarmBuffer) -> None:
    """Neither one for the input nor one for the output or the metadata."""

    def fail(*args: Any) -> Any:
        raise RuntimeError("extractor")

    failing: list[dict[str, Any]] = [{"input_extractor": fail}, {"output_extractor": fail}, {"metadata_factory": fail}]
    for options in failing:
        assert "Hi" == remember_interaction(memory, **options)(lambda prompt: prompt)("Hi")
    assert [("user", ""), ("assistant", "Hi")] == rows(memory)


def test_wrong_arguments_are_the_functions_error(memory: WarmBuffer) -> None:
    """A call that does not fit the signature fails as it would without the decorator."""

    @remember_interaction(memory)
    def answer(prompt: str) -> str:
        return prompt

    with pytest.raises(TypeError, match="prompt"):
        answer()  # type: ignore[call-arg]


def test_what_the_function_does_to_its_input_is_not_the_input(memory: WarmBuffer) -> None:
    """The input is taken before the function runs."""

    @remember_interaction(memory)
    def consume(items: list[int]) -> int:
        return items.pop()

    consume([1, 2])
    assert ("user", "[1, 2]") == rows(memory)[0]


async def test_a_memory_with_a_file_does_not_block_the_loop(tmp_path: Path) -> None:
    """A coroutine function waits for the disk in a thread."""
    memory = await asyncio.to_thread(WarmBuffer, path=tmp_path / "buffer.db")

    @remember_interaction(memory)
    async def answer(prompt: str) -> str:
        return prompt + "!"

    await answer("Hi")
    assert [("user", "Hi"), ("assistant", "Hi!")] == rows(memory)
    await asyncio.to_thread(memory.close)


async def test_anything_that_can_be_called(memory: WarmBuffer) -> None:
    """Partials and objects have no name of their own, and are remembered under that of their type."""

    class Agent:
        def __call__(self, prompt: str) -> str:
            if not prompt:
                raise ValueError("nothing")
            return prompt

    async def answer(loud: bool, prompt: str) -> str:
        return prompt.upper() if loud else prompt

    called = remember_interaction(memory)(Agent())
    assert "a" == called("a")
    assert "B" == await remember_interaction(memory)(functools.partial(answer, True))("b")
    with pytest.raises(ValueError, match="nothing"):
        called("")
    assert "c" == remember_interaction(BrokenMemory())(Agent())("c")

    assert ["a", "a", "b", "B", "", "ValueError: nothing"] == [content for _, content in rows(memory)]
    assert ["Agent", "partial", "Agent"] == [record.metadata["function"] for record in memory.records()[::2]]
