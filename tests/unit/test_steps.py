"""The generator driver: the same steps for sync and async callers."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import pytest

from warmgraph.steps import Io, Steps, arun, run, shut_off

T = TypeVar("T")


def drive(steps: Steps[T]) -> T:
    """Run steps through the async shell on a loop of their own."""
    return asyncio.run(arun(steps))


@pytest.fixture(params=[run, drive], ids=["sync", "async"])
def shell(request: pytest.FixtureRequest) -> Callable[[Steps[Any]], Any]:
    """Both shells; what holds for one has to hold for the other."""
    return request.param  # type: ignore[no-any-return]


def boom() -> int:
    """Fail as a full disk does."""
    raise OSError("disk full")


async def aboom() -> int:
    """Fail as a full disk does, natively."""
    raise OSError("disk full")


class TestBothShells:
    def test_returns_what_the_steps_return(self, shell: Callable[[Steps[tuple[int, int]]], tuple[int, int]]) -> None:
        """Answers of the waits are sent back into the steps, in order."""

        def steps() -> Steps[tuple[int, int]]:
            first = yield Io(lambda: 1)
            second = yield Io(lambda: first + 1)
            return first, second

        assert (1, 2) == shell(steps())

    def test_steps_without_a_wait(self, shell: Callable[[Steps[int]], int]) -> None:
        """Steps that never yield just return."""

        def steps() -> Steps[int]:
            return 7
            yield

        assert 7 == shell(steps())

    def test_an_error_arrives_at_the_yield(self, shell: Callable[[Steps[str]], str]) -> None:
        """The steps can handle the error of a wait, and go on."""

        def steps() -> Steps[str]:
            try:
                yield Io(boom)
            except OSError as error:
                again = yield Io(lambda: "retried")
                return f"{error}, {again}"
            return "missed"

        assert "disk full, retried" == shell(steps())

    def test_an_unhandled_error_reaches_the_caller_after_cleanup(self, shell: Callable[[Steps[None]], None]) -> None:
        """`finally` runs, may itself wait, and the caller sees the error of the wait."""
        seen: list[str] = []

        def steps() -> Steps[None]:
            try:
                yield Io(boom)
            finally:
                seen.append((yield Io(lambda: "cleaned")))

        with pytest.raises(OSError, match="disk full"):
            shell(steps())
        assert ["cleaned"] == seen

    def test_an_error_before_the_first_wait(self, shell: Callable[[Steps[None]], None]) -> None:
        """An error of the steps themselves comes out unchanged."""

        def steps() -> Steps[None]:
            raise ValueError("bad argument")
            yield

        with pytest.raises(ValueError, match="bad argument"):
            shell(steps())

    def test_a_stop_iteration_from_a_wait_is_not_taken_for_the_end(self, shell: Callable[[Steps[None]], None]) -> None:
        """`next()` on an empty iterator inside a wait is an error, not a result of None."""
        nothing: Iterator[int] = iter(())

        def steps() -> Steps[None]:
            yield Io(lambda: next(nothing))

        with pytest.raises(RuntimeError, match="StopIteration"):
            shell(steps())

    def test_steps_that_are_shut_off_behave_as_others(self, shell: Callable[[Steps[list[str]]], list[str]]) -> None:
        """An error of any wait arrives at its yield, one that nobody handles at the caller's, and cleanup is done."""
        seen: list[str] = []

        def inner(fail: bool) -> Steps[str]:
            try:
                seen.append((yield Io(lambda: "first")))
                try:
                    yield Io(boom, acall=aboom)
                except OSError as error:
                    seen.append(str(error))
                if fail:
                    yield Io(boom)
                return "done"
            finally:
                seen.append("cleanup")

        def nothing() -> Steps[str]:
            return "at once"
            yield

        def outer() -> Steps[list[str]]:
            answers = [(yield from shut_off(nothing())), (yield from shut_off(inner(fail=False)))]
            try:
                yield from shut_off(inner(fail=True))
            except OSError:
                answers.append("failed")
            return answers

        assert ["at once", "done", "failed"] == shell(outer())
        assert 2 * ["first", "disk full", "cleanup"] == seen


class TestSync:
    def test_everything_happens_on_the_calling_thread(self) -> None:
        """`run` starts no thread and ignores the native async form."""

        def steps() -> Steps[tuple[int, int]]:
            waited_in = yield Io(threading.get_ident, acall=aboom)
            return waited_in, threading.get_ident()

        assert (threading.get_ident(), threading.get_ident()) == run(steps())

    def test_an_interrupt_closes_the_steps(self) -> None:
        """A KeyboardInterrupt during a wait arrives at the yield as well."""
        seen: list[str] = []

        def interrupt() -> None:
            raise KeyboardInterrupt

        def steps() -> Steps[None]:
            try:
                yield Io(interrupt)
            finally:
                seen.append("closed")

        with pytest.raises(KeyboardInterrupt):
            run(steps())
        assert ["closed"] == seen


