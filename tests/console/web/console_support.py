"""A console on a real socket, a browser in front of it, and a small ledger behind it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import aiohttp
from aiohttp import web

from console.access import one_time_link
from console.web.app import make_app
from worker.billing.model import Company, Contact, Document, Entry, Invoice, Line, Placed, Posting, Share, Waiting
from worker.settings import Settings
from worker.setup import parse
from worker.store.ledger import Facts
from worker.store.people import Role
from worker.store.store import Store

SECRET = "ruQmCLCVFOHGBmOBkHRBzJ6_GRc4zMYVYXTxD8RqMmU="
KEY = "ZD0ZCTYSDYYW"
XERO_ID = "0a0a0a0a-0000-4000-8000-00000000d0c1"
ACME = "0a0a0a0a-0000-4000-8000-00000000ac3e"
OWN = {"Sec-Fetch-Site": "same-origin"}
SETUP = """
[source]
sobject = "TimeEntry__c"
[source.fields]
hours = "Hours__c"
worked_on = "Work_Date__c"
person = "OwnerId"
xero_contact = "Project__r.Xero_Contact__r.Contact_ID__c"
[schedule]
invoices = "live"
[billing]
start = 2026-11-01
revenue_account = "200"
"""


def unit(number: int) -> str:
    """The id of a unit."""
    return f"TimeEntry__c:a00Hs00000000{number:02}IAA#0"


def number_of(unit_id: str) -> int:
    """The number in it."""
    return int(unit_id[26:28])


@dataclass
class Browser:
    """What a person's browser does with one console. Requests carry its cookies, redirects are shown, not followed."""

    http: aiohttp.ClientSession
    port: int
    store: Store

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def get(self, path: str, **more: Any) -> tuple[aiohttp.ClientResponse, str]:
        """A page and its text."""
        async with self.http.get(self.url(path), allow_redirects=False, **more) as response:
            return response, await response.text()

    async def post(self, path: str, headers: dict[str, str] | None = None) -> tuple[aiohttp.ClientResponse, str]:
        """A form without fields, sent from a page of the console itself unless `headers` say otherwise."""
        sent = OWN if headers is None else headers
        async with self.http.post(self.url(path), headers=sent, allow_redirects=False) as response:
            return response, await response.text()

    async def send(self, path: str, form: dict[str, str]) -> tuple[aiohttp.ClientResponse, str]:
        """A form with fields, from a page of the console."""
        async with self.http.post(self.url(path), data=form, headers=OWN, allow_redirects=False) as response:
            return response, await response.text()

    async def link(self, role: Role = "administrator") -> str:
        """The path of a new one-time link; whoever uses it is called by their role."""
        return await one_time_link(self.store, "", who=role, role=role)

    async def sign_in(self, role: Role = "administrator") -> "Browser":
        """Use a new link."""
        response, _ = await self.post(await self.link(role))
        assert response.status == 303
        return self


async def served(store: Store, settings: Settings) -> tuple[web.AppRunner, int]:
    """The console on a free port; the caller cleans up."""
    runner = web.AppRunner(make_app(store, settings), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    return runner, site._server.sockets[0].getsockname()[1]


# ---- what is in the ledger -----------------------------------------------------------------------------------------


def entry(number: int, **changes: Any) -> Entry:
    """Ada's hour on the tower."""
    given: dict[str, Any] = {
        "id": unit(number), "record": unit(number)[13:31], "seconds": Decimal(3600), "worked_on": date(2026, 11, 5),
        "person": "005000000000001AAA", "person_name": "Ada", "project": "a01000000000001AAA", "project_name": "Tower",
        "description": "Drawings", "xero_contact": ACME,
    }  # fmt: skip
    return Entry(**{**given, **changes})


def posting(number: int) -> Posting:
    """The fact that the hour is on the first document."""
    return Posting(
        unit=unit(number), document=f"{KEY}/1", line="line-1", contact=ACME, currency="GBP", rate=Decimal(120),
        rate_source="people", seconds=Decimal(3600), amount=Decimal("120.00"),
    )  # fmt: skip


def placed(number: int) -> Placed:
    """The verdict that the hour belongs on the invoice."""
    return Placed(
        unit=unit(number), key=KEY, contact=ACME, currency="GBP", group=(), period="2026-11", seconds=Decimal(3600),
        rate=Decimal(120), rate_source="people", basis="", account="200", tax_type="OUTPUT2", amounts="exclusive",
        line="tower", description="Tower · Ada", worked_on=date(2026, 11, 5),
    )  # fmt: skip


def document(*numbers: int, **changes: Any) -> Document:
    """A draft with one line of these hours."""
    shares = tuple(
        Share(unit=unit(n), seconds=Decimal(3600), amount=Decimal(120), rate=Decimal(120), rate_source="people")
        for n in numbers
    )
    line = Line(
        id="line-1", description="Tower · Ada", quantity=Decimal(len(numbers)), unit_amount=Decimal(120),
        amount=Decimal(120 * len(numbers)), account="200", tax_type="OUTPUT2", shares=shares,
    )  # fmt: skip
    given: dict[str, Any] = {
        "key": KEY, "sequence": 1, "number": "TT-00042", "contact": ACME, "currency": "GBP", "period": "2026-11",
        "date": "2026-11-30", "lines": (line,), "xero_id": XERO_ID, "total": Decimal("1234.5"),
        "total_tax": Decimal("205.75"),
    }  # fmt: skip
    return Document(**{**given, **changes})


def invoice(*documents: Document, **changes: Any) -> Invoice:
    """The ledger's record of these documents."""
    given = {"key": KEY, "contact": ACME, "contact_name": "Acme", "currency": "GBP", "period": "2026-11"}
    return Invoice(**{**given, **changes, "documents": documents})


async def fill(store: Store, record: Invoice | None, facts: list[Facts], *, postings: bool = True) -> None:
    """Make a complete ledger of this."""
    token = await store.epoch.take(60)
    if record is not None:
        await store.epoch.restore_invoice(token, record)
    made = {fact.id: (posting(number_of(fact.id)),) for fact in facts if isinstance(fact.verdict, Placed)}
    await store.epoch.restore_units(token, await store.ledger.ticket(), facts, made if postings else {})
    epoch = await store.epoch.complete(token)
    for work in store.lists():
        await work.done(epoch, await work.claim(epoch, 1000, 60))


def fact(number: int, *, waits: Waiting | None = None, **changes: Any) -> Facts:
    """What one read of Salesforce found."""
    return Facts(id=unit(number), generation="", entry=entry(number, **changes), verdict=waits or placed(number))


async def working(store: Store, *, setup: str = SETUP) -> None:
    """A setup in force, a worker and a listener that live, a company that was read."""
    parse(setup)
    await store.setup.save(setup, "somebody")
    await store.heartbeats.beat("worker", "worker 1")
    heard = {"state": "listening", "transport": "pubsub", "last_response_at": "2026-11-05T10:42:07.250Z"}
    await store.heartbeats.beat("listener", "listener 1", heard)
    await store.pair.pin("org", "00D000000000001EAA")
    await store.company.put(Company(tenant="t", name="Hours & Sons", base_currency="GBP", demo=True))
    await store.contacts.put_many([Contact(id=ACME, name="Acme")])
