"""The inspector over HTTP: one page without data, and what it asks for."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from warmgraph.errors import InvalidArgumentError, WarmGraphError
from warmgraph.recall import ReceiptHub, receipts
from warmgraph.server.auth import NotYoursError
from warmgraph.server.inspector.access import Access, Viewer
from warmgraph.server.inspector.figures import figures_of
from warmgraph.server.inspector.memories import Memories
from warmgraph.server.inspector.projection import MOST, project, project_words
from warmgraph.server.inspector.streaming import receipt_events
from warmgraph.store import RoutedStore, WarmStore
from warmgraph.store.records import leaf_texts

__all__ = ["inspector_routes"]

Answer: TypeAlias = Callable[[Request, Viewer, Memories], Awaitable[Any]]
GetStore: TypeAlias = Callable[[], BaseStore]

STREAMS = 100
MOST_BODY = 1 << 20
_SAFE = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def inspector_routes(
    store: GetStore, access: Access, *, prefix: str = "/inspector", hub: ReceiptHub = receipts
) -> list[BaseRoute]:
    """Return the routes of the inspector: the page at `prefix`, and what it asks for below.

    The page itself holds no data, so it is given to everybody; each request for data says who asks.

    Args:
        store: Returns the store; called in a thread, since it may open a file.
        access: Tells who asks.
        prefix: Where the page is.
        hub: The receipts to show.

    Example:
        >>> from warmgraph.server.inspector import TokenAccess
        >>> routes = inspector_routes(WarmStore, TokenAccess("secret", ("127.0.0.1:8000",)))
        >>> routes[0].path
        '/inspector'
    """
    server = _Server(store, access, hub)
    answers: list[tuple[str, str, Answer]] = [
        ("GET", "me", _me),
        ("GET", "namespaces", _namespaces),
        ("GET", "memories", _memories),
        ("GET", "recall", _recall),
        ("GET", "memory", _memory),
        ("PUT", "memory", _edit),
        ("POST", "undo", _undo),
        ("DELETE", "memory", _forget),
        ("GET", "figures", server.figures),
        ("GET", "map", _map),
        ("GET", "receipts", server.stream),
    ]
    data = [
        Route(f"{prefix}/api/{name}", server.answering(answer), methods=[method], include_in_schema=False)
        for method, name, answer in answers
    ]
    return [Route(prefix, _page, methods=["GET"], include_in_schema=False), *data]


class _Server:
    """Answers requests: who asks, whether they may, and errors as JSON."""

    def __init__(self, store: GetStore, access: Access, hub: ReceiptHub) -> None:
        self._store, self._access, self._hub = store, access, hub

    def answering(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            # A browser says where a request comes from; pages of other sites have no business here.
            if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                return _refusal(403, "this page answers itself alone")
            viewer = self._access.viewer({name.lower(): value for name, value in request.headers.items()})
            if viewer is None:
                return _refusal(401, "an API key or a token is needed")
            try:
                memories = Memories(await asyncio.to_thread(self._store))
                found = await answer(request, viewer, memories)
            except NotYoursError as error:
                return _refusal(403, str(error))
            except InvalidArgumentError as error:
                return _refusal(422, f"{error.argument}: expected {error.expected}")
            except WarmGraphError as error:
                return _refusal(503, f"memory failed with {type(error).__name__}")
            return found if isinstance(found, Response) else JSONResponse(found, headers=_SAFE)

        return handle

    async def figures(self, request: Request, viewer: Viewer, memories: Memories) -> Any:
        minutes = _number(request, "minutes", 15, 1, 24 * 60)
        own = [noted for noted in self._hub.latest() if viewer.sees(noted.namespace)]
        found = figures_of(own, now=memories.now(), minutes=minutes)
        # Figures of the whole store tell of others; they are for those who may see all.
        store = await asyncio.to_thread(_stats, memories.store) if viewer.user is None else None
        return {**found, "store": store}

    async def stream(self, request: Request, viewer: Viewer, memories: Memories) -> Response:
        if self._hub.listeners >= STREAMS:
            return _refusal(503, "too many receipts are being watched")
        return StreamingResponse(receipt_events(self._hub, viewer), media_type="text/event-stream", headers=_SAFE)


async def _page(request: Request) -> Response:
    html, policy = await asyncio.to_thread(_read_page)
    return Response(html, media_type="text/html", headers={**_SAFE, "content-security-policy": policy})


@lru_cache(maxsize=1)
def _read_page() -> tuple[str, str]:
    """Return the page, and the policy that lets it run its own script and style and nothing else."""
    html = files("warmgraph.server.inspector").joinpath("page.html").read_text(encoding="utf-8")
    hashes = {
        tag: " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'"
            for body in re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        )
        for tag in ("script", "style")
    }
    policy = (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html, policy


async def _me(request: Request, viewer: Viewer, memories: Memories) -> Any:
    return {"user": viewer.user, "warm": isinstance(memories.store, WarmStore), "store": type(memories.store).__name__}


async def _namespaces(request: Request, viewer: Viewer, memories: Memories) -> Any:
    return await memories.namespaces(viewer)


async def _memories(request: Request, viewer: Viewer, memories: Memories) -> Any:
    offset = _number(request, "offset", 0, 0, 10_000_000)
    return await memories.page(viewer, _namespace(request), offset=offset, limit=_number(request, "limit", 50, 1, 200))


async def _recall(request: Request, viewer: Viewer, memories: Memories) -> Any:
    return await memories.recall(viewer, _namespace(request), _text(request, "query"))


async def _memory(request: Request, viewer: Viewer, memories: Memories) -> Any:
    found = await memories.memory(viewer, _namespace(request), _text(request, "key"))
    return _refusal(404, "there is no such memory") if found is None else found


async def _edit(request: Request, viewer: Viewer, memories: Memories) -> Any:
    body = await _body(request)
    namespace, key = _place(body)
    became = await memories.edit(viewer, namespace, key, body.get("content"), body.get("base"))
    return _refusal(404, "there is no such memory") if became == "rejected" else {"became": became}


async def _undo(request: Request, viewer: Viewer, memories: Memories) -> Any:
    return {"undone": await memories.undo(viewer, *_place(await _body(request)))}


async def _forget(request: Request, viewer: Viewer, memories: Memories) -> Any:
    await memories.forget(viewer, *_place(await _body(request)))
    return {"forgotten": True}


async def _map(request: Request, viewer: Viewer, memories: Memories) -> Any:
    namespace, query = _namespace(request), request.query_params.get("query", "")[:4_000]
    viewer.check(namespace)
    index = await asyncio.to_thread(memories.index_of, namespace)
    if index is not None:
        store = memories.store.long_term if isinstance(memories.store, WarmStore) else memories.store
        embedder = store.embedder if isinstance(store, RoutedStore) else None
        asked = await embedder.aembed_query(query) if embedder is not None and query and index.vectors else None
        found = await asyncio.to_thread(project, index, asked)
        if found.kind != "nothing":
            return asdict(found)
    items = await memories.store.asearch(namespace, limit=MOST, refresh_ttl=False)
    own = [item for item in items if tuple(item.namespace) == namespace]
    texts = [" ".join(leaf_texts(item.value.get("content", item.value)))[:2_000] for item in own]
    return asdict(await asyncio.to_thread(project_words, [item.key for item in own], texts, query))


def _stats(store: BaseStore) -> Any:
    if not isinstance(store, WarmStore):
        return None
    behind = store.long_term.stats() if isinstance(store.long_term, RoutedStore) else None
    return {"warm": asdict(store.stats()), "long_term": None if behind is None else asdict(behind)}


def _refusal(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers=_SAFE)


def _text(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    if not value.strip():
        raise InvalidArgumentError(name, expected="a text", got=value)
    return value


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not given.isdecimal() or not least <= int(given[:20]) <= most:
        raise InvalidArgumentError(name, expected=f"an integer from {least} to {most}", got=given)
    return int(given)


def _namespace(request: Request) -> tuple[str, ...]:
    # Labels hold no period, so it parts them, as in the store's own URLs.
    return _checked(request.query_params.get("namespace", "").split("."))


def _place(body: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    key = body.get("key")
    if not isinstance(key, str) or not key:
        raise InvalidArgumentError("key", expected="a text", got=key)
    return _checked(body.get("namespace")), key


def _checked(labels: Any) -> tuple[str, ...]:
    if not isinstance(labels, list) or not all(isinstance(each, str) and each and "." not in each for each in labels):
        raise InvalidArgumentError("namespace", expected="a list of labels without periods", got=labels)
    return tuple(labels)


async def _body(request: Request) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise InvalidArgumentError("content-type", expected="application/json", got=request.headers.get("content-type"))
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MOST_BODY:
            raise InvalidArgumentError("body", expected=f"at most {MOST_BODY} bytes", got=len(received))
    try:
        body = json.loads(received)
    except ValueError:
        raise InvalidArgumentError("body", expected="JSON", got=f"{len(received)} bytes") from None
    if not isinstance(body, dict):
        raise InvalidArgumentError("body", expected="a JSON object", got=type(body))
    return body
