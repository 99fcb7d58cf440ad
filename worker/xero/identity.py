"""Xero's token service, and which companies a token reaches."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from worker.limits import Limits
from worker.xero.answers import Answer, action, problem, read_error
from worker.xero.config import XeroConfig
from worker.xero.errors import BadCredentials, MissingScope, NoAnswer, ReconnectNeeded, Unreadable, XeroError
from worker.xero.transport import Deadline, Transport

_KEYS = "Check XERO_CLIENT_ID, XERO_CLIENT_SECRET and XERO_GRANT against the app at developer.xero.com."
_FORM = "application/x-www-form-urlencoded"


class Given(Struct, frozen=True):
    """A token answer; `expires_in` is in seconds. It shows no token when it is printed."""

    access_token: str
    expires_in: float
    refresh_token: str = ""
    scope: str = ""

    def __repr__(self) -> str:
        return f"Given(expires_in={self.expires_in}, scope={self.scope!r})"


_NAMES = {"id": "tenantId", "name": "tenantName", "type": "tenantType", "connection": "id", "consent": "authEventId"}


class Tenant(Struct, frozen=True, rename=_NAMES):
    """A company a token reaches. `connection` is the id of our access to it, `consent` of the consent that gave it."""

    id: str
    name: str = ""
    type: str = ""
    connection: str = ""
    consent: str = ""


class Identity:
    """Asks for tokens and connections, once each: a repeat could lose a refresh token."""

    def __init__(self, transport: Transport, config: XeroConfig, limits: Limits) -> None:
        self._transport = transport
        self._config = config
        self._deadline = Deadline(limits.read_request, limits.read_request)

    @property
    def signs_in(self) -> bool:
        """Whether a person signs in once and the token is refreshed from then on."""
        return self._config.grant == "authorization_code"

    async def token(self, form: dict[str, str]) -> Given:
        """Ask for a token.

        Raises:
            Paused: of the kind that says what a person has to mend.
            XeroError: the service did not answer properly; nothing is known to be wrong with the credentials.
        """
        if form.get("grant_type") != "client_credentials":
            return await self._asked(form)
        needed = " ".join(self._config.scopes)
        try:
            return await self._asked(form | {"scope": " ".join((needed, *self._config.optional))})
        except MissingScope:
            # One scope that the connection was not given refuses them all: ask for no more than must be.
            return await self._asked(form | {"scope": needed})

    async def _asked(self, form: dict[str, str]) -> Given:
        answer = await self._transport.request(
            "POST",
            f"{self._config.identity_url}/connect/token",
            deadline=self._deadline,
            headers={"Authorization": self._basic(), "Accept": "application/json", "Content-Type": _FORM},
            body=urlencode(form).encode(),
        )
        if action(answer) != "done":
            raise _token_error(answer)
        try:
            return msgspec.json.decode(answer.body, type=Given, strict=False)
        except msgspec.MsgspecError as error:
            raise Unreadable("Xero's token answer cannot be read.", "It is tried again by itself.") from error

    async def tenants(self, token: str) -> tuple[Tenant, ...]:
        """The companies this token reaches.

        Raises:
            XeroError: no readable answer; `Paused` where a person has to act.
        """
        answer = await self._transport.request(
            "GET",
            f"{self._config.api_url}/connections",
            deadline=self._deadline,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )
        found = action(answer)
        if found != "done":
            raise read_error(answer, found)
        try:
            every = msgspec.json.decode(answer.body, type=list[Tenant], strict=False)
        except msgspec.MsgspecError as error:
            raise Unreadable("Xero's list of connections cannot be read.", "It is tried again by itself.") from error
        return tuple(tenant for tenant in every if tenant.type in {"", "ORGANISATION"})

    async def revoke(self, refresh_token: str) -> None:
        """Take the consent back: the refresh token, what came from it, and its connections. A dead one is no error.

        Raises as `token`.
        """
        answer = await self._transport.request(
            "POST",
            f"{self._config.identity_url}/connect/revocation",
            deadline=self._deadline,
            headers={"Authorization": self._basic(), "Accept": "application/json", "Content-Type": _FORM},
            body=urlencode({"token": refresh_token}).encode(),
        )
        if action(answer) != "done" and _said(answer) not in {"invalid_grant", "invalid_token"}:
            raise _token_error(answer)

    async def disconnect(self, token: str, connection: str) -> None:
        """End our access to one company; none (any more) is no error.

        Raises:
            XeroError: it did not answer; `Paused` where the token does not do.
        """
        answer = await self._transport.request(
            "DELETE",
            f"{self._config.api_url}/connections/{connection}",
            deadline=self._deadline,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )
        found = action(answer)
        if found != "done" and answer.status != 404:
            raise read_error(answer, found)

    def _basic(self) -> str:
        pair = f"{self._config.client_id}:{self._config.client_secret}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


def chosen(tenants: tuple[Tenant, ...], pinned: str) -> Tenant:
    """The company to work with: the pinned one, or the only one.

    Raises:
        ReconnectNeeded: it is not reached (any more), or it is not clear which one is meant.
    """
    matching = [tenant for tenant in tenants if not pinned or tenant.id == pinned]
    if len(matching) == 1:
        return matching[0]
    if not tenants:
        raise ReconnectNeeded("Xero is connected to no company.", "Connect to Xero again.")
    names = ", ".join(tenant.name or tenant.id for tenant in tenants)
    if pinned:
        raise ReconnectNeeded(
            f"The Xero company this connection belongs to is not reached any more (only {names}).",
            "Connect that company again.",
        )
    raise ReconnectNeeded(f"Xero is connected to several companies ({names}).", "Connect to the one meant, only.")


def _token_error(answer: Answer) -> XeroError:
    said = _said(answer)
    if said == "invalid_grant":
        return ReconnectNeeded("Xero does not accept the consent any more (invalid_grant).", "Connect to Xero again.")
    if said == "invalid_scope":
        return MissingScope("Xero does not grant the scopes asked for (invalid_scope).", "Grant them to the app.")
    if said in {"invalid_client", "unauthorized_client"} or answer.status in {401, 403}:
        return BadCredentials(f"Xero does not know this app ({said or answer.status}).", _KEYS)
    return NoAnswer(
        f"Xero's token service gave no token ({said or problem(answer) or answer.status}).",
        "It is tried again by itself.",
        status=answer.status,
    )


def _said(answer: Answer) -> str:
    try:
        body: Any = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    said = body.get("error") if isinstance(body, dict) else None
    return said if isinstance(said, str) else ""
