"""What is believed of an id token, and what is not."""

import time
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from console.web.access.openid import Provider
from console.web.access.providers import named
from worker.errors import ServiceError

ISSUER, APP, NONCE = "https://identity.example", "our-app", "of this sign-in"
ORG = "00D000000000hsSEAQ"
PROVIDER = Provider(
    way="salesforce",
    title="Salesforce",
    issuer=ISSUER,
    authorize=f"{ISSUER}/authorize",
    token=f"{ISSUER}/token",
    keys=f"{ISSUER}/keys",
    client_id=APP,
    client_secret="kept",
)


@cache
def key(name: str) -> RSAPrivateKey:
    """A private key of this name."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def published(name: str = "theirs") -> dict[str, Any]:
    """The service's key set."""
    return {"keys": [dict(RSAAlgorithm.to_jwk(key(name).public_key(), as_dict=True)) | {"kid": "1", "use": "sig"}]}


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims, but for the changes; None takes one away."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": APP, "sub": f"{ISSUER}/id/{ORG}/005", "iat": now, "exp": now + 120, "nonce": NONCE}
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(name: str = "theirs", kid: str = "1", **changes: Any) -> str:
    """An id token signed with the key of that name."""
    return jwt.encode(claims(**changes), key(name), algorithm="RS256", headers={"kid": kid})


def test_a_good_token_is_believed() -> None:
    assert PROVIDER.checked(token(), published(), NONCE)["sub"].endswith("/005")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://another.example"},
        {"aud": "another-app"},
        {"aud": [APP, "another-app"], "azp": "another-app"},
        {"exp": 1},
        {"iat": 9_999_999_999},
        {"nonce": "of another sign-in"},
        *({name: None} for name in ("iss", "aud", "exp", "iat", "sub", "nonce")),
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_now_is_not(changes: dict[str, Any]) -> None:
    with pytest.raises(ServiceError):
        PROVIDER.checked(token(**changes), published(), NONCE)


def test_a_token_signed_by_another_is_not() -> None:
    with pytest.raises(ServiceError, match="believed"):
        PROVIDER.checked(token("ours"), published("theirs"), NONCE)


def test_a_token_signed_with_a_key_that_is_not_published_is_not() -> None:
    with pytest.raises(ServiceError, match="unknown key"):
        PROVIDER.checked(token(kid="2"), published(), NONCE)


def test_a_token_without_signature_is_not() -> None:
    unsigned = jwt.encode(claims(), "", algorithm="none", headers={"kid": "1"})
    with pytest.raises(ServiceError, match="believed"):
        PROVIDER.checked(unsigned, published(), NONCE)


def test_the_public_key_is_no_shared_secret() -> None:
    forged = jwt.encode(claims(), published()["keys"][0]["n"], algorithm="HS256", headers={"kid": "1"})
    with pytest.raises(ServiceError, match="believed"):
        PROVIDER.checked(forged, published(), NONCE)


@pytest.mark.parametrize("text", ["", "a.b.c", "not a token"])
def test_what_is_no_token_is_not(text: str) -> None:
    with pytest.raises(ServiceError, match="believed"):
        PROVIDER.checked(text, published(), NONCE)


@pytest.mark.parametrize(
    "told",
    [
        {"organization_id": "00D000000000099EAA"},
        {"sub": "https://x/id/00D000000000099EAA/005"},
        {"sub": "somebody"},
        {"organization_id": None},
        {"active": False},
        {"preferred_username": None},
        {"user_id": None},
    ],
    ids=str,
)
def test_somebody_of_another_org_or_without_a_name_is_nobody(told: dict[str, Any]) -> None:
    who = {"preferred_username": "ada@example.com", "user_id": "005", "organization_id": ORG, "active": True}
    assert named(PROVIDER, claims() | who, ORG[:15]).name == "ada@example.com"
    with pytest.raises(ServiceError):
        named(PROVIDER, claims() | who | told, ORG)


def test_a_secret_shows_in_no_representation() -> None:
    assert "kept" not in repr(PROVIDER)
