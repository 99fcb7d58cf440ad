"""The company in a browser: look at contacts and documents, and do by hand what people do in Xero."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from aiohttp import web

from sandbox.xero import attachments, contacts, documents, forms
from sandbox.xero.actions import PERSON, write_as_person
from sandbox.xero.allocations import allocate, creditable
from sandbox.xero.company import XeroCompany
from sandbox.xero.documents import TRANSITIONS
from sandbox.xero.errors import MissingError, RuleError
from sandbox.xero.fields import Fields
from sandbox.xero.payments import pay
from sandbox.xero.records import Allocation, Document, Kind
from sandbox.xero.wire import Json

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KINDS: dict[str, Kind] = {"invoices": "invoice", "credit-notes": "credit_note"}
STATUSES = ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED")
WORDS = {
    "DRAFT": "Draft",
    "SUBMITTED": "Awaiting approval",
    "AUTHORISED": "Approved",
    "PAID": "Paid",
    "VOIDED": "Voided",
    "DELETED": "Deleted",
}
VERBS = {
    "DRAFT": "Back to draft",
    "SUBMITTED": "Submit for approval",
    "AUTHORISED": "Approve",
    "VOIDED": "Void",
    "DELETED": "Delete",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
EDITABLE = frozenset({"DRAFT", "SUBMITTED", "AUTHORISED"})
STYLE = Path(__file__).parent / "static" / "style.css"
_KIND = "{kind:invoices|credit-notes}"


def page_templates() -> jinja2.Environment:
    """The templates, escaping everything, with the two ways pages print numbers."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True
    )
    templates.filters["plain"] = lambda value: format(value, "f")
    templates.filters["price"] = lambda value: f"{value:,.2f}" if value == round(value, 2) else f"{value:,.4f}"
    return templates


