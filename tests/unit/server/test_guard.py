"""What stands before all routes of a deployment."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from warmgraph.server.guard import Guard


def app(*, token: str | None = None, closed: bool = False) -> tuple[Starlette, list[str]]:
    refreshed: list[str] = []

    async def refresh() -> None:
        refreshed.append("now")

    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse("the answer")

    routes = [Route(path, answer, methods=["GET", "POST"]) for path in ("/metrics", "/internal/truncate", "/ok")]
    return Starlette(
        routes=routes, middleware=[Middleware(Guard, token=token, refresh=refresh, closed=closed)]
    ), refreshed


async def ask(starlette: Starlette, path: str, **headers: str) -> int:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(starlette), base_url="http://test") as client:
        return (await client.get(path, headers=headers)).status_code


async def test_figures_are_brought_up_to_date_before_they_are_read() -> None:
    """Once for each time that they are asked for, and for nothing else."""
    starlette, refreshed = app()
    assert [200, 200] == [await ask(starlette, "/metrics"), await ask(starlette, "/ok")]
    assert ["now"] == refreshed


@pytest.mark.parametrize("shown", ["", "Bearer wrong", "secret", "Basic secret"])
async def test_figures_need_their_token_where_there_is_one(shown: str) -> None:
    """Nothing is read for who does not know it."""
    starlette, refreshed = app(token="secret")
    assert 401 == await ask(starlette, "/metrics", authorization=shown)
    assert [] == refreshed
    assert 200 == await ask(starlette, "/metrics", authorization="Bearer secret")


async def test_internal_routes_are_nobodys_where_callers_are_known() -> None:
    """The development server would let anybody empty it."""
    assert [404, 200] == [await ask(app(closed=closed)[0], "/internal/truncate") for closed in (True, False)]
