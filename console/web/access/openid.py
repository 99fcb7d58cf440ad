"""OpenID Connect: a service says who somebody is. Authorization code, `state`, `nonce`, PKCE where the service has it.

What comes back is believed only after the id token was checked: signed by the service's published keys (RS256), made by
it (`iss`), for our app (`aud`, `azp`), for this sign-in (`nonce`), and not over (OpenID Connect Core, 3.1.3.7).
"""

import hmac
from asyncio import timeout
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import jwt
from jwt.types import Options

from worker.errors import ServiceError
from worker.proxies import Request
from worker.store.consents import Consent
from worker.store.people import Way

DEADLINE = 15.0  # seconds for all calls of one sign-in
LEEWAY = 60  # seconds that the service's clock and ours may differ
_CHECKS: Options = {"require": ["iss", "sub", "aud", "exp", "iat"]}
AGAIN = "Sign in again."


@dataclass(frozen=True, slots=True)
class Provider:
    """A service that people sign in with, and our app at it. Addresses are absolute."""

    way: Way
    title: str
    issuer: str
    authorize: str
    token: str
    keys: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str = "openid profile email"
    pkce: bool = True
    userinfo: str = ""  # asked as well where the id token does not name the person

    def address(self, state: str, consent: Consent) -> str:
        """Where the browser goes to sign in."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": consent.redirect_uri,
            "scope": self.scopes,
            "state": state,
            "nonce": consent.nonce,
        }
        if self.pkce:
            query |= {"code_challenge": consent.challenge, "code_challenge_method": "S256"}
        return f"{self.authorize}?{urlencode(query)}"

    async def claims(self, code: str, consent: Consent) -> dict[str, Any]:
        """What the service says of the person whose sign-in gave this code.

        Raises `ServiceError` when it does not answer, or says what cannot be believed.
        """
        async with _http() as http:
            tokens = await self._exchanged(http, code, consent)
            keys = await _json(http, "GET", self.keys, self.title)
            claims = self.checked(str(tokens.get("id_token", "")), keys, consent.nonce)
            if not self.userinfo:
                return claims
            bearer = {"Authorization": f"Bearer {tokens.get('access_token', '')}"}
            told = await _json(http, "GET", self.userinfo, self.title, headers=bearer)
        if told.get("sub") != claims["sub"]:
            raise ServiceError(f"{self.title} speaks of two different people.", AGAIN)
        return told | claims

    def checked(self, id_token: str, keys: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of an id token. Raises `ServiceError` for one that cannot be believed."""
        try:
            claims: dict[str, Any] = jwt.decode(
                id_token,
                _key(keys, id_token),
                algorithms=["RS256"],
                audience=self.client_id,
                issuer=self.issuer,
                leeway=LEEWAY,
                options=_CHECKS,
            )
        except jwt.PyJWTError as error:
            raise ServiceError(f"The sign-in of {self.title} cannot be believed: {error}.", AGAIN) from None
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise ServiceError(f"The answer of {self.title} belongs to another sign-in.", AGAIN)
        if claims.get("azp", self.client_id) != self.client_id:
            raise ServiceError(f"The sign-in of {self.title} was made for another app.", AGAIN)
        return claims

    async def _exchanged(self, http: aiohttp.ClientSession, code: str, consent: Consent) -> dict[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": consent.redirect_uri}
        if self.pkce:
            form["code_verifier"] = consent.verifier
        basic = aiohttp.encode_basic_auth(self.client_id, self.client_secret)
        return await _json(http, "POST", self.token, self.title, data=form, headers={"Authorization": basic})


def _key(keys: Mapping[str, Any], id_token: str) -> jwt.PyJWK:
    """The published key that the token says it was signed with. Raises `jwt.PyJWTError`."""
    wanted = jwt.get_unverified_header(id_token).get("kid")
    for key in jwt.PyJWKSet.from_dict(dict(keys)).keys:
        if key.key_id == wanted:
            return key
    raise jwt.InvalidKeyError("it is signed with an unknown key")


@asynccontextmanager
async def _http() -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.DummyCookieJar()
    async with timeout(DEADLINE), aiohttp.ClientSession(cookie_jar=jar, request_class=Request) as http:
        yield http


async def _json(http: aiohttp.ClientSession, method: str, url: str, title: str, **more: Any) -> dict[str, Any]:
    """One call, not repeated: a code is good once. Raises `ServiceError`; never with what was sent."""
    try:
        async with http.request(method, url, allow_redirects=False, **more) as answer:
            status, body = answer.status, await answer.json(content_type=None)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ServiceError(f"{title} does not answer properly ({type(error).__name__}).", AGAIN) from None
    if status != 200 or not isinstance(body, dict):
        said = body.get("error", status) if isinstance(body, dict) else status
        raise ServiceError(f"{title} did not accept the sign-in ({str(said)[:80]}).", AGAIN)
    return body
