"""From what a request carries to who sent it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from warmgraph.errors import MissingDependencyError
from warmgraph.server.auth.settings import AuthSettings

__all__ = ["Authenticator"]

LEEWAY_SECONDS = 10
"""How far clocks of issuer and server may differ."""


class Authenticator:
    """Tells who sent a request, by an API key or a token.

    Keys come as `x-api-key`, which LangGraph's clients send, or as `Authorization: Bearer`; tokens as the latter.
    Tokens need an expiry and the audience; their algorithm is that of the key which is configured, never the one they
    name themselves.

    Args:
        settings: Who may call.

    Raises:
        MissingDependencyError: Tokens are configured, and PyJWT is not installed.

    Example:
        >>> keys = AuthSettings.from_environment({"WARMGRAPH_API_KEYS": "ana=0123456789abcdef"})
        >>> Authenticator(keys).identify({"x-api-key": "0123456789abcdef"})
        'ana'
        >>> Authenticator(keys).identify({"x-api-key": "0123456789abcdeX"}) is None
        True
    """

    def __init__(self, settings: AuthSettings) -> None:
        self.settings: AuthSettings = settings
        self._keys: dict[str, Any] = {}
        if settings.secret is not None:
            self._keys["HS256"] = settings.secret
        if settings.public_key is not None:
            self._keys["RS256"] = settings.public_key
        if self._keys:
            try:
                import jwt  # noqa: F401
            except ImportError:
                raise MissingDependencyError("pyjwt", extra="server") from None

    def identify(self, headers: Mapping[str, str]) -> str | None:
        """Return the user of a request, or `None`: the caller is nobody.

        Args:
            headers: The headers, by name in lower case.
        """
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        bearer = bearer.strip() if scheme.lower() == "bearer" else ""
        shown = [credential for credential in (headers.get("x-api-key", ""), bearer) if credential]
        users = {self._user(credential) for credential in shown}
        # Two credentials have to be of one user: whoever checks only one of them must not be fooled by the other.
        return users.pop() if len(users) == 1 else None

    def _user(self, credential: str) -> str | None:
        found = self.settings.keys.get(hashlib.sha256(credential.encode()).hexdigest())
        if found is not None:
            return found
        return self._user_of_token(credential) if self._keys and credential.count(".") == 2 else None

    def _user_of_token(self, token: str) -> str | None:
        import jwt

        settings = self.settings
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
            if algorithm not in self._keys:
                return None
            claims = jwt.decode(
                token,
                self._keys[algorithm],
                algorithms=[algorithm],
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "aud", settings.user_claim]},
            )
        except (jwt.PyJWTError, ValueError, TypeError):  # whatever is wrong with it, it is nobody's
            return None
        user = claims[settings.user_claim]
        return user if isinstance(user, str) and user.strip() else None
