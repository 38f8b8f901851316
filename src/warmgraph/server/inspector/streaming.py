"""Receipts as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

from warmgraph.recall import NotedReceipt, ReceiptHub
from warmgraph.server.inspector.access import Viewer

__all__ = ["receipt_events"]

BACKLOG = 50
WAITING = 500
HEARTBEAT_SECONDS = 15.0


async def receipt_events(hub: ReceiptHub, viewer: Viewer) -> AsyncGenerator[str, None]:
    """Yield the receipts that somebody may see, as events: the last ones first, and then those that come.

    Who reads too slowly misses some, and nobody waits for them. A comment now and then keeps the connection open.

    Args:
        hub: The receipts.
        viewer: Who reads.
    """
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[NotedReceipt](WAITING)

    def put(noted: NotedReceipt) -> None:
        if not waiting.full():
            waiting.put_nowait(noted)

    def hear(noted: NotedReceipt) -> None:
        if viewer.sees(noted.namespace):
            loop.call_soon_threadsafe(put, noted)

    end = hub.subscribe(hear)
    try:
        last = 0
        yield ": receipts\n\n"
        for noted in [each for each in hub.latest() if viewer.sees(each.namespace)][-BACKLOG:]:
            last = noted.number
            yield _event(noted)
        while True:
            try:
                noted = await asyncio.wait_for(waiting.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if noted.number > last:
                last = noted.number
                yield _event(noted)
    finally:
        end()


def _event(noted: NotedReceipt) -> str:
    told = {"number": noted.number, "at": noted.at, **noted.event}
    return f"id: {noted.number}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n"
