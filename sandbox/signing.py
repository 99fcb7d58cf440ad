"""A service's key for id tokens: RSA, published as a JSON Web Key Set. Source: OpenID Connect Core, RFC 7517."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

BITS = 2048


@cache
def _private(service: str) -> RSAPrivateKey:
    """One key for each service and process, made when the first one is needed."""
    return generate_private_key(public_exponent=65537, key_size=BITS)


def key_id(service: str) -> str:
    """What tells the key from others."""
    return hashlib.sha256(json.dumps(_public(service), sort_keys=True).encode()).hexdigest()[:16]


def key_set(service: str) -> dict[str, Any]:
    """The published keys."""
    return {"keys": [_public(service) | {"kid": key_id(service), "use": "sig", "alg": "RS256"}]}


def signed(service: str, claims: Mapping[str, Any]) -> str:
    """An id token."""
    return jwt.encode(dict(claims), _private(service), algorithm="RS256", headers={"kid": key_id(service)})


def at_hash(access_token: str) -> str:
    """What ties an id token to the access token beside it (OpenID Connect Core, 3.1.3.6)."""
    return urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()[:16]).rstrip(b"=").decode()


def _public(service: str) -> dict[str, Any]:
    return dict(RSAAlgorithm.to_jwk(_private(service).public_key(), as_dict=True))
