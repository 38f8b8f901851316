"""How callers prove who they are, read from the environment."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from warmgraph.errors import InvalidArgumentError

__all__ = ["AuthSettings"]

LEAST_KEY = 16
"""Characters of an API key: fewer can be guessed."""

LEAST_SECRET = 32
"""Bytes of a secret for HS256, as long as its hash (RFC 7518, 3.2)."""

_HASHED = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Who may call a deployment, and how they prove it. No value of it is ever printed.

    Attributes:
        keys: Users by the SHA-256 of their API key, in hex.
        secret: Secret of HS256 tokens.
        public_key: PEM key of RS256 tokens.
        audience: Who tokens have to be meant for.
        issuer: Who has to have issued them; `None` for anybody with the key.
        user_claim: The claim that names the user.
        production: Whether this is no place for an open door.
    """

    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: str | None = field(default=None, repr=False)
    public_key: str | None = field(default=None, repr=False)
    audience: str | None = None
    issuer: str | None = None
    user_claim: str = "sub"
    production: bool = False

    @property
    def enabled(self) -> bool:
        """Whether callers have to prove who they are."""
        return bool(self.keys) or self.secret is not None or self.public_key is not None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings; a secret may also lie in the file that the variable with `_FILE` at its end names.

        Args:
            environment: The variables; those of the process by default.

        Raises:
            InvalidArgumentError: A variable is not what it has to be, or nothing protects a production deployment.

        Example:
            >>> AuthSettings.from_environment({}).enabled
            False
            >>> AuthSettings.from_environment({"WARMGRAPH_API_KEYS": "ana=0123456789abcdef"}).enabled
            True
        """
        given = os.environ if environment is None else environment
        found = cls(
            keys=_keys(_secret(given, "WARMGRAPH_API_KEYS")),
            secret=_secret(given, "WARMGRAPH_JWT_SECRET"),
            public_key=_secret(given, "WARMGRAPH_JWT_PUBLIC_KEY"),
            audience=given.get("WARMGRAPH_JWT_AUDIENCE") or None,
            issuer=given.get("WARMGRAPH_JWT_ISSUER") or None,
            user_claim=given.get("WARMGRAPH_JWT_USER_CLAIM") or "sub",
            production=_is_production(given.get("WARMGRAPH_ENV")),
        )
        found._check()
        return found

    def _check(self) -> None:
        if self.secret is not None and len(self.secret.encode()) < LEAST_SECRET:
            raise InvalidArgumentError(
                "WARMGRAPH_JWT_SECRET", expected=f"at least {LEAST_SECRET} bytes", got=_Withheld(self.secret)
            )
        if self.public_key is not None and "PUBLIC KEY" not in self.public_key:
            raise InvalidArgumentError(
                "WARMGRAPH_JWT_PUBLIC_KEY", expected="a public key in PEM form", got=_Withheld(self.public_key)
            )
        if (self.secret or self.public_key) and self.audience is None:
            # Else a token that the same issuer gave out for any other service would open this one.
            raise InvalidArgumentError(
                "WARMGRAPH_JWT_AUDIENCE", expected="the audience that tokens for this deployment name", got=None
            )
        if self.production and not self.enabled:
            raise InvalidArgumentError(
                "WARMGRAPH_ENV",
                expected="WARMGRAPH_API_KEYS, WARMGRAPH_JWT_SECRET or WARMGRAPH_JWT_PUBLIC_KEY beside 'production'",
                got="production without authentication",
            )


class _Withheld:
    """Stands for a secret in a message."""

    def __init__(self, secret: str) -> None:
        self._size = len(secret)

    def __repr__(self) -> str:
        return f"{self._size} characters"


def _secret(environment: Mapping[str, str], name: str) -> str | None:
    value, path = environment.get(name), environment.get(f"{name}_FILE")
    if value and path:
        raise InvalidArgumentError(name, expected=f"it or {name}_FILE, not both", got=_Withheld(value))
    if path:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidArgumentError(
                f"{name}_FILE", expected="a text file that can be read", got=type(error).__name__
            ) from None
    # Where variables take one line, a PEM key has its line ends written out.
    return value.replace("\\n", "\n") if value else None


def _keys(text: str | None) -> dict[str, str]:
    """Read `user=key` pairs, separated by commas or line ends."""
    keys: dict[str, str] = {}
    for number, pair in enumerate(filter(None, (part.strip() for part in re.split(r"[,\n]", text or ""))), start=1):
        user, _, key = (part.strip() for part in pair.partition("="))
        argument = f"WARMGRAPH_API_KEYS, entry {number}"
        if not user or not key:
            raise InvalidArgumentError(argument, expected="user=key", got=_Withheld(pair))
        if not key.startswith("sha256:") and len(key) < LEAST_KEY:
            raise InvalidArgumentError(
                argument, expected=f"a key of at least {LEAST_KEY} characters", got=_Withheld(key)
            )
        if key.startswith("sha256:") and not _HASHED.fullmatch(key):
            raise InvalidArgumentError(argument, expected="sha256: and 64 hex digits", got=_Withheld(key))
        hashed = key.removeprefix("sha256:") if _HASHED.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()
        if keys.setdefault(hashed, user) != user:
            raise InvalidArgumentError(argument, expected="a key of its own for each user", got=_Withheld(key))
    return keys


def _is_production(name: str | None) -> bool:
    if name not in (None, "", "development", "production"):
        # A misspelt "production" must not open the door.
        raise InvalidArgumentError("WARMGRAPH_ENV", expected="'production' or 'development'", got=name)
    return name == "production"
