"""Who looks at the page, and what they may see."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from warmgraph.server.auth import Authenticator, AuthSettings, NotYoursError, OwnNamespaces
from warmgraph.store.namespaces import RESERVED_ROOTS

__all__ = ["Access", "DeploymentAccess", "TokenAccess", "Viewer"]

Namespace: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who looks at the page.

    Args:
        user: Their id; `None` for somebody who may see all there is.
        own: Which namespaces are a user's.
    """

    user: str | None = None
    own: OwnNamespaces = field(default_factory=OwnNamespaces)

    @property
    def prefixes(self) -> list[Namespace]:
        """Where what they may see begins."""
        return [()] if self.user is None else self.own.prefixes(self.user)

    def sees(self, namespace: Namespace | None) -> bool:
        """Whether they may see a namespace; what names none is for those alone who see all."""
        if self.user is None:
            return namespace is None or not namespace or namespace[0] not in RESERVED_ROOTS
        return namespace is not None and self.own.owns(self.user, namespace)

    def check(self, namespace: Namespace) -> None:
        """Refuse a namespace that they may not see.

        Raises:
            NotYoursError: They may not.
        """
        if not namespace or not self.sees(namespace):
            raise NotYoursError("this namespace is not yours")


class Access(Protocol):
    """Tells who looks."""

    def viewer(self, headers: Mapping[str, str]) -> Viewer | None:
        """Return who sent a request with these headers (names in lower case); `None` for nobody who may."""
        ...


class DeploymentAccess:
    """Access as the deployment has it: by key or token, or open to all where it is open.

    Args:
        settings: Who may call; read from the environment by default.
        own: Which namespaces are a user's.

    Example:
        >>> DeploymentAccess(AuthSettings()).viewer({}).prefixes
        [()]
    """

    def __init__(self, settings: AuthSettings | None = None, own: OwnNamespaces | None = None) -> None:
        settings = AuthSettings.from_environment() if settings is None else settings
        self._authenticator = Authenticator(settings) if settings.enabled else None
        self._own = own or OwnNamespaces()

    def viewer(self, headers: Mapping[str, str]) -> Viewer | None:
        """Return who sent a request."""
        if self._authenticator is None:
            return Viewer(None, self._own)
        user = self._authenticator.identify(headers)
        return None if user is None else Viewer(user, self._own)


class TokenAccess:
    """Access to everything for whoever has the token, on one address of this machine alone.

    The address is compared because any page in a browser can send requests here: under a name of its own that it lets
    point to this machine, too.

    Args:
        token: The token.
        hosts: Values of the `Host` header that are ours.

    Example:
        >>> access = TokenAccess("secret", ("127.0.0.1:8000",))
        >>> access.viewer({"host": "127.0.0.1:8000", "authorization": "Bearer secret"}) is None
        False
        >>> access.viewer({"host": "evil.example:8000", "authorization": "Bearer secret"}) is None
        True
    """

    def __init__(self, token: str, hosts: tuple[str, ...]) -> None:
        self._expected = f"Bearer {token}".encode()
        self._hosts = hosts

    def viewer(self, headers: Mapping[str, str]) -> Viewer | None:
        """Return who sent a request."""
        shown = headers.get("authorization", "").encode("utf-8", "replace")
        known = hmac.compare_digest(shown, self._expected)
        return Viewer() if known and headers.get("host") in self._hosts else None
