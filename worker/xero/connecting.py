"""Connect to Xero: a person allows the app in, in the browser; which company it serves; and taking it back.

Nothing of a web server is here: the console sends the browser to `authorize_url`, and hands what comes back to
`exchange`. Source: Xero, "The standard authorization code flow". Xero offers PKCE to apps without a secret only; ours
has one, so that the answer is tied to the question by `state` alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from worker.errors import ServiceError
from worker.limits import Limits
from worker.settings import Settings
from worker.store.pair import Kind, UnlikePairError
from worker.store.store import Store
from worker.xero.auth import SERVICE, TokenKeeper, Tokens, tokens_of
from worker.xero.client import XeroClient
from worker.xero.config import XeroConfig
from worker.xero.errors import Paused, ReconnectNeeded
from worker.xero.identity import Given, Identity, Tenant
from worker.xero.transport import Transport

CALLBACK = "/oauth/xero/callback"
CHOOSE = "Choose the company on the Setup page."


class Connected(Struct, frozen=True, kw_only=True):
    """What a sign-in gave: the companies it reaches, the one we serve (None: somebody has to choose), and the scopes
    of ours that it does not cover."""

    companies: tuple[Tenant, ...]
    company: Tenant | None
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class XeroConnecting:
    """Connecting and disconnecting, for the console. `by` is always the person who does it.

    Every method raises `ConfigurationError` where the app's client id or secret is missing.
    """

    store: Store
    settings: Settings
    limits: Limits

    async def authorize_url(self, by: str) -> str:
        """Where the browser goes: Xero's sign-in and consent page."""
        config = await self._config()
        state, consent = await self.store.consents.begin(SERVICE, by, self.redirect_uri)
        query = {
            "response_type": "code",
            "client_id": config.client_id,
            "redirect_uri": consent.redirect_uri,
            "scope": " ".join(("offline_access", *config.scopes, *config.optional)),
            "state": state,
        }
        return f"{self.settings.xero_login_url}/identity/connect/authorize?{urlencode(query)}"

    @property
    def redirect_uri(self) -> str:
        """The address to register with the app at developer.xero.com."""
        return self.settings.hourstream_console_url + CALLBACK

    async def exchange(self, *, code: str, state: str, by: str) -> Connected:
        """Change the code that came back for tokens, and store them once it is clear that the company is ours.

        Raises:
            ServiceError: nobody began this sign-in here, or it gave no refresh token.
            ReconnectNeeded: it does not reach the company this deployment serves. Nothing is stored.
            UnlikePairError: it reaches only a real company, and the Salesforce org is a sandbox. Nothing is stored.
            XeroError: Xero did not take the code, or did not answer.
        """
        consent = await self.store.consents.take(SERVICE, by, state)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": consent.redirect_uri}
        async with self._identity() as (config, identity):
            asked = time.time()
            given = await identity.token(form)
            if not given.refresh_token:
                raise ServiceError("Xero gave no refresh token.", "Give the app the scope offline_access.")
            companies = await identity.tenants(given.access_token)
            await self._check(identity, given, companies)
            async with self.store.tokens.lock(SERVICE) as held:
                await self.store.tokens.put(SERVICE, msgspec.to_builtins(tokens_of(given, asked)), held)
            try:
                company = await self._settled(companies, by)
            except UnlikePairError:
                await self.store.tokens.forget(SERVICE)
                await self._let_go(identity, given, companies)
                raise
        return Connected(companies=companies, company=company, lacking=config.lacking(given.scope))

    async def companies(self) -> tuple[Tenant, ...]:
        """The companies that the connection reaches. Raises `XeroError`; `Paused` where nobody is connected."""
        async with self._identity() as (_, identity):
            return await identity.tenants(await self._keeper(identity).token())

    async def choose(self, company: str, by: str) -> Tenant:
        """Serve this one of the companies that the connection reaches, for good.

        Raises `ReconnectNeeded` when it is not among them, `ConnectionPaused` when another one is pinned, or it is a
        real company and the Salesforce org a sandbox.
        """
        found = next((each for each in await self.companies() if each.id == company), None)
        if found is None:
            raise ReconnectNeeded("The connection does not reach this Xero company.", "Connect to Xero again.")
        await self._serve(found, by)
        return found

    async def disconnect(self, by: str) -> None:
        """Take the consent back at Xero and forget the tokens; time keeps accumulating until somebody connects again.

        Raises `XeroError`, with everything as it was, when Xero did not answer.
        """
        stored = await self.store.tokens.get(SERVICE)
        tokens = msgspec.convert(stored, Tokens, strict=False) if stored else None
        if tokens is not None and tokens.refresh_token:
            async with self._identity() as (_, identity):
                with contextlib.suppress(Paused):  # Xero has ended it already
                    await self._end(identity)
                await identity.revoke(await self._refresh_token())
        await self.store.tokens.forget(SERVICE)
        why, todo = f"{by} disconnected Xero.", "Connect to Xero in the console."
        await self.store.needs_reconnect(SERVICE, why, todo, by, replace=True)
        await self.store.audit.write(by, "connection.ended", SERVICE, {})

    # ---- inside ------------------------------------------------------------------------------------------------------

    async def _check(self, identity: Identity, given: Given, companies: tuple[Tenant, ...]) -> None:
        """Refuse a sign-in that does not reach the pinned company, and end the access it gave to another one."""
        pinned = await self.store.pair.company()
        if not companies:
            raise ReconnectNeeded("No Xero company was chosen.", "Connect to Xero again and choose one.")
        if not pinned or any(each.id == pinned for each in companies):
            return
        await self._let_go(identity, given, companies)
        names = ", ".join(each.name or each.id for each in companies)
        raise ReconnectNeeded(
            f"This deployment serves another Xero company; {names} was not connected.",
            "Connect to Xero again and choose the company served until now. Another one needs a deployment of its own.",
        )

    async def _let_go(self, identity: Identity, given: Given, companies: tuple[Tenant, ...]) -> None:
        for each in companies:
            await identity.disconnect(given.access_token, each.connection)

    async def _settled(self, companies: tuple[Tenant, ...], by: str) -> Tenant | None:
        """The company served from now on; None, and the connection rests, while it is not clear which one."""
        pinned = await self.store.pair.company()
        found = next((each for each in companies if each.id == pinned), None)
        if found is None and len(companies) == 1:
            found = companies[0]
        if found is None:
            names = ", ".join(each.name or each.id for each in companies)
            await self.store.needs_reconnect(
                SERVICE, f"Several Xero companies are connected ({names}).", CHOOSE, by, replace=True
            )
            return None
        await self._serve(found, by)
        return found

    async def _serve(self, company: Tenant, by: str) -> None:
        await self.store.pair.pin("company", company.id, await self._kind(company.id))
        await self.store.audit.write(by, "connection.made", SERVICE, {"company": company.id, "name": company.name})
        await self.store.reconnected(SERVICE)

    async def _kind(self, company: str) -> Kind:
        """What this company is; asked only where it matters already."""
        if (await self.store.pair.get()).get("org:kind") != "sandbox":
            return ""
        config = replace(await self._config(), tenant=company)
        async with XeroClient(config, self.store.tokens, self.store.governor, self.limits) as client:
            return await client.kind(patience=self.limits.step)

    async def _end(self, identity: Identity) -> None:
        token = await self._keeper(identity).token()
        pinned = await self.store.pair.company()
        for each in await identity.tenants(token):
            if each.id == pinned or not pinned:
                await identity.disconnect(token, each.connection)

    async def _refresh_token(self) -> str:
        """The newest one: asking for a token may have replaced the one we began with."""
        return str((await self.store.tokens.get(SERVICE) or {}).get("refresh_token", ""))

    def _keeper(self, identity: Identity) -> TokenKeeper:
        return TokenKeeper(self.store.tokens, identity, self.limits)

    async def _config(self) -> XeroConfig:
        return XeroConfig.of(await self.store.credentials.filled(self.settings))

    @asynccontextmanager
    async def _identity(self) -> AsyncIterator[tuple[XeroConfig, Identity]]:
        config = await self._config()
        async with Transport() as transport:
            yield config, Identity(transport, config, self.limits)
