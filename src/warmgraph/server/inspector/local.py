"""The inspector for a file on this machine, without a deployment."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from warmgraph.errors import InvalidArgumentError, MissingDependencyError
from warmgraph.server.process_store import default_index
from warmgraph.store import WarmStore, inspect_file

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["create_local_app", "serve_file"]

HOST = "127.0.0.1"


def create_local_app(store: WarmStore, token: str, hosts: tuple[str, ...]) -> Starlette:
    """Make the app that shows a store to whoever has the token.

    Args:
        store: The store.
        token: The token.
        hosts: Values of the `Host` header that are ours.

    Raises:
        MissingDependencyError: The extra `server` is not installed.
    """
    try:
        from starlette.applications import Starlette
    except ImportError:
        raise MissingDependencyError("starlette", extra="server") from None
    from warmgraph.server.inspector.access import TokenAccess
    from warmgraph.server.inspector.routes import inspector_routes

    return Starlette(routes=inspector_routes(lambda: store, TokenAccess(token, hosts), prefix="/inspector"))


def serve_file(path: str | os.PathLike[str], *, port: int = 0, announce: Callable[[str], object] = print) -> None:
    """Serve the inspector of a file on loopback, until Ctrl-C.

    The address holds a token, behind the `#`, which browsers keep to themselves. Other pages in the same browser do not
    know it, and requests under another name than the address's are refused.

    Args:
        path: The file. It may be in use.
        port: The port; 0 for one that is free.
        announce: Told the address.

    Raises:
        StoreUnavailableError, StoreCorruptError, StoreVersionError: The file cannot be used.
        InvalidArgumentError: The port is none, or taken.
        MissingDependencyError: The extra `server` is not installed.
    """
    try:
        import uvicorn
    except ImportError:
        raise MissingDependencyError("uvicorn", extra="server") from None
    if not 0 <= port <= 65_535:
        raise InvalidArgumentError("port", expected="a number up to 65535", got=port)
    inspect_file(path, recent=0)  # a name that is mistyped must not make a new file
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            raise InvalidArgumentError("port", expected=f"one that is free: {error.strerror}", got=port) from None
        taken = listening.getsockname()[1]
        token = secrets.token_urlsafe(24)
        with WarmStore.open(path, index=default_index()) as store:
            app = create_local_app(store, token, (f"{HOST}:{taken}", f"localhost:{taken}"))
            config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
            announce(f"http://{HOST}:{taken}/inspector#token={token}")
            uvicorn.Server(config).run(sockets=[listening])
