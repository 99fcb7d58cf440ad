"""The Xero company, as far as the product uses it: its settings, contacts, invoices and credit notes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, Self, TypeVar

from xero_python.accounting import AccountingApi

from worker.billing.model import Company, Document, DocumentType
from worker.limits import Limits
from worker.store.governor import Admitted, Priority
from worker.store.governor import Refused as NotNow
from worker.xero import encode as encoding
from worker.xero import filing
from worker.xero.answers import Answer, WriteAnswer, write_answer
from worker.xero.auth import TokenKeeper, TokenStore
from worker.xero.calls import Calls, Governor
from worker.xero.company import company, is_demo
from worker.xero.config import ATTACHING, XeroConfig
from worker.xero.connection import Connection, Pinned
from worker.xero.contacts import contact_page
from worker.xero.filing import Attachment, HistoryNote
from worker.xero.identity import Identity, Tenant
from worker.xero.lookups import CHUNK, changed, chunks, lookups, merged, mine
from worker.xero.pages import PAGE_SIZE, ContactPage, InvoicePage, parsed
from worker.xero.parse import invoice_page
from worker.xero.transport import AsyncApiClient, Call, Transport

Method = Literal["PUT", "POST"]
Read = TypeVar("Read")


class XeroClient:
    """Calls Xero for one company. An async context manager; `connect` comes before anything else.

    Reads take `priority` ("read": a job's own look-ups; "background": contacts, statuses; with the `caller`'s name) and
    `patience`, the seconds they may wait for their turn, else they raise `Limited`. Other errors: `worker.xero.errors`.
    """

    def __init__(
        self,
        config: XeroConfig,
        tokens: TokenStore,
        governor: Governor,
        limits: Limits,
        *,
        pinned: Pinned | None = None,
    ) -> None:
        """`pinned` gives the company's id once it is known, where the configuration does not."""
        self._config = config
        self._limits = limits
        self._transport = Transport()
        self._identity = Identity(self._transport, config, limits)
        self._keeper = TokenKeeper(tokens, self._identity, limits)
        self._calls = Calls(self._keeper, governor, limits)
        self._api = AccountingApi(AsyncApiClient(self._transport), base_url=f"{config.api_url}/api.xro/2.0")
        self._connection = Connection(self._keeper, self._identity, config.tenant, pinned)

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
        return await self._connection.connect()

    def forget(self) -> None:
        """Find company and token anew before the next call: somebody connected, or disconnected, meanwhile."""
        self._connection.forget()

    @property
    def keeper(self) -> TokenKeeper:
        """Its tokens: keeping them alive, and whether others were stored meanwhile."""
        return self._keeper

    @property
    def tenant_id(self) -> str:
        """The company's id. Raises ReconnectNeeded before `connect`."""
        return self._connection.tenant_id

    async def missing_scopes(self) -> tuple[str, ...]:
        """The scopes of `worker.xero.config` that this consent does not cover; () where Xero does not say.

        Costs no call once there is a token. Raises XeroError when none can be had.
        """
        return self._config.lacking(await self._keeper.scope())

    async def can_attach(self) -> bool:
        """Whether files may be put on documents, which takes a scope that not every connection has. Raises as above."""
        return ATTACHING not in await self.missing_scopes()

    @property
    def _named(self) -> str:
        return self.tenant_id if self._config.names_tenant else ""

    # ---- reads -------------------------------------------------------------------------------------------------------

    async def company(self, *, priority: Priority = "read", caller: str = "", patience: float = 0.0) -> Company:
        """The company's settings with its lock dates, and its lists: accounts, tax rates, tracking, themes, ….

        Six calls, worth keeping for a while.
        """
        tenant = (await self.connect()).id
        reads = (
            self._api.get_organisations,
            self._api.get_accounts,
            self._api.get_tax_rates,
            self._api.get_currencies,
            self._api.get_tracking_categories,
            self._api.get_branding_themes,
        )
        answers = [
            await self._calls.read(self._with(get), priority=priority, caller=caller, patience=patience)
            for get in reads
        ]
        read = [await parsed(answer.body, lambda found: found) for answer in answers]
        return company(tenant, *read, read_at=answers[0].date)

    async def kind(self, *, patience: float = 0.0) -> Literal["demo", "real"]:
        """What the company is; one call."""
        await self.connect()
        answer = await self._calls.read(self._with(self._api.get_organisations), priority="read", patience=patience)
        return "demo" if await parsed(answer.body, is_demo) else "real"

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
        return await self._contacts(query | changed(modified_since), page, priority, caller, patience)

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
            for chunk in chunks(ids, CHUNK)
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
            found = [mine(kind, created_by_my_app) | {"page": page}]
        else:
            found = lookups(kind, ids, numbers)
        results = [
            await self._invoices(kind, query | changed(modified_since), priority, caller, patience) for query in found
        ]
        return results[0] if len(results) == 1 else merged(results)

    async def attachments(
        self,
        document_id: str,
        kind: DocumentType,
        *,
        priority: Priority = "read",
        caller: str = "",
        patience: float = 0.0,
    ) -> tuple[Attachment, ...]:
        """The files on a document, whoever put them there. For a look-up after an unknown `attach`.

        Raises:
            MissingScope: the consent does not cover attachments.
            XeroError: as every read.
        """
        await self.connect()
        get = self._api.get_invoice_attachments if kind == "ACCREC" else self._api.get_credit_note_attachments
        return await self._below(get, document_id, filing.attachments, priority, caller, patience)

    async def history(
        self,
        document_id: str,
        kind: DocumentType,
        *,
        priority: Priority = "read",
        caller: str = "",
        patience: float = 0.0,
    ) -> tuple[HistoryNote, ...]:
        """A document's history, newest first: notes, and what people did. For a look-up after an unknown `note`."""
        await self.connect()
        get = self._api.get_invoice_history if kind == "ACCREC" else self._api.get_credit_note_history
        return await self._below(get, document_id, filing.history, priority, caller, patience)

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

        return await self._calls.write(sending, kind, write_answer, permit, self._within(within))

    async def attach(
        self,
        document_id: str,
        kind: DocumentType,
        name: str,
        content_type: str,
        content: bytes,
        key: str,
        *,
        permit: Admitted,
        within: float | None = None,
        online: bool = False,
    ) -> WriteAnswer:
        """Put a file on a document, once; a file of that name there already is replaced, so it may be sent again.

        Outcomes and `within` are those of `send`, without elements: `answered` says that it is there. `refused` is
        final (Xero takes no more files, not this kind of file, or the document is gone; then nothing may even have
        been sent). With `auth`, `missing_scope` says that the consent lacks `accounting.attachments`: see `can_attach`,
        which knows it beforehand. The permit is used up or given back in every case.

        `name`: with its ending, at most `filing.FILE_BYTES` of `content`. `content_type`: such as "text/csv".
        `key`: the Idempotency-Key. `online`: the client sees the file with the online invoice.
        """
        if problem := filing.bad_file(name, content):
            return await self._unsent(permit, problem)
        invoices = self._api.create_invoice_attachment_by_file_name
        write = invoices if kind == "ACCREC" else self._api.create_credit_note_attachment_by_file_name
        named = self._named

        def sending(call: Call) -> Awaitable[Answer]:
            typed = replace(call, content_type=content_type)
            sent: Awaitable[Answer] = write(
                named, document_id, name, content, include_online=online, idempotency_key=key, _request_timeout=typed
            )
            return sent

        meaning = filing.filed(filing.ATTACHMENTS)
        return await self._calls.write(sending, kind, meaning, permit, self._within(within))

    async def note(
        self,
        document_id: str,
        kind: DocumentType,
        text: str,
        key: str,
        *,
        permit: Admitted,
        within: float | None = None,
    ) -> WriteAnswer:
        """Add a note to a document's history, once. Needs no scope beyond that of invoices.

        Outcomes and `within` are those of `send`, without elements: `answered` says that it is there. After `unknown`
        the same text and key may be sent again while Xero keeps the key; after that look into `history` first: Xero
        adds the note each time. `refused` is final. The permit is used up or given back in every case.

        `text`: at most `filing.NOTE_LENGTH` characters. `key`: the Idempotency-Key.
        """
        if problem := filing.bad_note(text):
            return await self._unsent(permit, problem)
        write = self._api.create_invoice_history if kind == "ACCREC" else self._api.create_credit_note_history
        named, body = self._named, filing.note_body(text)

        def sending(call: Call) -> Awaitable[Answer]:
            sent: Awaitable[Answer] = write(named, document_id, body, idempotency_key=key, _request_timeout=call)
            return sent

        return await self._calls.write(sending, kind, filing.filed(filing.HISTORY), permit, self._within(within))

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _within(self, seconds: float | None) -> float:
        return self._limits.send_within if seconds is None else seconds

    async def _unsent(self, permit: Admitted, problem: str) -> WriteAnswer:
        await self._calls.unused(permit)
        return WriteAnswer(outcome="refused", problem=problem)

    async def _below(
        self, get: Any, document_id: str, read: Callable[[Any], Read], priority: Priority, caller: str, patience: float
    ) -> Read:
        named = self._named

        def sending(call: Call) -> Awaitable[Answer]:
            sent: Awaitable[Answer] = get(named, document_id, _request_timeout=call)
            return sent

        answer = await self._calls.read(sending, priority=priority, caller=caller, patience=patience)
        return await parsed(answer.body, read)

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
