"""What holds for every test: no request leaves the machine, and nothing blocks an event loop."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


# ------------------------------------------------------------------------------------------------ environment


def pytest_configure() -> None:
    """Take keys, settings and proxies of the person at the keyboard away from the tests and what they start."""
    for name in list(os.environ):
        upper = name.upper()
        if upper == "WARMGRAPH_DATA":  # says where a data set lies that some tests can use
            continue
        if upper.endswith(("_API_KEY", "_PROXY")) or upper.startswith(("WARMGRAPH_", "OPENAI_", "LANGCHAIN_")):
            del os.environ[name]
    os.environ["LANGSMITH_TRACING"] = "false"
    os.environ["LANGGRAPH_CLI_NO_ANALYTICS"] = "1"
    os.environ["LANGGRAPH_NO_VERSION_CHECK"] = "true"
    sys.addaudithook(_refuse_network)


# ---------------------------------------------------------------------------------------------------- network

_refused: list[str] = []


def _refuse_network(event: str, args: tuple[object, ...]) -> None:
    """Refuse what would leave the machine, on any thread and through any library."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        sock, address = args
        inet = isinstance(sock, socket.socket) and sock.family in (socket.AF_INET, socket.AF_INET6)
        if not inet or not isinstance(address, tuple):
            return
        host = address[0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    else:
        return
    if not _is_local(host):
        _refused.append(f"{event}: {host!r}")
        raise OSError(f"tests stay on this machine; refused {event} {host!r}")


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if not isinstance(host, str) or host in ("", "localhost"):
        return True  # None and "" stand for this machine
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(autouse=True)
def refused_requests() -> Iterator[list[str]]:
    """Fail a test that tried to leave the machine, even if its code handled the refusal."""
    _refused.clear()
    yield _refused
    assert [] == _refused


# ----------------------------------------------------------------------------------------------- event loops

# What the dev server lets pass as well, so that the tests and the server agree on what blocks.
_ALLOWED_ON_A_LOOP = (
    "os.listdir",
    "os.remove",
    "os.stat",
    "io.BufferedReader.read",
    "io.BufferedWriter.write",
    "io.TextIOWrapper.read",
    "io.TextIOWrapper.write",
    "threading.Lock.acquire",
)


@pytest.fixture(scope="session", autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """Raise `BlockingError` where code of ours blocks an event loop. Tests themselves may."""
    detector = BlockBuster(scanned_modules=["warmgraph"])
    for name in list(detector.functions):
        if name in _ALLOWED_ON_A_LOOP or name.startswith("os.path."):
            del detector.functions[name]
    detector.activate()
    yield
    detector.deactivate()
