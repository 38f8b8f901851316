"""The guards of `tests/conftest.py`, which every other test leans on."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import threading
from collections.abc import Callable

import pytest
from blockbuster import BlockingError

from warmgraph.steps import Io, Steps, arun


def test_leaving_the_machine_is_refused(refused_requests: list[str]) -> None:
    """A connection or a look-up elsewhere is refused and noted."""
    with socket.socket() as sock, pytest.raises(OSError, match="stay on this machine"):
        sock.connect(("192.0.2.1", 9))
    with pytest.raises(OSError, match="stay on this machine"):
        socket.getaddrinfo("example.org", 443)

    assert ["socket.connect: '192.0.2.1'", "socket.getaddrinfo: 'example.org'"] == refused_requests
    refused_requests.clear()


def test_other_threads_are_guarded_too(refused_requests: list[str]) -> None:
    """A background thread cannot leave the machine either."""
    errors: list[OSError] = []

    def connect() -> None:
        try:
            socket.create_connection(("2001:db8::1", 9))
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()

    assert 1 == len(errors) == len(refused_requests)
    refused_requests.clear()


def test_loopback_is_open() -> None:
    """A server that a test starts on this machine can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_no_key_reaches_a_test() -> None:
    """Keys of the person who runs the tests are gone from the environment, and tracing is off."""
    assert [] == [name for name in os.environ if name.endswith("_API_KEY")]
    assert "false" == os.environ["LANGSMITH_TRACING"]


async def test_blocking_a_loop_from_our_code_is_an_error() -> None:
    """SQLite on the event loop raises where warmgraph is on the stack."""
    with pytest.raises(BlockingError, match="sqlite3"):
        await arun(_steps(_query))


async def test_blocking_in_a_thread_is_fine() -> None:
    """The same call handed to a thread passes."""
    assert (1,) == await asyncio.to_thread(_query)


async def test_tests_may_block_their_own_loop() -> None:
    """A test that looks into a database file need not go through a thread."""
    assert (1,) == _query()


def _query() -> object:
    connection = sqlite3.connect(":memory:")
    try:
        return connection.execute("select 1").fetchone()
    finally:
        connection.close()


def _steps(call: Callable[[], object]) -> Steps[object]:
    async def on_the_loop() -> object:
        return call()

    answer = yield Io(call, on_the_loop)
    return answer