class Site:
    """Pages at `/`; every form goes through the same rules as the API."""

    def __init__(self, company: XeroCompany, templates: jinja2.Environment) -> None:
        self.company = company
        self.templates = templates

    def routes(self) -> list[web.RouteDef]:
        """All pages and forms."""
        return [
            web.get("/", self.home),
            web.get("/style.css", _style),
            web.get("/AccountsReceivable/View.aspx", _as_linked("invoices", "invoiceid")),
            web.get("/AccountsReceivable/ViewCreditNote.aspx", _as_linked("credit-notes", "creditnoteid")),
            web.get("/contacts", self.contacts),
            web.post("/contacts", self._form(self.add_contact)),
            web.post("/contacts/{id}/archive", self._form(self.archive_contact)),
            web.get(f"/{_KIND}", self.documents),
            web.get(f"/{_KIND}/{{id}}", self.document),
            web.post(f"/{_KIND}/{{id}}/lines", self._form(self.save_lines)),
            web.post(f"/{_KIND}/{{id}}/reference", self._form(self.save_reference)),
            web.post(f"/{_KIND}/{{id}}/status", self._form(self.set_status)),
            web.get(f"/{_KIND}/{{id}}/files/{{file}}", self.file),
            web.post("/invoices/{id}/payments", self._form(self.record_payment)),
            web.post("/credit-notes/{id}/allocations", self._form(self.allocate_credit)),
        ]

    async def home(self, _request: web.Request) -> web.Response:
        """Straight to the invoices."""
        return web.Response(status=302, headers={"Location": "/invoices"})

    async def documents(self, request: web.Request) -> web.Response:
        """Invoices or credit notes, by status."""
        kind = KINDS[request.match_info["kind"]]
        status = request.query.get("status", "")
        every = [document for document in self.company.books.documents(kind) if document.type.startswith("ACCREC")]
        shown = [document for document in every if not status or document.status == status]
        counts = {name: sum(document.status == name for document in every) for name in STATUSES}
        return self._page(
            "documents.html",
            kind=request.match_info["kind"],
            chosen=status,
            counts=counts,
            names={contact.id: contact.name for contact in self.company.books.shelves.contacts.values()},
            documents=sorted(shown, key=lambda document: document.updated, reverse=True),
        )

    async def document(self, request: web.Request) -> web.Response:
        """One invoice as the client sees it, with forms while it may be edited."""
        try:
            return self._document_page(request, self._found(request))
        except MissingError:
            return self._page("refused.html", 404, error="There is no such document in this company.")

    async def file(self, request: web.Request) -> web.Response:
        """A file on a document, to be saved and never shown: it may hold anything."""
        try:
            found = attachments.find(self.company.books, self._found(request), request.match_info["file"])
        except MissingError:
            return self._page("refused.html", 404, error="There is no such file on this document.")
        saved = {"Content-Type": found.content_type, "Content-Disposition": "attachment"}
        return web.Response(body=found.content, headers=HEADERS | saved)

    async def contacts(self, _request: web.Request) -> web.Response:
        """All contacts."""
        every = sorted(self.company.books.shelves.contacts.values(), key=lambda contact: contact.name.casefold())
        return self._page("contacts.html", contacts=every)

    async def add_contact(self, _request: web.Request, form: forms.Form) -> str:
        """Make a contact."""
        body = {"Name": form.get("name", ""), "EmailAddress": form.get("email", "")}
        contacts.write(self.company.books, Fields(body, "contact"), create_only=True)
        return "/contacts"

    async def archive_contact(self, request: web.Request, _form: forms.Form) -> str:
        """Archive a contact."""
        body = Fields({"ContactStatus": "ARCHIVED"}, "contact")
        contacts.write(self.company.books, body, create_only=False, target=request.match_info["id"])
        return "/contacts"

    async def save_lines(self, request: web.Request, form: forms.Form) -> str:
        """Take over the edited lines."""
        document = self._found(request)
        return self._write(request, {"LineItems": forms.line_items(document, form)})

    async def save_reference(self, request: web.Request, form: forms.Form) -> str:
        """Take over the edited reference."""
        return self._write(request, {"Reference": form.get("reference", "")})

    async def set_status(self, request: web.Request, form: forms.Form) -> str:
        """Submit, approve, void, delete."""
        status = form.get("status", "")
        if status not in VERBS:
            raise RuleError("Choose what should become of the document")
        return self._write(request, {"Status": status})

    async def record_payment(self, request: web.Request, form: forms.Form) -> str:
        """Record a payment into the bank account."""
        document = self._found(request)
        body = {
            "Invoice": {"InvoiceID": document.id},
            "Account": {"Code": "090"},
            "Amount": form.get("amount") or str(document.due_amount),
        }
        pay(self.company.books, forms.checked(body), PERSON)
        return request.path.removesuffix("/payments")

    async def allocate_credit(self, request: web.Request, form: forms.Form) -> str:
        """Set a credit note against an invoice."""
        note = documents.find(self.company.books, "credit_note", request.match_info["id"])
        body = {"Invoice": {"InvoiceID": form.get("invoice", "")}, "Amount": form.get("amount", "")}
        allocate(self.company.books, note, forms.checked(body), PERSON)
        return request.path.removesuffix("/allocations")

    def _write(self, request: web.Request, body: Json) -> str:
        kind = KINDS[request.match_info["kind"]]
        document = write_as_person(self.company, kind, body, request.match_info["id"])
        return f"/{request.match_info['kind']}/{document.id}"

    def _found(self, request: web.Request) -> Document:
        kind = KINDS[request.match_info.get("kind", "invoices")]
        return documents.find(self.company.books, kind, request.match_info["id"])

    def _form(self, save: Callable[[web.Request, forms.Form], Awaitable[str]]) -> Handler:
        """A form: from our own pages only; shows the page again, with the reason, where the company refuses."""

        async def handle(request: web.Request) -> web.Response:
            if not _same_origin(request):
                return self._page("refused.html", 403, error="This form was not sent from a page of this site.")
            try:
                target = await save(request, await forms.read(request))
            except MissingError:
                return self._page("refused.html", 404, error="There is no such record in this company.")
            except RuleError as refused:
                return self._page("refused.html", 400, error=str(refused), back=_back(request))
            return web.Response(status=303, headers={"Location": target})

        return handle

    def _document_page(self, request: web.Request, document: Document) -> web.Response:
        books = self.company.books
        moves = [
            (status, VERBS[status])
            for status in VERBS
            if status in TRANSITIONS.get(document.status, ()) and status != document.status
        ]
        return self._page(
            "document.html",
            kind=request.match_info["kind"],
            document=document,
            contact=books.shelves.contacts[document.contact_id],
            editable=document.status in EDITABLE and not (document.paid or document.credited),
            moves=moves,
            payable=document.status == "AUTHORISED" and document.kind == "invoice",
            creditable=creditable(books, document),
            allocations=[(one, self._other(one, document)) for one in books.allocations(document)],
            files=attachments.held(books, document),
            accounts=[account for account in books.accounts.values() if account.takes_lines],
            tax_rates=[rate for rate in books.tax_rates.values() if rate.sales and rate.status == "ACTIVE"],
            tracking={pair: forms.tracking_names(books, pair) for line in document.lines for pair in line.tracking},
            history=books.shelves.notes.get(document.id, ())[::-1],
        )

    def _other(self, allocation: Allocation, document: Document) -> Document:
        """The document on the other side of an allocation."""
        is_credit = document.id == allocation.credit_note_id
        return self.company.books.shelves.documents[allocation.invoice_id if is_credit else allocation.credit_note_id]

    def _page(self, name: str, status: int = 200, **values: Any) -> web.Response:
        values |= {"organisation": self.company.books.organisation, "words": WORDS}
        text = self.templates.get_template(name).render(**values)
        return web.Response(status=status, text=text, content_type="text/html", headers=HEADERS)


def _as_linked(kind: str, parameter: str) -> Handler:
    """The addresses by which others link to a document in Xero's own site; parameters in any case."""

    async def lead(request: web.Request) -> web.StreamResponse:
        wanted = {name.lower(): value for name, value in request.query.items()}.get(parameter, "")
        raise web.HTTPSeeOther(f"/{kind}/{quote(wanted, safe='')}")

    return lead


async def _style(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(STYLE)


def _same_origin(request: web.Request) -> bool:
    """Browsers name the page a form comes from; one without a name is not taken."""
    origin = request.headers.get("Origin") or request.headers.get("Referer", "")
    return urlsplit(origin).netloc == request.host


def _back(request: web.Request) -> str:
    return urlsplit(request.headers.get("Referer", "")).path or "/"
