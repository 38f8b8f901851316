"""Who may call, as the environment says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from warmgraph.errors import InvalidArgumentError
from warmgraph.server.auth import Authenticator, AuthSettings

KEY = "0123456789abcdef"
SECRET = "s" * 32


def test_keys_belong_to_users() -> None:
    """Pairs stand between commas or on lines; a key may hold "=", and may be given by its hash alone."""
    hashed = hashlib.sha256(b"the key of carl").hexdigest()
    settings = AuthSettings.from_environment(
        {"WARMGRAPH_API_KEYS": f"ana={KEY}==, bea@example.org={KEY}\ncarl=sha256:{hashed}"}
    )
    keys = Authenticator(settings)
    shown = [f"{KEY}==", KEY, "the key of carl", hashed, f"sha256:{hashed}"]
    assert ["ana", "bea@example.org", "carl", None, None] == [keys.identify({"x-api-key": key}) for key in shown]


def test_secrets_may_lie_in_files(tmp_path: Path) -> None:
    """The variable with `_FILE` at its end names a file, as container platforms mount it."""
    (tmp_path / "keys").write_text(f"ana={KEY}\nbea={KEY}x\n")
    settings = AuthSettings.from_environment({"WARMGRAPH_API_KEYS_FILE": str(tmp_path / "keys")})
    assert "bea" == Authenticator(settings).identify({"authorization": f"Bearer {KEY}x"})


@pytest.mark.parametrize(
    ("environment", "argument"),
    [
        ({"WARMGRAPH_API_KEYS": "ana"}, "WARMGRAPH_API_KEYS, entry 1"),
        ({"WARMGRAPH_API_KEYS": f"ana={KEY},=abcdef0123456789x"}, "WARMGRAPH_API_KEYS, entry 2"),
        ({"WARMGRAPH_API_KEYS": "ana=guessable"}, "WARMGRAPH_API_KEYS, entry 1"),
        ({"WARMGRAPH_API_KEYS": "ana=sha256:guessable-guessable"}, "WARMGRAPH_API_KEYS, entry 1"),
        ({"WARMGRAPH_API_KEYS": f"ana={KEY},bea={KEY}"}, "WARMGRAPH_API_KEYS, entry 2"),
        ({"WARMGRAPH_API_KEYS": f"ana={KEY}", "WARMGRAPH_API_KEYS_FILE": "keys"}, "WARMGRAPH_API_KEYS"),
        ({"WARMGRAPH_API_KEYS_FILE": "no/such/file"}, "WARMGRAPH_API_KEYS_FILE"),
        ({"WARMGRAPH_JWT_SECRET": "guessable", "WARMGRAPH_JWT_AUDIENCE": "us"}, "WARMGRAPH_JWT_SECRET"),
        ({"WARMGRAPH_JWT_SECRET": SECRET}, "WARMGRAPH_JWT_AUDIENCE"),
        ({"WARMGRAPH_JWT_PUBLIC_KEY": SECRET, "WARMGRAPH_JWT_AUDIENCE": "us"}, "WARMGRAPH_JWT_PUBLIC_KEY"),
        ({"WARMGRAPH_ENV": "production"}, "WARMGRAPH_ENV"),
        ({"WARMGRAPH_ENV": "prod", "WARMGRAPH_API_KEYS": f"ana={KEY}"}, "WARMGRAPH_ENV"),
    ],
)
def test_what_is_not_right_is_refused_without_telling_secrets(environment: dict[str, str], argument: str) -> None:
    """The message names the variable, and quotes nothing that could be a secret."""
    with pytest.raises(InvalidArgumentError) as refused:
        AuthSettings.from_environment(environment)
    assert argument == refused.value.argument
    for name, value in environment.items():
        if "ENV" not in name and "FILE" not in name:
            assert value not in str(refused.value)
    assert "guessable" not in str(refused.value)


def test_settings_show_no_secret() -> None:
    """Nobody who prints them, or logs them, tells one."""
    settings = AuthSettings.from_environment(
        {"WARMGRAPH_API_KEYS": f"ana={KEY}", "WARMGRAPH_JWT_SECRET": SECRET, "WARMGRAPH_JWT_AUDIENCE": "us"}
    )
    assert SECRET not in repr(settings)
    assert hashlib.sha256(KEY.encode()).hexdigest() not in repr(settings)
