"""What stands before all routes of a deployment."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Guard"]

METRICS = "/metrics"
INTERNAL = ("/internal/", "/deploy")
"""Routes that LangGraph's in-memory runtime answers to everybody: one of them empties the server."""


class Guard:
    """Brings the figures up to date before they are read, asks for a token first, and hides internal routes.

    LangGraph's server answers `/metrics` itself, before any route of ours and without authentication.

    Args:
        app: What it stands before.
        token: The token that `/metrics` needs; `None` for none.
        refresh: Brings the figures up to date.
        closed: Whether callers have to prove who they are, and internal routes are nobody's.
    """

    def __init__(
        self, app: ASGIApp, *, token: str | None, refresh: Callable[[], Awaitable[None]], closed: bool
    ) -> None:
        self._app, self._refresh, self._closed = app, refresh, closed
        self._expected = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "http":
            from starlette.responses import JSONResponse

            path = scope["path"]
            if path == METRICS:
                if not self._may_read(scope):
                    await JSONResponse({"detail": "the token for metrics is needed"}, 401)(scope, receive, send)
                    return
                await self._refresh()
            elif self._closed and path.startswith(INTERNAL):
                await JSONResponse({"detail": "Not Found"}, 404)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _may_read(self, scope: Scope) -> bool:
        if self._expected is None:
            return True
        shown = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(shown, self._expected)
