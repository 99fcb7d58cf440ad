"""Tokens for Xero: obtained and renewed by one process at a time, stored before they are used.

Several workers share one connection. Xero rotates the refresh token on each use, so two that refresh at once lose it;
hence lock, read again, renew only if it is still needed, store, use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from worker.limits import Limits
from worker.store.vault import Held
from worker.xero.errors import ReconnectNeeded
from worker.xero.identity import Given, Identity

SERVICE: Final = "xero"
_OWN = {"grant_type": "client_credentials"}
RETRY_OLD = 1800.0  # seconds: Xero accepts the refresh token before the last one this long after its use


class TokenStore(Protocol):
    """Where tokens are kept, encrypted and shared between processes: `worker.store.vault.TokenVault`."""

    async def get(self, service: str) -> dict[str, Any] | None:
        """The tokens stored last, None where there are none."""

    async def previous(self, service: str) -> dict[str, Any] | None:
        """The ones before those."""

    async def put(self, service: str, token: Mapping[str, Any], held: Held | None = None) -> bool:
        """Store tokens durably. False: refused, a later holder of the lock has stored others."""
        ...

    def lock(self, service: str) -> AbstractAsyncContextManager[Held]:
        """Held by one process at a time, waited for within a deadline, given up by itself when its holder dies."""
        ...


class Tokens(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is stored for a connection. Times are seconds since 1970. It shows no token when it is printed."""

    access_token: str
    expires_at: float = 0.0
    refresh_token: str = ""
    scope: str = ""
    refreshed_at: float = 0.0

    def __repr__(self) -> str:
        return f"Tokens(expires_at={self.expires_at}, scope={self.scope!r}, refreshed_at={self.refreshed_at})"


class TokenKeeper:
    """Hands out an access token that is still good, and renews it when it is not."""

    def __init__(
        self, store: TokenStore, identity: Identity, limits: Limits, *, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._identity = identity
        self._limits = limits
        self._now = now
        self._held: Tokens | None = None
        self._refused = ""

    async def token(self) -> str:
        """An access token good for at least `token_margin` seconds, from memory where possible.

        Raises:
            Paused: Xero gives none until a person acts. Never tried in a loop.
            XeroError: Xero's token service did not answer; try later.
        """
        if self._held is not None and self._fresh(self._held):
            return self._held.access_token
        return await self._renewed(stale=self._refused)

    async def scope(self) -> str:
        """The scopes that the current token's consent covers, as Xero lists them; "" where it did not say.

        Raises:
            As `token`.
        """
        await self.token()
        return self._held.scope if self._held is not None else ""

    def distrust(self, token: str) -> None:
        """Xero refused this token: the next call gets another one."""
        self._held, self._refused = None, token

    def forget(self) -> None:
        """Look at what is stored before the next call: somebody connected, or disconnected, meanwhile."""
        self._held = None

    async def another(self, refused: str) -> bool:
        """Whether a token other than `refused`, and still good, was stored meanwhile; it is used from now on."""
        stored = _read(await self._store.get(SERVICE))
        if stored is None or stored.access_token == refused or not self._fresh(stored):
            return False
        self._held = stored
        return True

    @property
    def signs_in(self) -> bool:
        """Whether a person connects (and reconnects) in the browser."""
        return self._identity.signs_in

    async def replaced(self) -> bool:
        """Whether a token was stored since this process used one, which it has not tried yet."""
        stored = _read(await self._store.get(SERVICE))
        used = self._held.access_token if self._held is not None else self._refused
        return stored is not None and bool(used) and stored.access_token != used and self._fresh(stored)

    async def keep_alive(self, older: float) -> bool:
        """Refresh a consent that was not used for `older` seconds, so that Xero does not let it lapse (60 days unused).

        Says whether it was. Raises as `token`.
        """
        if not self._identity.signs_in or not self._idle(_read(await self._store.get(SERVICE)), older):
            return False
        async with self._store.lock(SERVICE) as held:
            stored = _read(await self._store.get(SERVICE))
            if stored is None or not self._idle(stored, older):
                return False
            self._held = await self._current(stored.access_token, held)
        return True

    def _idle(self, stored: Tokens | None, older: float) -> bool:
        return stored is not None and bool(stored.refresh_token) and self._now() - stored.refreshed_at > older

    async def renew(self, stale: str) -> str:
        """Another token than `stale`, which Xero refused: the one a sibling stored meanwhile, else a new one.

        Raises:
            As `token`.
        """
        return await self._renewed(stale=stale)

    def _fresh(self, tokens: Tokens) -> bool:
        return tokens.expires_at - self._now() > self._limits.token_margin

    async def _renewed(self, stale: str) -> str:
        async with self._store.lock(SERVICE) as held:
            self._held = await self._current(stale, held)
        return self._held.access_token

    async def _current(self, stale: str, held: Held) -> Tokens:
        """Under the lock: what is stored if it will do, else a new token, stored already."""
        stored = _read(await self._store.get(SERVICE))
        if stored is not None and stored.access_token != stale and self._fresh(stored):
            return stored
        new = await self._refreshed(stored) if self._identity.signs_in else await self._obtained(_OWN)
        if await self._store.put(SERVICE, msgspec.to_builtins(new), held):
            return new
        # Our lock ran out while Xero took its time, and another process has renewed since: theirs is the good one.
        return _read(await self._store.get(SERVICE)) or new

    async def _refreshed(self, stored: Tokens | None) -> Tokens:
        if stored is None or not stored.refresh_token:
            raise ReconnectNeeded("No Xero company is connected.", "Connect to Xero in the console.")
        try:
            return await self._obtained(_with(stored.refresh_token), stored)
        except ReconnectNeeded:
            other = await self._another(stored)
            if not other:
                raise
            return await self._obtained(_with(other), stored)

    async def _another(self, refused: Tokens) -> str:
        """A refresh token to try after one was refused: what a sibling stored meanwhile, else the one before."""
        now = _read(await self._store.get(SERVICE))
        if now is not None and now.refresh_token != refused.refresh_token:
            return now.refresh_token
        if self._now() - refused.refreshed_at > RETRY_OLD:
            return ""
        before = _read(await self._store.previous(SERVICE))
        return before.refresh_token if before is not None else ""

    async def _obtained(self, form: dict[str, str], before: Tokens | None = None) -> Tokens:
        asked = self._now()
        return tokens_of(await self._identity.token(form), asked, form.get("refresh_token", ""), before)


def tokens_of(given: Given, asked: float, refresh_token: str = "", before: Tokens | None = None) -> Tokens:
    """What is stored of a token answer to what was asked at that moment (seconds since 1970)."""
    return Tokens(
        access_token=given.access_token,
        expires_at=asked + given.expires_in,
        refresh_token=given.refresh_token or refresh_token,
        scope=given.scope or (before.scope if before else ""),
        refreshed_at=asked,
    )


def _with(refresh_token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


def _read(stored: dict[str, Any] | None) -> Tokens | None:
    try:
        return None if stored is None else msgspec.convert(stored, Tokens, strict=False)
    except msgspec.ValidationError:
        return None
