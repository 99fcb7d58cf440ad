"""A running Xero stand-in and a plain client for it; every JSON answer is judged by Xero's own API description."""

import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.logins import PASSWORD
from sandbox.xero import wire
from sandbox.xero.app import create_app, xero_faults
from sandbox.xero.company import CLIENT_ID, CLIENT_SECRET, XeroCompany
from sandbox.xero.people import USERS

DESCRIPTION = Path(__file__).parents[4] / "shared" / "xero" / "xero_accounting.yaml"
ROOT = "urn:xero"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without timestamps: the description's examples of dates must stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


class Judge:
    """Says what in an answer contradicts the API description; without the file it has no opinion."""

    def __init__(self, path: Path) -> None:
        self.known = path.exists()
        self.judged = 0
        self._validators: dict[str, OAS30Validator] = {}
        if self.known:
            document = yaml.load(path.read_text(encoding="utf-8"), _Loader)
            self._registry = Registry().with_resource(ROOT, DRAFT4.create_resource(document))

    def check(self, method: str, path: str, status: int, body: Any) -> None:
        """Raise AssertionError with every contradiction."""
        name = _schema_name(method, path, status)
        if not self.known or name is None:
            return
        if name not in self._validators:
            schema = {"$ref": f"{ROOT}#/components/schemas/{name}"}
            self._validators[name] = OAS30Validator(
                schema, registry=self._registry, format_checker=oas30_format_checker
            )
        self.judged += 1
        problems = [f"{list(one.path)}: {one.message}" for one in self._validators[name].iter_errors(floats(body))]
        assert not problems, f"{method} {path} answered what {name} does not allow: {problems[:5]}"


def floats(value: Any) -> Any:
    """The validator knows only floats for numbers."""
    if isinstance(value, dict):
        return {key: floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [floats(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def _schema_name(method: str, path: str, status: int) -> str | None:
    match = re.match(r"/api\.xro/2\.0/(\w+)(?:/[^/]+(?:/(\w+))?)?", path)
    if match is None or status not in {200, 400}:
        return None
    if status == 400:
        return "Error"
    if match[2] == "Allocations" and method == "DELETE":
        return "Allocation"
    names = {"History": "HistoryRecords", "Organisation": "Organisations"}
    below = match[2] or match[1]
    return names.get(below, below)


@dataclass
class Answer:
    """An HTTP answer with its JSON, fractions as Decimal."""

    status: int
    headers: Any
    raw: bytes
    body: Any

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The records of an API answer."""
        return next(value for key, value in self.body.items() if isinstance(value, list) and key != "Elements")

    @property
    def row(self) -> dict[str, Any]:
        """The only record of an API answer."""
        assert len(self.rows) == 1, self.body
        return self.rows[0]

    @property
    def messages(self) -> list[str]:
        """All validation messages of a refusal, in either of its shapes."""
        elements = self.body.get("Elements") or self.rows
        return [error["Message"] for element in elements for error in element.get("ValidationErrors", [])]


@dataclass
class Xero:
    """The stand-in under test, with a client that is connected like the product's custom connection."""

    url: str
    clock: Clock
    faults: Faults
    company: XeroCompany
    http: aiohttp.ClientSession
    judge: Judge
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def request(self, method: str, path: str, *, body: Any = None, headers: Any = None, **query: Any) -> Answer:
        """One request as it is, judged when it answers JSON."""
        data = None if body is None else io.BytesIO(body if isinstance(body, bytes) else wire.encode(body))
        params = {name: str(value) for name, value in query.items() if value is not None}
        async with self.http.request(method, self.url + path, data=data, headers=headers, params=params) as answer:
            raw = await answer.read()
            is_json = answer.content_type == "application/json" and raw
            parsed = wire.decode(raw) if is_json else None
            if is_json:
                self.judge.check(method, path, answer.status, parsed)
            return Answer(answer.status, answer.headers.copy(), raw, parsed)

    async def authenticate(self, **form: str) -> Answer:
        """Ask for a token of the custom connection and use it from now on."""
        fields = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET} | form
        async with self.http.post(f"{self.url}/connect/token", data=fields) as answer:
            raw = await answer.read()
            body = wire.decode(raw)
            self.token = body.get("access_token", "")
            return Answer(answer.status, answer.headers.copy(), raw, body)

    async def form(self, path: str, origin: str | None = "", **fields: str) -> Answer:
        """Send a form as a browser does; `origin` None leaves the page it comes from unnamed."""
        headers = {} if origin is None else {"Origin": origin or self.url}
        async with self.http.post(self.url + path, data=fields, headers=headers, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers.copy(), await answer.read(), None)

    async def signed_in(self, email: str = USERS[0].email, password: str = PASSWORD) -> dict[str, str]:
        """The cookies of a browser in which this person logged in."""
        form = {"Username": email, "Password": password, "ReturnUrl": "/"}
        async with self.http.post(f"{self.url}/identity/user/login", data=form, allow_redirects=False) as answer:
            return {name: cookie.value for name, cookie in answer.cookies.items()}

    async def api(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: Any = None, **query: Any
    ) -> Answer:
        """One API call with token, JSON wanted."""
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if key is not None:
            sent["Idempotency-Key"] = key
        if body is not None:
            sent["Content-Type"] = "application/json"
        return await self.request(method, f"/api.xro/2.0/{path}", body=body, headers=sent | (headers or {}), **query)

    async def contact(self, name: str = "Ridgeway University", **fields: Any) -> dict[str, Any]:
        """Make a contact."""
        answer = await self.api("PUT", "Contacts", {"Contacts": [{"Name": name} | fields]})
        assert answer.status == 200, answer.body
        return answer.row

    async def contact_unjudged(self) -> dict[str, Any]:
        """Make a contact whose answer goes beyond Xero's own description, as some real ones do."""
        judge, self.judge = self.judge, Judge(Path("/nowhere"))
        try:
            return await self.contact()
        finally:
            self.judge = judge

    async def draft(self, contact_id: str, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Make a draft invoice, prices to 4 places."""
        body = invoice(contact_id, *lines, **fields)
        answer = await self.api("PUT", "Invoices", {"Invoices": [body]}, unitdp=4)
        assert answer.status == 200, answer.body
        return answer.row

    async def update(self, **fields: Any) -> Answer:
        """POST one invoice, errors per element, prices to 4 places."""
        return await self.api("POST", "Invoices", {"Invoices": [fields]}, summarizeErrors=False, unitdp=4)


def line(quantity: str = "1", price: str = "100", **fields: Any) -> dict[str, Any]:
    """A line as a client sends it."""
    numbers = {"Quantity": wire.decode(quantity.encode()), "UnitAmount": wire.decode(price.encode())}
    return {"Description": "Consulting", "AccountCode": "200"} | numbers | fields


def invoice(contact_id: str, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A sales invoice as a client sends it."""
    head = {"Type": "ACCREC", "Contact": {"ContactID": contact_id}, "Date": "2026-11-30", "DueDate": "2026-12-14"}
    return head | {"LineItems": list(lines) or [line()]} | fields


@asynccontextmanager
async def running(judge: Judge, clock: Clock) -> AsyncIterator[Xero]:
    """The stand-in on a free port."""
    company, faults = XeroCompany(clock), xero_faults()
    runner = web.AppRunner(create_app(clock, faults, company), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession() as http:
            yield Xero(f"http://127.0.0.1:{port}", clock, faults, company, http, judge)
    finally:
        await runner.cleanup()
