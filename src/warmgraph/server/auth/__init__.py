"""Who calls, and what is theirs: API keys, tokens, and handlers that keep every caller to their own."""

from __future__ import annotations

from warmgraph.server.auth.authenticator import Authenticator
from warmgraph.server.auth.handlers import create_auth
from warmgraph.server.auth.ownership import NotYoursError, OwnNamespaces
from warmgraph.server.auth.settings import AuthSettings

__all__ = ["AuthSettings", "Authenticator", "NotYoursError", "OwnNamespaces", "create_auth"]
