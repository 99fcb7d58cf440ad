"""The one object the rest of the product talks to Salesforce through. Records are dicts only at this edge."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Literal, Self

from msgspec import Struct

from worker.limits import Limits
from worker.salesforce import access, collections, query, replication
from worker.salesforce.access import Finding, Step
from worker.salesforce.auth import Session, TokenKeeper, TokenStore
from worker.salesforce.collections import ItemResult
from worker.salesforce.describe import Describe, Descriptions, GlobalObject
from worker.salesforce.errors import SalesforceError
from worker.salesforce.flows import Flow, flow
from worker.salesforce.query import PAGE, Record, Rows
from worker.salesforce.replication import Deleted, Updated
from worker.salesforce.transport import Transport, http_session
from worker.salesforce.wire import ApiUsage
from worker.settings import Settings


class Allowance(Struct, frozen=True):
    """A limit of the org: `max` in all, `remaining` of it now."""

    max: int
    remaining: int


class _Allowance(Struct, rename="pascal"):
    max: int = 0
    remaining: int = 0


class SalesforceClient:
    """Use as `async with`: it signs in at the first call, not before, so it can be made while Salesforce is down.

    Every call has its deadline and raises `SalesforceError`, whose `action` says what to do.
    """

    def __init__(self, flow: Flow, limits: Limits, tokens: TokenStore, *, api_version: str = "67.0") -> None:
        self._flow = flow
        self._limits = limits
        self._tokens = tokens
        self._version = api_version
        self._open = AsyncExitStack()

    @classmethod
    def from_settings(cls, settings: Settings, limits: Limits, tokens: TokenStore) -> Self:
        """The client that the settings describe.

        Raises:
            ConfigurationError: they hold no complete way to sign in.
        """
        return cls(flow(settings), limits, tokens, api_version=settings.salesforce_api_version)

    async def __aenter__(self) -> Self:
        http = await self._open.enter_async_context(http_session(self._limits))
        self._keeper = TokenKeeper(self._flow, self._tokens, http, self._limits)
        self._transport = Transport(http, self._keeper, self._limits, self._version)
        self._descriptions = Descriptions(self._transport, self._limits.described)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    # ---- who and when ----------------------------------------------------------------------------------------------

    async def token(self) -> Session:
        """The session in use, or a new one: for the stream, which authenticates by itself."""
        return await self._transport.session()

    async def renewed(self, stale: Session) -> Session:
        """A session after the stream was told that this one is over."""
        return await self._keeper.renew(stale)

    def forget(self) -> None:
        """Look at what is stored before the next call: somebody connected, or disconnected, meanwhile."""
        self._keeper.forget()

    @property
    def keeper(self) -> TokenKeeper:
        """Its sessions: whether a person connects, keeping that alive, and whether others were stored meanwhile."""
        return self._keeper

    @property
    def org_id(self) -> str:
        """The org's id, 18 characters; known after the first call."""
        if self._keeper.current is None:
            raise SalesforceError("The Salesforce org is not known before the first call.", "Ask for token() first.")
        return self._keeper.current.org_id

    @property
    def server_date(self) -> datetime | None:
        """Salesforce's time at its last answer to anybody; a watermark comes from `Rows.began`, not from here."""
        return self._transport.server_date

    @property
    def api_usage(self) -> ApiUsage | None:
        """API calls of the last 24 hours and the allowance, as the last answer had them."""
        return self._transport.usage

    async def kind(self) -> Literal["sandbox", "production"]:
        """What the org is (Salesforce: the object Organization, which every user may read)."""
        async for rows in self.query("SELECT IsSandbox FROM Organization"):
            return "sandbox" if rows and rows[0]["IsSandbox"] else "production"
        return "production"

    async def name(self) -> str:
        """What the org is called; "" where it does not say."""
        async for rows in self.query("SELECT Name FROM Organization"):
            return str(rows[0]["Name"] or "") if rows else ""
        return ""

    async def limits(self) -> dict[str, Allowance]:
        """The org's limits by name, for example DailyApiRequests, DailyDeliveredPlatformEvents."""
        answer = await self._transport.get(f"{self._transport.root}/limits", "list limits", dict[str, _Allowance])
        return {name: Allowance(found.max, found.remaining) for name, found in answer.value.items()}

    # ---- reading ---------------------------------------------------------------------------------------------------

    def query(self, soql: str) -> AsyncGenerator[Rows, None]:
        """The pages of a query."""
        return query.pages(self._transport, soql)

    def query_all(self, soql: str) -> AsyncGenerator[Rows, None]:
        """The pages of a query that sees the recycle bin too (`IsDeleted = true`)."""
        return query.pages(self._transport, soql, all_rows=True)

    async def count(self, soql: str) -> int:
        """What a `SELECT COUNT() FROM …` answers."""
        return await query.count(self._transport, soql)

    async def retrieve(
        self, sobject: str, paths: Sequence[str], ids: Iterable[str], *, where_extra: str = "", all_rows: bool = False
    ) -> list[Record]:
        """The records with these ids; see `query.retrieve`."""
        return await query.retrieve(self._transport, sobject, paths, ids, where_extra=where_extra, all_rows=all_rows)

    def changed_since(
        self,
        sobject: str,
        paths: Sequence[str],
        since: datetime | str,
        last_id: str = "",
        *,
        where_extra: str = "",
        all_rows: bool = False,
        size: int = PAGE,
    ) -> AsyncGenerator[Rows, None]:
        """Everything changed since a time, keyset pages; see `query.changed`."""
        return query.changed(
            self._transport, sobject, paths, since, last_id, where_extra=where_extra, all_rows=all_rows, size=size
        )

    async def updated(self, sobject: str, start: datetime, end: datetime) -> Updated:
        """Ids changed in a span; see `replication.updated`."""
        return await replication.updated(self._transport, sobject, start, end)

    async def deleted(self, sobject: str, start: datetime, end: datetime) -> Deleted:
        """Records deleted in a span; see `replication.deleted`."""
        return await replication.deleted(self._transport, sobject, start, end)

    # ---- writing ---------------------------------------------------------------------------------------------------

    async def update(self, sobject: str, records: Sequence[Record]) -> list[ItemResult]:
        """Update records by their `Id`, a result each, in order; see `collections.upsert`."""
        return await collections.update(self._transport, sobject, records)

    async def upsert(self, sobject: str, external_id: str, records: Sequence[Record]) -> list[ItemResult]:
        """Create or update records by an external id, a result each, in order; see `collections.upsert`."""
        return await collections.upsert(self._transport, sobject, external_id, records)

    # ---- what the org is like --------------------------------------------------------------------------------------

    async def describe(self, sobject: str, *, fresh: bool = False) -> Describe:
        """An object and its fields, at most five minutes old, or `fresh`."""
        return await self._descriptions(sobject, fresh=fresh)

    async def describe_global(self) -> tuple[GlobalObject, ...]:
        """Every object the integration user can see."""
        return await self._descriptions.all()

    async def walk(self, sobject: str, path: str) -> tuple[Step, ...]:
        """The fields a path goes over; see `access.walk`."""
        return await access.walk(self._descriptions, sobject, path)

    async def objects_on(self, sobject: str, paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The related objects that paths read; see `access.objects_on`."""
        return await access.objects_on(self._descriptions, sobject, paths)

    async def check_access(
        self, sobject: str, *, read: Sequence[str] = (), edit: Sequence[str] = (), create: Sequence[str] = ()
    ) -> list[Finding]:
        """Everything the integration user lacks; see `access.check_access`."""
        return await access.check_access(self._descriptions, sobject, read=read, edit=edit, create=create)

    async def check_external_id(self, sobject: str, name: str) -> list[Finding]:
        """Whether records can be upserted by this field; see `access.check_external_id`."""
        return await access.check_external_id(self._descriptions, sobject, name)
