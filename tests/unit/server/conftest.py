"""The inspector, asked over HTTP without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette

from warmgraph import WarmStore
from warmgraph.recall import ReceiptHub
from warmgraph.server.auth import AuthSettings
from warmgraph.server.inspector import DeploymentAccess, inspector_routes

ANA_KEY, BEA_KEY = "ana-key-0123456789", "bea-key-0123456789"


@pytest.fixture
def store() -> Iterator[WarmStore]:
    with WarmStore.open(":memory:") as store:
        store.put(("memories", "ana"), "home", {"kind": "Memory", "content": "I live in Lisbon."})
        store.put(("memories", "ana", "notes"), "1", {"content": "Buy a kettle."})
        store.put(("memories", "bea"), "safe", {"content": "My safe opens with heliotrope."})
        yield store


@pytest.fixture
def hub() -> ReceiptHub:
    return ReceiptHub()


class Asking:
    """Opens clients of an inspector."""

    def __init__(self, store: WarmStore, hub: ReceiptHub) -> None:
        self._store, self._hub = store, hub
        self._keys = AuthSettings.from_environment({"WARMGRAPH_API_KEYS": f"ana={ANA_KEY},bea={BEA_KEY}"})

    @asynccontextmanager
    async def client(self, key: str | None, *, protected: bool = True) -> AsyncIterator[httpx.AsyncClient]:
        access = DeploymentAccess(self._keys if protected else AuthSettings())
        app = Starlette(routes=inspector_routes(lambda: self._store, access, hub=self._hub))
        headers = {} if key is None else {"x-api-key": key}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test/inspector", headers=headers, follow_redirects=True
        ) as client:
            yield client


@pytest.fixture
def asking(store: WarmStore, hub: ReceiptHub) -> Asking:
    return Asking(store, hub)
