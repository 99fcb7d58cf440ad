"""Three real entries beside a mapping: what Salesforce holds in the chosen fields, and what that comes to.

The mapping may be half done: what is missing or wrong is left out of the reading. Nothing is written anywhere.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from console import readmodel
from console.drafting import Draft
from console.editing import edited
from console.fields import there
from worker.billing.model import Company, Contact, Entry, Waiting
from worker.billing.money import HOUR, half_up
from worker.billing.rates import Rate, rate_for
from worker.billing.resolve import contact_for, currency_for
from worker.billing.rules import Rules
from worker.billing.zones import iana
from worker.context import Context
from worker.errors import HourstreamError
from worker.salesforce import soql
from worker.setup import Setup, usable
from worker.setup.mapping import entry_from
from worker.setup.paths import read_paths
from worker.store.contact_links import resolved

COUNT: Final = 3
_CONTACT: Final = ("source", "fields", "xero_contact")
PATIENCE: Final = 3.0  # seconds somebody who looks at a page waits for a call of Xero to be allowed


class Sampled(Struct, frozen=True, kw_only=True):
    """One entry. `values`: what is in the field of each mapped name, as text. The rest is "" where it cannot be said
    yet; `contact_problem` and `rate_problem` say why an entry would wait, `unreadable` why it cannot be read."""

    record: str
    values: dict[str, str]
    hours: str = ""
    contact: str = ""
    contact_problem: str = ""
    rate: str = ""
    currency: str = ""
    source: str = ""  # the rate's
    rate_problem: str = ""
    amount: str = ""
    unreadable: str = ""


async def sampled(ctx: Context, draft: Draft) -> list[Sampled]:
    """The entries that were made last; [] before an object is chosen, or where it holds none.

    Raises Salesforce's errors.
    """
    setup = await _readable(ctx, draft)
    if setup is None or not draft.value("source", "sobject"):
        return []
    company = await _company(ctx)
    zone = iana(company.timezone if company else "")
    rules = setup.rules(await ctx.org(), 0, zone)
    rows = await _records(ctx, setup)
    entries = [entry_from(row, setup, timezone=zone) for row in rows]
    links = await ctx.store.contact_links.of(entry.linked for entry in entries if entry.linked)
    entries = [resolved(entry, links) for entry in entries]
    contacts = await _contacts(ctx, {entry.xero_contact for entry in entries} - {""})
    return [_one(row, entry, draft, setup, rules, contacts, company) for row, entry in zip(rows, entries, strict=True)]


async def _readable(ctx: Context, draft: Draft) -> Setup | None:
    """The draft without the paths that the org does not have."""
    setup = usable(draft.text)
    if setup is None or not draft.value("source", "sobject"):
        return None
    wrong: dict[tuple[str, ...], Any] = {}
    for key, path in read_paths(setup.source):
        if not await there(ctx, setup.source.sobject, path):
            wrong[tuple(str(part) for part in key[:3])] = None
    return usable(edited(draft.text, wrong)) if wrong else setup


async def _records(ctx: Context, setup: Setup) -> list[Mapping[str, Any]]:
    shape = await ctx.salesforce.describe(setup.source.sobject)
    fields = {field.lower() for field in setup.source.write_back.fields.values() if shape.field(field) is None}
    paths = [path for path in setup.paths() if path.lower() not in fields and await there(ctx, shape.name, path)]
    order = "CreatedDate DESC, Id DESC" if shape.field("CreatedDate") else "Id DESC"
    query = soql.select(shape.name, paths, order=order, limit=COUNT)
    return [row async for page in ctx.salesforce.query(query) for row in page]


async def _company(ctx: Context) -> Company | None:
    try:
        return await ctx.company()
    except HourstreamError:
        return None  # currencies and time zone are then not told


async def _contacts(ctx: Context, ids: set[str]) -> dict[str, Contact]:
    """By id; those that were never pulled are asked for."""
    known = await ctx.contacts(ids)
    unknown = sorted(ids - known.keys())
    if unknown:
        try:
            await ctx.tenant()
            page = await ctx.xero.contacts_by_id(unknown, patience=PATIENCE)
        except HourstreamError:
            return known
        known |= {contact.id: contact for contact in page.items}
    return known


def _one(
    row: Mapping[str, Any],
    entry: Entry,
    draft: Draft,
    setup: Setup,
    rules: Rules,
    contacts: Mapping[str, Contact],
    company: Company | None,
) -> Sampled:
    contact = contact_for(entry, contacts.get(entry.xero_contact))
    found = Sampled(
        record=entry.record,
        values=_values(row, setup, draft),
        hours="" if entry.seconds is None else readmodel.hours(entry.seconds),
    )
    if draft.value(*_CONTACT):
        found = replace(found, unreadable=entry.unreadable, **_named(entry, contact, company))
    return replace(found, **_rated(entry, rules, contact, company))


def _named(entry: Entry, contact: Contact | Waiting, company: Company | None) -> dict[str, str]:
    if isinstance(contact, Contact):
        return {"contact": contact.name or contact.id}
    if entry.xero_contact and company is None:
        return {"contact_problem": f"Xero cannot be asked who {entry.xero_contact} is."}
    return {"contact_problem": contact.text}


def _rated(entry: Entry, rules: Rules, contact: Contact | Waiting, company: Company | None) -> dict[str, str]:
    currency: str | Waiting = entry.currency or (company.base_currency if company else "")
    if isinstance(contact, Contact) and company is not None:
        currency = currency_for(entry, contact, company)
    if isinstance(currency, Waiting):
        return {"rate_problem": currency.text}
    rate = rate_for(entry, rules, currency=currency)
    if not isinstance(rate, Rate):
        return {"rate_problem": rate.text, "currency": currency}
    amount = "" if entry.seconds is None else readmodel.money(half_up(entry.seconds / HOUR * rate.amount, 2))
    return {"rate": readmodel.plain(rate.amount), "currency": rate.currency, "source": rate.source, "amount": amount}


def _values(row: Mapping[str, Any], setup: Setup, draft: Draft) -> dict[str, str]:
    """What is in each mapped field, as it is."""
    named = setup.source.fields.mapped()
    if setup.source.approved is not None:
        named["approved"] = setup.source.approved.field
    kept = {name: path for name, path in named.items() if name == "approved" or draft.value("source", "fields", name)}
    return {name: _text(_at(row, path)) for name, path in kept.items()}


def _at(row: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(row, Mapping):
            return None
        row = next((value for key, value in row.items() if key.lower() == part.lower()), None)
    return row


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
