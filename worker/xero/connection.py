"""Which company a client works with: found once, and found anew when somebody connects or disconnects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from worker.xero.auth import TokenKeeper
from worker.xero.errors import ReconnectNeeded
from worker.xero.identity import Identity, Tenant, chosen

Pinned = Callable[[], Awaitable[str]]


class Connection:
    """The company behind a token. `tenant` is the pinned one; where it is "", `pinned` is asked once it is needed."""

    def __init__(self, keeper: TokenKeeper, identity: Identity, tenant: str, pinned: Pinned | None) -> None:
        self._keeper = keeper
        self._identity = identity
        self._named = tenant
        self._pinned = pinned
        self._tenant: Tenant | None = None

    async def connect(self) -> Tenant:
        """The pinned company, or the only one the token reaches; asked for once.

        Raises:
            ReconnectNeeded: none, several, or another one than the pinned.
        """
        if self._tenant is None:
            pinned = self._named or (await self._pinned() if self._pinned else "")
            self._tenant = chosen(await self._tenants(), pinned)
        return self._tenant

    @property
    def tenant_id(self) -> str:
        """The company's id. Raises ReconnectNeeded before `connect`."""
        if self._tenant is None:
            raise ReconnectNeeded("Xero is not connected yet.", "Connect first.")
        return self._tenant.id

    def forget(self) -> None:
        """Find company and token anew before the next call."""
        self._tenant = None
        self._keeper.forget()

    async def _tenants(self) -> tuple[Tenant, ...]:
        token = await self._keeper.token()
        try:
            return await self._identity.tenants(token)
        except ReconnectNeeded:
            # Perhaps the token was only revoked: with another one it is clear.
            return await self._identity.tenants(await self._keeper.renew(token))
