"""The Xero company, as far as the product uses it: its settings, contacts, invoices and credit notes."""

from __future__ import annotations

from collections.abc import Awaitable, Container, Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, Self

from xero_python.accounting import AccountingApi

from worker.billing.model import Company, Document, DocumentType
from worker.limits import Limits
from worker.store.governor import Admitted, Priority
from worker.store.governor import Refused as NotNow
from worker.xero import encode as encoding
from worker.xero import identity
from worker.xero.answers import Answer, WriteAnswer
from worker.xero.auth import TokenKeeper, TokenStore
from worker.xero.calls import Calls, Governor
from worker.xero.company import company
from worker.xero.config import XeroConfig
from worker.xero.contacts import contact_page
from worker.xero.errors import ReconnectNeeded
from worker.xero.identity import Identity, Tenant
from worker.xero.pages import PAGE_SIZE, ContactPage, InvoicePage, parsed
from worker.xero.parse import ID, NUMBER, invoice_page
from worker.xero.transport import AsyncApiClient, Call, Transport
from worker.xero.values import since

CHUNK = 40  # ids or numbers in one address

Method = Literal["PUT", "POST"]


class XeroClient:
    """Calls Xero for one company. An async context manager; `connect` comes before anything else.

    Reads take `priority` ("read": a job's own look-ups; "background": contacts, statuses; with the `caller`'s name) and
    `patience`, the seconds they may wait for their turn, else they raise `Limited`. Other errors: `worker.xero.errors`.
    """

    def __init__(self, config: XeroConfig, tokens: TokenStore, governor: Governor, limits: Limits) -> None:
        self._config = config
        self._limits = limits
        self._transport = Transport()
        self._identity = Identity(self._transport, config, limits)
        self._keeper = TokenKeeper(tokens, self._identity, limits)
        self._calls = Calls(self._keeper, governor, limits)
        self._api = AccountingApi(AsyncApiClient(self._transport), base_url=f"{config.api_url}/api.xro/2.0")
        self._tenant: Tenant | None = None

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._transport.__aexit__(*exc)

    # ---- the connection ----------------------------------------------------------------------------------------------

    async def connect(self) -> Tenant:
        """Find the company: the pinned one, or the only one the token reaches. Costs nothing after the first time.

        Raises:
            ReconnectNeeded: none, several, or another one than the pinned.
        """
        if self._tenant is None:
            self._tenant = identity.chosen(await self._tenants(), self._config.tenant)
        return self._tenant

    @property
    def tenant_id(self) -> str:
        """The company's id. Raises ReconnectNeeded before `connect`."""
        if self._tenant is None:
            raise ReconnectNeeded("Xero is not connected yet.", "Connect first.")
        return self._tenant.id

    async def _tenants(self) -> tuple[Tenant, ...]:
        token = await self._keeper.token()
        try:
            return await self._identity.tenants(token)
        except ReconnectNeeded:
            # Perhaps the token was only revoked: with another one it is clear.
            return await self._identity.tenants(await self._keeper.renew(token))

    @property
    def _named(self) -> str:
        return self.tenant_id if self._config.names_tenant else ""

    # ---- reads -------------------------------------------------------------------------------------------------------

    async def company(self, *, priority: Priority = "read", caller: str = "", patience: float = 0.0) -> Company:
        """The company's settings, accounts, tax rates and currencies: four calls, worth keeping for a while."""
        tenant = (await self.connect()).id
        reads = (self._api.get_organisations, self._api.get_accounts, self._api.get_tax_rates, self._api.get_currencies)
        answers = [
            await self._calls.read(self._with(get), priority=priority, caller=caller, patience=patience)
            for get in reads
        ]
        organisation, accounts, tax_rates, currencies = [await parsed(answer.body, _same) for answer in answers]
        return company(tenant, organisation, accounts, tax_rates, currencies, read_at=answers[0].date)

    async def contacts(
        self,
        page: int = 1,
        page_size: int = PAGE_SIZE,
        modified_since: datetime | str | None = None,
        include_archived: bool = True,
        *,
        priority: Priority = "background",
        caller: str = "contacts",
        patience: float = 0.0,
    ) -> ContactPage:
        """One page of contacts, oldest change first, archived and merged ones too unless told not to."""
        query: dict[str, Any] = {"page": page, "page_size": page_size, "include_archived": include_archived}
        return await self._contacts(query | _changed(modified_since), page, priority, caller, patience)

    async def contacts_by_id(
        self, ids: Sequence[str], *, priority: Priority = "read", caller: str = "", patience: float = 0.0
    ) -> ContactPage:
        """These contacts, whatever their state; unknown ids are simply not there."""
        await self.connect()
        pages = [
            await self._contacts(
                {"i_ds": chunk, "page": 1, "page_size": PAGE_SIZE, "include_archived": True},
                1, priority, caller, patience,
            )
            for chunk in _chunks(ids, CHUNK)
        ]  # fmt: skip
        return ContactPage(
            items=tuple(item for page in pages for item in page.items),
            fields=tuple(fields for page in pages for fields in page.fields),
            odd=tuple(odd for page in pages for odd in page.odd),
            date=pages[0].date if pages else "",
        )

    async def invoices(
        self,
        *,
        page: int = 1,
        ids: Sequence[str] | None = None,
        numbers: Sequence[str] | None = None,
        modified_since: datetime | str | None = None,
        created_by_my_app: bool = False,
        kind: DocumentType = "ACCREC",
        priority: Priority = "read",
        caller: str = "",
        patience: float = 0.0,
    ) -> InvoicePage:
        """Invoices or credit notes with their lines, in any state: by ids, or by numbers, or one page of all.

        By ids or numbers the answer is complete (as many calls as it takes) and `page` plays no part. Credit notes know
        no `created_by_my_app` at Xero: of them all are answered, whoever made them.
        """
        if ids is not None and numbers is not None:
            raise ValueError("ask by ids or by numbers, not by both")
        if ids is None and numbers is None:
            found = [_mine(kind, created_by_my_app) | {"page": page}]
        else:
            found = _lookups(kind, ids, numbers)
        results = [
            await self._invoices(kind, query | _changed(modified_since), priority, caller, patience) for query in found
        ]
        return results[0] if len(results) == 1 else _merged(results)

    # ---- writes ------------------------------------------------------------------------------------------------------

    def encode(self, documents: Sequence[Document], *, create: bool, moved: Container[tuple[str, int]] = ()) -> bytes:
        """The body of one call; see `worker.xero.encode.encode`."""
        return encoding.encode(documents, create=create, console_url=self._config.console_url, moved=moved)

    def split(
        self, documents: Iterable[Document], *, create: bool, moved: Container[tuple[str, int]] = ()
    ) -> encoding.Batches:
        """As many bodies as it takes; see `worker.xero.encode.split`."""
        return encoding.split(documents, create=create, console_url=self._config.console_url, moved=moved)

    async def admit(self, priority: Priority = "write", caller: str = "") -> Admitted | NotNow:
        """A permit for one call, with a good token at hand. Ask before `begin`; give back what is not used."""
        await self.connect()
        return await self._calls.admit(priority, caller)

    async def unused(self, permit: Admitted) -> None:
        """Give a permit back: nothing was sent under it."""
        await self._calls.unused(permit)

    async def send(
        self,
        method: Method,
        kind: DocumentType,
        body: bytes,
        idempotency_key: str,
        *,
        permit: Admitted,
        within: float | None = None,
    ) -> WriteAnswer:
        """Send these bytes, once: PUT creates, POST updates. What came of it is in the outcome; see `WriteAnswer`.

        `within`: seconds left until the bytes must be on their way (default `send_within`); after that nothing is sent
        any more. The whole call ends after `Limits.request` seconds, and then its socket is torn down.
        """
        write = {
            ("PUT", "ACCREC"): self._api.create_invoices,
            ("POST", "ACCREC"): self._api.update_or_create_invoices,
            ("PUT", "ACCRECCREDIT"): self._api.create_credit_notes,
            ("POST", "ACCRECCREDIT"): self._api.update_or_create_credit_notes,
        }[method, kind]
        named = self._named

        def sending(call: Call) -> Awaitable[Answer]:
            sent: Awaitable[Answer] = write(
                named,
                body,
                summarize_errors=False,
                unitdp=4,
                idempotency_key=idempotency_key,
                _request_timeout=call,
            )
            return sent

        return await self._calls.write(sending, kind, permit, self._limits.send_within if within is None else within)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _with(self, get: Any, **query: Any) -> Any:
        named = self._named
        return lambda call: get(named, **query, _request_timeout=call)

    async def _contacts(
        self, query: dict[str, Any], page: int, priority: Priority, caller: str, patience: float
    ) -> ContactPage:
        await self.connect()
        get = self._with(self._api.get_contacts, **query)
        answer = await self._calls.read(get, priority=priority, caller=caller, patience=patience)
        return await parsed(answer.body, lambda found: contact_page(found, page=page, date=answer.date))

    async def _invoices(
        self, kind: DocumentType, query: dict[str, Any], priority: Priority, caller: str, patience: float
    ) -> InvoicePage:
        await self.connect()
        get = self._api.get_invoices if kind == "ACCREC" else self._api.get_credit_notes
        page = query.setdefault("page", 1)
        read = self._with(get, **query, page_size=PAGE_SIZE, unitdp=4)
        answer = await self._calls.read(read, priority=priority, caller=caller, patience=patience)
        return await parsed(answer.body, lambda found: invoice_page(found, kind, page=page, date=answer.date))


