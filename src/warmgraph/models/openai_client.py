"""An HTTP client for OpenAI's SDK that serves several event loops at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from typing import Any

import openai  # noqa: TID253 (this module is imported only where OpenAI is used)

__all__ = ["PerLoopClient"]


class PerLoopClient(openai.DefaultAsyncHttpxClient):
    """Keep one connection pool for each event loop.

    The SDK's client keeps its connections, and the locks around them, on the loop that opened them. Used from a
    second loop it fails with "Event loop is closed" or "is bound to a different event loop", and a server with
    isolated loops uses several. Here each loop has a client of its own, which is closed when the loop ends.

    Args:
        options: Passed on to the client of each loop, as `httpx.AsyncClient` takes them.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._options = options
        self._per_loop: dict[asyncio.AbstractEventLoop, AsyncGenerator[Any, None]] = {}
        self._clients: dict[asyncio.AbstractEventLoop, openai.DefaultAsyncHttpxClient] = {}
        self._clients_lock = threading.Lock()

    async def send(self, request: Any, **options: Any) -> Any:
        """Send a request over the connections of the running loop."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop) or await self._open(loop)
        return await client.send(request, **options)

    async def aclose(self) -> None:
        """Close the connections of the running loop; other loops keep theirs."""
        with self._clients_lock:
            opened = self._per_loop.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await opened.aclose()

    async def _open(self, loop: asyncio.AbstractEventLoop) -> Any:
        opened = self._until_the_loop_ends(loop)
        client = await anext(opened)
        with self._clients_lock:
            for ended in [one for one in self._per_loop if one.is_closed()]:
                del self._per_loop[ended]
                self._clients.pop(ended, None)
            self._per_loop[loop] = opened
            self._clients[loop] = client
        return client

    async def _until_the_loop_ends(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Any, None]:
        """Yield a client, and close it with the loop: a loop that shuts down closes its async generators."""
        client = openai.DefaultAsyncHttpxClient(**self._options)
        try:
            yield client
        finally:
            with self._clients_lock:
                self._clients.pop(loop, None)
            await client.aclose()