class TestAsync:
    async def test_steps_without_a_wait_stay_on_the_loop(self) -> None:
        """What only touches memory pays for no thread."""

        def steps() -> Steps[int]:
            return threading.get_ident()
            yield

        assert threading.get_ident() == await arun(steps())

    async def test_a_blocking_wait_leaves_the_loop(self) -> None:
        """A wait without a native form runs in a worker thread."""

        def steps() -> Steps[int]:
            ident: int = yield Io(threading.get_ident)
            return ident

        assert threading.get_ident() != await arun(steps())

    async def test_consecutive_blocking_waits_share_one_hop(self) -> None:
        """Several waits, and the code between them, stay in the thread that the first one went to."""
        where: list[int] = []

        def steps() -> Steps[None]:
            for _ in range(5):
                where.append((yield Io(threading.get_ident)))
                where.append(threading.get_ident())

        with counting_executor() as hops:
            await arun(steps())
        assert 1 == hops()
        assert 10 == len(where)
        assert 1 == len(set(where))

    async def test_steps_that_are_shut_off_leave_the_loop_alone(self) -> None:
        """What follows on steps that went to a thread is back on the loop."""
        where: list[int] = []

        def inner() -> Steps[str]:
            where.append((yield Io(threading.get_ident)))
            where.append((yield Io(threading.get_ident)))
            return "done"

        def outer() -> Steps[str]:
            answer = yield from shut_off(inner())
            where.append(threading.get_ident())
            return answer

        with counting_executor() as hops:
            assert "done" == await arun(outer())
        assert 1 == hops()
        assert where[0] == where[1] != where[2] == threading.get_ident()

    async def test_a_native_wait_is_awaited_on_the_loop(self) -> None:
        """`acall` is preferred over `call`, and the steps return to the loop for it."""

        async def ident() -> int:
            await asyncio.sleep(0)
            return threading.get_ident()

        def steps() -> Steps[tuple[int, int, int]]:
            first = yield Io(boom, acall=ident)
            second = yield Io(threading.get_ident)
            third = yield Io(boom, acall=ident)
            return first, second, third

        first, second, third = await arun(steps())
        assert threading.get_ident() == first == third
        assert second != first

    async def test_an_error_of_a_native_wait_arrives_at_the_yield(self) -> None:
        """Steps handle errors of awaited calls like those of blocking ones."""

        def steps() -> Steps[str]:
            try:
                yield Io(boom, acall=aboom)
            except OSError:
                return "handled"
            return "missed"

        assert "handled" == await arun(steps())

    async def test_context_variables_reach_the_thread(self) -> None:
        """A blocking wait sees the caller's context, as LangGraph's runtime needs it."""
        user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
        user.set("ana")

        def steps() -> Steps[str]:
            name: str = yield Io(user.get)
            return name

        assert "ana" == await arun(steps())

    async def test_no_thread_to_be_had_is_an_error_at_the_yield(self) -> None:
        """An executor that refuses work is handled like any failing wait."""
        executor = ThreadPoolExecutor(1)
        executor.shutdown()
        asyncio.get_running_loop().set_default_executor(executor)

        def steps() -> Steps[str]:
            try:
                yield Io(lambda: "never")
            except RuntimeError as error:
                return str(error)
            return "missed"

        assert "shutdown" in await arun(steps())

    def test_one_function_serves_many_loops_at_once(self) -> None:
        """Nothing is bound to a loop: several threads, each with a loop, run the same steps concurrently."""
        meeting = threading.Barrier(4, timeout=30)

        async def native(value: int) -> int:
            await asyncio.sleep(0)
            return value

        def steps(value: int) -> Steps[int]:
            met = yield Io(lambda: meeting.wait() >= 0)  # passes only when all four are in flight
            doubled = yield Io(lambda: 0, acall=lambda: native(2 * value))
            return doubled if met else -1

        with ThreadPoolExecutor(4) as pool:
            assert [0, 2, 4, 6] == list(pool.map(lambda value: drive(steps(value)), range(4)))


