"""Connect to Salesforce: a person allows the app in, in the browser, and taking it back.

Nothing of a web server is here: the console sends the browser to `authorize_url`, and hands what comes back to
`exchange`. Source: Salesforce Help, "OAuth 2.0 Web Server Flow for Web App Integration" (with PKCE).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from msgspec import Struct

from worker.errors import ConfigurationError, ServiceError
from worker.limits import Limits
from worker.salesforce.auth import SERVICE, MemoryTokens, Session, asked, kept, session_from
from worker.salesforce.client import SalesforceClient
from worker.salesforce.errors import Unreachable
from worker.salesforce.flows import WebServer
from worker.salesforce.transport import http_session
from worker.settings import Settings
from worker.store.pair import Kind
from worker.store.store import Store

CALLBACK = "/oauth/salesforce/callback"
SCOPES = "api refresh_token"


class Connected(Struct, frozen=True, kw_only=True):
    """What a sign-in gave: the org, where it is, and who signed in."""

    org_id: str
    instance_url: str
    user_id: str


@dataclass(frozen=True, slots=True)
class SalesforceConnecting:
    """Connecting and disconnecting, for the console. `by` is always the person who does it.

    Every method raises `ConfigurationError` where the app's client id or secret is missing.
    """

    store: Store
    settings: Settings
    limits: Limits

    async def authorize_url(self, by: str) -> str:
        """Where the browser goes: Salesforce's sign-in and consent page."""
        flow = await self._flow()
        state, consent = await self.store.consents.begin(SERVICE, by, self.redirect_uri)
        query = {
            "response_type": "code",
            "client_id": flow.client_id,
            "redirect_uri": consent.redirect_uri,
            "scope": SCOPES,
            "state": state,
            "code_challenge": consent.challenge,
            "code_challenge_method": "S256",
        }
        return f"{flow.login_url}/services/oauth2/authorize?{urlencode(query)}"

    @property
    def redirect_uri(self) -> str:
        """The callback address to give the External Client App."""
        return self.settings.hourstream_console_url + CALLBACK

    async def exchange(self, *, code: str, state: str, by: str) -> Connected:
        """Change the code that came back for tokens, and store them once it is clear that the org is ours.

        Raises:
            ServiceError: nobody began this sign-in here, or it gave no refresh token.
            ConnectionPaused: it is another org than the one this deployment serves, or a sandbox, and the Xero company
                is a real one. Nothing is stored.
            SalesforceError: Salesforce did not take the code, or did not answer.
        """
        flow, consent = await self._flow(), await self.store.consents.take(SERVICE, by, state)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": consent.redirect_uri,
            "code_verifier": consent.verifier,
            "client_id": flow.client_id,
            "client_secret": flow.client_secret,
        }
        async with http_session(self.limits) as http:
            answer = await asked(http, flow.login_url, form)
            session = session_from(answer)
            if not answer.get("refresh_token"):
                raise ServiceError("Salesforce gave no refresh token.", "Give the app the OAuth scope refresh_token.")
            try:
                await self.store.pair.pin("org", session.org_id, await self._kind(flow, answer))
            except ServiceError:
                await _revoke(http, flow.login_url, str(answer["refresh_token"]))
                raise
        await self._keep(kept(answer, flow.identity), session, by)
        return Connected(org_id=session.org_id, instance_url=session.instance_url, user_id=session.user_id)

    async def disconnect(self, by: str) -> None:
        """Take the access back at Salesforce and forget the tokens; nothing is read until somebody connects again.

        Raises `SalesforceError`, with everything as it was, when Salesforce did not answer.
        """
        stored, flow = await self.store.tokens.get(SERVICE) or {}, await self._flow()
        if stored.get("refresh_token"):
            async with http_session(self.limits) as http:
                await _revoke(http, flow.login_url, str(stored["refresh_token"]))
        await self.store.tokens.forget(SERVICE)
        why, todo = f"{by} disconnected Salesforce.", "Connect to Salesforce in the console."
        await self.store.needs_reconnect(SERVICE, why, todo, by, replace=True)
        await self.store.audit.write(by, "connection.ended", SERVICE, {})

    async def _kind(self, flow: WebServer, answer: Mapping[str, Any]) -> Kind:
        """What this org is, asked with the session that nobody keeps yet."""
        tokens = MemoryTokens()
        await tokens.put(SERVICE, kept(answer, flow.identity))
        version = self.settings.salesforce_api_version
        async with SalesforceClient(flow, self.limits, tokens, api_version=version) as client:
            return await client.kind()

    async def _keep(self, token: dict[str, object], session: Session, by: str) -> None:
        async with self.store.tokens.lock(SERVICE) as held:
            await self.store.tokens.put(SERVICE, token, held)
        detail = {"org": session.org_id, "user": session.user_id}
        await self.store.audit.write(by, "connection.made", SERVICE, detail)
        await self.store.reconnected(SERVICE)

    async def _flow(self) -> WebServer:
        settings = await self.store.credentials.filled(self.settings)
        if not settings.salesforce_client_id or settings.salesforce_client_secret is None:
            raise ConfigurationError(
                "SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET are needed.",
                "Copy the consumer key and secret from the External Client App.",
            )
        secret = settings.salesforce_client_secret.get_secret_value()
        return WebServer(settings.salesforce_login_url, settings.salesforce_client_id, secret)


async def _revoke(http: aiohttp.ClientSession, login_url: str, token: str) -> None:
    """End a refresh token and its sessions (Salesforce Help, "Revoke OAuth Tokens"); a dead one is no error.

    Raises `Unreachable`.
    """
    try:
        async with http.post(
            f"{login_url}/services/oauth2/revoke", data={"token": token}, allow_redirects=False
        ) as answer:
            status = answer.status
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(f"Salesforce cannot be reached ({type(error).__name__}).", "Try it again.") from error
    if status not in {200, 400}:
        raise Unreachable(f"Salesforce did not take the token back: HTTP {status}.", "Try it again.")
