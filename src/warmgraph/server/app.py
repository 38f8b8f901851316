"""What a deployment serves besides LangGraph's own routes: the inspector, and figures for Prometheus."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warmgraph.errors import MissingDependencyError
from warmgraph.server.auth import AuthSettings, OwnNamespaces
from warmgraph.server.process_store import process_store

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["create_app"]


def create_app(settings: AuthSettings | None = None, *, own: OwnNamespaces | None = None) -> Starlette:
    """Make what `http.app` of langgraph.json names.

    `/inspector` is the page. `/metrics` is the server's own, and shows our figures beside it; with
    `WARMGRAPH_METRICS_TOKEN` set it needs that as a bearer token.

    Args:
        settings: Who may call; read from the environment by default, as `create_auth` does.
        own: Which namespaces are a user's.

    Raises:
        InvalidArgumentError: The environment is not what it has to be.
        MissingDependencyError: The extra `server` is not installed.

    Example:
        >>> [route.path for route in create_app(AuthSettings()).routes][0]
        '/inspector'
    """
    try:
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
    except ImportError:
        raise MissingDependencyError("starlette", extra="server") from None
    from warmgraph.server.guard import Guard
    from warmgraph.server.inspector import DeploymentAccess, inspector_routes
    from warmgraph.server.logs import configure_logs
    from warmgraph.server.metrics import register_metrics

    settings = AuthSettings.from_environment() if settings is None else settings
    configure_logs()
    metrics = register_metrics(process_store)
    token = os.environ.get("WARMGRAPH_METRICS_TOKEN") or None
    guard = Middleware(Guard, token=token, refresh=metrics.refresh, closed=settings.enabled)
    return Starlette(routes=inspector_routes(process_store, DeploymentAccess(settings, own)), middleware=[guard])