class TestCancellation:
    async def test_arrives_at_a_native_wait(self) -> None:
        """Steps that wait on the loop see CancelledError at the yield, may clean up with another wait, and end."""
        waiting = asyncio.Event()
        seen: list[str] = []

        async def forever() -> None:
            waiting.set()
            await asyncio.Event().wait()

        def steps() -> Steps[None]:
            try:
                yield Io(boom, acall=forever)
            except asyncio.CancelledError:
                seen.append((yield Io(lambda: "rolled back")))
                raise

        task = asyncio.create_task(arun(steps()))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ["rolled back"] == seen

    async def test_arrives_at_a_native_wait_of_steps_that_are_shut_off(self) -> None:
        """Steps that another driver was given see the cancellation at their own yield."""
        waiting = asyncio.Event()
        seen: list[str] = []

        async def forever() -> None:
            waiting.set()
            await asyncio.Event().wait()

        def inner() -> Steps[None]:
            try:
                yield Io(boom, acall=forever)
            except asyncio.CancelledError:
                seen.append((yield Io(lambda: "rolled back")))
                raise

        task = asyncio.create_task(arun(shut_off(inner())))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ["rolled back"] == seen

    async def test_a_running_thread_finishes_what_it_began(self) -> None:
        """The caller is released at once; the thread runs the remaining steps to their end."""
        started, release, ended = threading.Event(), threading.Event(), threading.Event()

        def write() -> str:
            started.set()
            assert release.wait(30)
            return "written"

        outcome: list[str] = []

        def steps() -> Steps[None]:
            outcome.append((yield Io(write)))
            outcome.append((yield Io(lambda: "installed")))
            ended.set()

        task = asyncio.create_task(arun(steps()))
        await asyncio.to_thread(started.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [] == outcome
        release.set()
        assert await asyncio.to_thread(ended.wait, 30)
        assert ["written", "installed"] == outcome

    async def test_an_abandoned_thread_closes_steps_that_need_the_loop(self) -> None:
        """With nobody left to await the next native wait, `finally` blocks run there, whoever holds the steps."""
        started, release, closed = threading.Event(), threading.Event(), threading.Event()

        def write() -> None:
            started.set()
            assert release.wait(30)

        def steps() -> Steps[None]:
            try:
                yield Io(write)
                yield Io(boom, acall=aboom)
            finally:
                closed.set()

        held = steps()  # a reference of our own: closing must not depend on garbage collection
        task = asyncio.create_task(arun(held))
        await asyncio.to_thread(started.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()
        assert await asyncio.to_thread(closed.wait, 30)

    async def test_arrives_at_the_yield_when_no_thread_was_free(self) -> None:
        """A wait that still queues for a thread never happens, and the steps learn that they were cancelled."""
        executor = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(executor)
        occupied, release = threading.Event(), threading.Event()

        def occupy() -> None:
            occupied.set()
            assert release.wait(30)

        blocker = executor.submit(occupy)
        assert occupied.wait(30)
        seen: list[str] = []

        def steps() -> Steps[None]:
            try:
                yield Io(lambda: seen.append("ran"))
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        held = steps()
        task = asyncio.create_task(arun(held))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ["cancelled"] == seen
        release.set()
        blocker.result(30)
        executor.shutdown()
        assert ["cancelled"] == seen
        assert inspect.GEN_CLOSED == inspect.getgeneratorstate(held)

    @pytest.mark.parametrize("more", [True, False], ids=["at the next wait", "after the end"])
    async def test_once_the_thread_has_returned(self, more: bool) -> None:
        """A cancellation between the thread's return and the loop's next turn arrives at the next wait, if any."""
        seen: list[str] = []

        async def native() -> None:
            seen.append("awaited")

        def steps() -> Steps[None]:
            try:
                yield Io(lambda: task.cancel())
                if more:
                    yield Io(boom, acall=native)
                seen.append("ended")
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        class Inline(ThreadPoolExecutor):
            def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
                future = super().submit(fn, *args, **kwargs)
                wait([future], 30)  # done before the caller can begin to wait for it
                return future

        executor = Inline(1)
        asyncio.get_running_loop().set_default_executor(executor)
        task = asyncio.create_task(arun(steps()))
        with pytest.raises(asyncio.CancelledError):
            await task
        executor.shutdown()
        assert (["cancelled"] if more else ["ended"]) == seen


@contextlib.contextmanager
def counting_executor() -> Iterator[Callable[[], int]]:
    """Let the running loop use an executor that counts what it is given."""
    submitted: list[object] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            submitted.append(fn)
            return super().submit(fn, *args, **kwargs)

    executor = Counting(4)
    asyncio.get_running_loop().set_default_executor(executor)
    yield lambda: len(submitted)
    executor.shutdown()