def _mine(kind: DocumentType, created_by_my_app: bool) -> dict[str, Any]:
    return {"created_by_my_app": True} if created_by_my_app and kind == "ACCREC" else {}


def _lookups(kind: DocumentType, ids: Sequence[str] | None, numbers: Sequence[str] | None) -> list[dict[str, Any]]:
    """The queries for a look-up. Lists of credit notes take no ids: they are asked for one by one."""
    if kind == "ACCRECCREDIT":
        by_id = [{"where": f'{ID[kind]}==guid("{value}")'} for value in ids or ()]
        return by_id + [{"where": f'{NUMBER[kind]}=="{value}"'} for value in numbers or ()]
    by_ids = [{"i_ds": chunk} for chunk in _chunks(ids or (), CHUNK)]
    return by_ids + [{"invoice_numbers": chunk} for chunk in _chunks(numbers or (), CHUNK)]


def _changed(modified_since: datetime | str | None) -> dict[str, Any]:
    return {} if modified_since is None else {"if_modified_since": since(modified_since)}


def _chunks(values: Sequence[str], size: int) -> list[list[str]]:
    unique = list(dict.fromkeys(values))
    return [unique[start : start + size] for start in range(0, len(unique), size)]


def _merged(pages: Sequence[InvoicePage]) -> InvoicePage:
    return InvoicePage(
        items=tuple(item for page in pages for item in page.items),
        odd=tuple(odd for page in pages for odd in page.odd),
        date=pages[0].date if pages else "",
    )


def _same(found: Any) -> Any:
    return found
