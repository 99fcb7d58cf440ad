"""The Xero stand-in over sockets, a client of it, and what a test does with the two."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from aiohttp import web
from xero_doubles import document, permit

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.xero.app import create_app, xero_faults
from sandbox.xero.company import CLIENT_ID, CLIENT_SECRET, XeroCompany
from worker.billing.model import Document, Found, Line
from worker.xero.answers import WriteAnswer
from worker.xero.client import Method, XeroClient
from worker.xero.config import XeroConfig

TIME = Line(
    description="Billing engine · Ada",
    quantity=Decimal("3.3333"),
    unit_amount=Decimal("120.1234"),
    account="200",
    tax_type="OUTPUT2",
)


class Company:
    """A running stand-in, a client of it, and the contact to bill."""

    def __init__(self, company: XeroCompany, faults: Faults, client: XeroClient) -> None:
        self.company = company
        self.faults = faults
        self.client = client
        self.contact = self.add_contact("Ridgeway University")

    def add_contact(self, name: str, **fields: Any) -> str:
        return str(self.company.act("contact", {"body": {"Name": name} | fields})["ContactID"]).lower()

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call of the API that arrived."""
        return list(self.company.act("calls", {})["calls"])

    def bill(self, *lines: Line, **given: Any) -> Document:
        return document(*(lines or (TIME,)), contact=self.contact, **given)

    async def write(self, *documents: Document, create: bool = True, key: str = "") -> WriteAnswer:
        body = self.client.encode(documents, create=create)
        method: Method = "PUT" if create else "POST"
        name = key or f"key-{len(self.calls)}"
        return await self.client.send(method, documents[0].type, body, name, permit=await permit(self.client))

    async def created(self, *documents: Document) -> tuple[Found, ...]:
        found = await self.write(*documents)
        assert [element.outcome for element in found.elements] == ["OK"] * len(documents), found
        return found.elements


@asynccontextmanager
async def stand_in() -> AsyncIterator[tuple[str, XeroCompany, Faults]]:
    clock, faults = Clock(scale=1), xero_faults()
    company = XeroCompany(clock)
    runner = web.AppRunner(create_app(clock, faults, company), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", company, faults
    finally:
        await runner.cleanup()


def its_config(url: str) -> XeroConfig:
    return XeroConfig(CLIENT_ID, CLIENT_SECRET, identity_url=url, api_url=url, console_url="https://time.example")
