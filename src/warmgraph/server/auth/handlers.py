"""The handlers that a LangGraph server asks before it does anything for anybody."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from langgraph_sdk import Auth

from warmgraph.server.auth.authenticator import Authenticator
from warmgraph.server.auth.ownership import NotYoursError, OwnNamespaces
from warmgraph.server.auth.settings import AuthSettings

__all__ = ["create_auth"]

_logger = logging.getLogger(__name__)

OPEN = (
    "AUTHENTICATION IS OFF: whoever reaches this server can read and write every memory of everybody. That is meant for"
    " local development. WARMGRAPH_API_KEYS or WARMGRAPH_JWT_SECRET switches it on; WARMGRAPH_ENV=production refuses"
    " to start without."
)


def create_auth(
    settings: AuthSettings | None = None, *, namespaces: Sequence[str | Sequence[str]] = (("memories", "{user_id}"),)
) -> Auth:
    """Make what `auth.path` of langgraph.json names.

    With authentication on, every thread, run, assistant, cron and store operation is limited to what the caller owns:
    threads, assistants and crons carry an owner that no request can set, and store operations stay below the caller's
    own namespaces. An operation that nobody thought of is refused. With it off everything is open, and the log says so.

    Args:
        settings: Who may call; read from the environment by default.
        namespaces: Templates of a user's own namespaces; see `OwnNamespaces`.

    Raises:
        InvalidArgumentError: The environment is not what it has to be, or nothing protects a production deployment.
        MissingDependencyError: Tokens are configured, and PyJWT is not installed.

    Example:
        >>> create_auth(AuthSettings.from_environment({"WARMGRAPH_API_KEYS": "ana=0123456789abcdef"}))
        <langgraph_sdk.auth.Auth object at ...>
    """
    settings = AuthSettings.from_environment() if settings is None else settings
    auth = Auth()
    if not settings.enabled:
        _logger.warning(OPEN)
        _open(auth)
        return auth
    authenticator = Authenticator(settings)

    @auth.authenticate
    async def authenticate(headers: dict[bytes, bytes]) -> Auth.types.MinimalUserDict:
        named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers.items()}
        user = authenticator.identify(named)
        if user is None:
            raise Auth.exceptions.HTTPException(status_code=401, detail="an API key or a token of a user is needed")
        return {"identity": user, "display_name": user, "is_authenticated": True}

    @auth.on
    async def refuse(ctx: Auth.types.AuthContext, value: Any) -> bool:
        return False

    _limit_to_owner(auth)
    _limit_store(auth, OwnNamespaces(namespaces))
    return auth


def _open(auth: Auth) -> None:
    @auth.authenticate
    async def authenticate() -> Auth.types.MinimalUserDict:
        # An empty identity is nobody's: whose memory a run uses is then up to its context.
        return {"identity": "", "display_name": "", "is_authenticated": False}


def _limit_to_owner(auth: Auth) -> None:
    """Give what a caller makes an owner, and let callers see only their own."""

    async def own(ctx: Auth.types.AuthContext, value: Any) -> dict[str, str]:
        _mark(ctx, value)
        return _mine(ctx)

    async def usable(ctx: Auth.types.AuthContext, value: Any) -> dict[str, Any]:
        # Those that the server makes of the graphs are for everybody, and nobody can make one that passes for them.
        return {"$or": [_mine(ctx), {"created_by": "system"}]}

    # Each decorator wants the type of one operation; these handlers take what all of them have.
    anyhow: Any = auth.on
    assistants = anyhow.assistants
    for decorate in (anyhow.threads, anyhow.crons, assistants.create, assistants.update, assistants.delete):
        decorate(own)
    for decorate in (assistants.read, assistants.search):
        decorate(usable)


def _mine(ctx: Auth.types.AuthContext) -> dict[str, str]:
    return {"owner": ctx.user.identity}


def _mark(ctx: Auth.types.AuthContext, value: Any) -> None:
    """Write the owner over whatever the request says."""
    metadata = value.get("metadata")
    if ctx.action in ("create", "create_run") and metadata is None:
        metadata = value["metadata"] = {}
    if metadata is not None and ctx.action not in ("search", "read", "delete"):
        metadata["owner"] = ctx.user.identity
        if ctx.resource == "assistants":
            metadata.pop("created_by", None)


def _limit_store(auth: Auth, own: OwnNamespaces) -> None:
    @auth.on.store
    async def store(ctx: Auth.types.AuthContext, value: Any) -> None:
        user, namespace = ctx.user.identity, tuple(value.get("namespace") or ())
        try:
            if ctx.action == "search":
                value["namespace"] = own.narrowed(user, namespace)
            elif ctx.action == "list_namespaces":
                value["namespace"] = own.narrowed(user, namespace, wildcards=True)
            else:
                own.check(user, namespace)
        except NotYoursError as error:
            raise Auth.exceptions.HTTPException(status_code=403, detail=str(error)) from None
