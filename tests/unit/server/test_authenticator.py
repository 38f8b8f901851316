"""From a request's headers to who sent it."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from warmgraph.server.auth import Authenticator, AuthSettings

SECRET = "a secret for tests that is long enough"


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def public_pem(private_key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def claims(**given: Any) -> dict[str, Any]:
    now = int(time.time())
    found = {"sub": "ana", "aud": "warmgraph", "exp": now + 600, **given}
    return {name: value for name, value in found.items() if value is not None}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def with_settings(**environment: str) -> Authenticator:
    named = {f"WARMGRAPH_JWT_{name.upper()}": value for name, value in environment.items()}
    return Authenticator(AuthSettings.from_environment({"WARMGRAPH_JWT_AUDIENCE": "warmgraph", **named}))


def test_tokens_are_checked_with_the_secret() -> None:
    """HS256: the subject is the user, if secret, audience and expiry are right."""
    authenticator = with_settings(secret=SECRET)
    assert "ana" == authenticator.identify(bearer(jwt.encode(claims(), SECRET, "HS256")))
    assert "ana" == authenticator.identify(bearer(jwt.encode(claims(aud=["other", "warmgraph"]), SECRET, "HS256")))


def test_tokens_are_checked_with_the_public_key(private_key: rsa.RSAPrivateKey, public_pem: str) -> None:
    """RS256: the same, and the key may be written on one line."""
    token = jwt.encode(claims(), private_key, "RS256")
    assert "ana" == with_settings(public_key=public_pem).identify(bearer(token))
    assert "ana" == with_settings(public_key=public_pem.replace("\n", "\\n")).identify(bearer(token))


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": 4_000_000_000},
        {"aud": "other"},
        {"aud": None},
        {"sub": None},
        {"sub": " "},
        {"iss": "somebody"},
        {"iss": None},
    ],
    ids=str,
)
def test_a_token_that_lacks_anything_is_nobodys(changed: dict[str, Any]) -> None:
    """Expiry, audience, user and issuer all have to be there and right."""
    authenticator = with_settings(secret=SECRET, issuer="us")
    assert "ana" == authenticator.identify(bearer(jwt.encode(claims(iss="us"), SECRET, "HS256")))
    assert authenticator.identify(bearer(jwt.encode(claims(**{"iss": "us", **changed}), SECRET, "HS256"))) is None


def test_the_user_may_stand_in_another_claim() -> None:
    """As issuers do who put an opaque number into `sub`."""
    authenticator = with_settings(secret=SECRET, user_claim="email")
    token = jwt.encode(claims(email="ana@example.org"), SECRET, "HS256")
    assert "ana@example.org" == authenticator.identify(bearer(token))


def test_a_token_cannot_choose_its_algorithm(private_key: rsa.RSAPrivateKey, public_pem: str) -> None:
    """Unsigned, signed with the public key as a secret, or by an algorithm that is not configured: nobody's."""
    authenticator = with_settings(public_key=public_pem)
    forged = [
        jwt.encode(claims(), "", "none"),
        jwt.encode(claims(), SECRET, "HS256"),
        jwt.encode(claims(), private_key, "RS512"),
        _signed_with(public_pem, claims()),
    ]
    assert [None] * 4 == [authenticator.identify(bearer(token)) for token in forged]
    assert with_settings(secret=SECRET).identify(bearer(jwt.encode(claims(), private_key, "RS256"))) is None


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", "Bearer a.b.c", "Bearer ....", "Basic YTpi", "\x00", "é"])
def test_odd_credentials_are_nobodys(shown: str) -> None:
    """Whatever stands in the header, the answer is no, and not an error."""
    assert with_settings(secret=SECRET).identify({"authorization": shown}) is None


def _signed_with(secret: str, given: dict[str, Any]) -> str:
    """Sign as an attacker would, whose library does not refuse a public key as a secret."""
    import hashlib
    import hmac
    import json
    from base64 import urlsafe_b64encode

    def encoded(part: bytes) -> str:
        return urlsafe_b64encode(part).rstrip(b"=").decode()

    header = b'{"alg":"HS256","typ":"JWT"}'
    signed = f"{encoded(header)}.{encoded(json.dumps(given).encode())}"
    return f"{signed}.{encoded(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"
