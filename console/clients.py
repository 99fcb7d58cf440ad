"""Xero contacts for people: which are used, what will be used of each and where it comes from, what is to be linked."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Literal

import msgspec

from console import linking, readmodel
from console.linking import RecordView
from worker.billing.model import Company, Contact, Entry, Terms, Waiting
from worker.billing.resolve import account_for, amounts_for, currency_for, sources_of, tax_type_for
from worker.billing.rules import Rules
from worker.context import Context
from worker.store.ledger import Unit
from worker.store.store import Store

Tab = Literal["link", "used", "unused"]
WAITING = 10_000  # units that wait, looked at for records without a contact
TERMS = {
    "OFFOLLOWINGMONTH": "{day} of the following month",
    "DAYSAFTERBILLDATE": "{day} days after the invoice date",
    "OFCURRENTMONTH": "{day} of the invoice's month",
    "DAYSAFTERBILLMONTH": "{day} days after the end of the invoice's month",
}
SOURCES = {"the contact": "contact", "the setup": "setup", "the company": "company", "the account": "account"}


class Value(msgspec.Struct, frozen=True):
    """What will be used, and where it comes from ("" where nothing is said); `problem` where Xero would refuse it."""

    text: str
    source: str = ""
    problem: str = ""


class ContactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One Xero contact. `mark` is "archived", "merged into …", "data protection request", or ""."""

    id: str
    name: str
    email: str
    mark: str
    problem: str  # why it is not in Salesforce
    currency: Value
    account: Value
    tax: Value
    amounts: Value
    terms: Value


async def used_contacts(store: Store) -> set[str]:
    """Contacts that time was ever placed on, or that a record is linked to."""
    return {link.contact for link in (await store.contact_links.all()).values()} | await store.figures.contacts()


@dataclass(frozen=True, slots=True)
class Listed:
    """A contact as it is found in a list: its id, and what is looked through for a text."""

    id: str
    name: str
    text: str
    active: bool


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything that the tabs list, by name. `linking`: records are linked here, not by a field in Salesforce;
    `links`: how many are."""

    missing: Sequence[RecordView]
    linking: bool
    links: int
    used: Sequence[Listed]
    unused: Sequence[Listed]

    def contacts(self, tab: Tab, text: str) -> Sequence[Listed]:
        """Those of a tab, with a text in name, e-mail address, number or id."""
        every, wanted = self.used if tab == "used" else self.unused, text.casefold()
        return [each for each in every if wanted in each.text] if wanted else every

    def records(self, text: str) -> Sequence[RecordView]:
        """What has no contact, with a text in its name or id."""
        wanted = text.casefold()
        return [each for each in self.missing if wanted in f"{each.name} {each.id}".casefold()]

    def names(self, most: int) -> list[str]:
        """Names of so many contacts that can be chosen."""
        both = heapq.merge(self.used, self.unused, key=lambda each: each.name.casefold())
        return list(islice((each.name for each in both if each.active), most))


async def directory(ctx: Context) -> Directory:
    """Read it all. Raises Salesforce's errors."""
    used = await used_contacts(ctx.store)
    lists: tuple[list[Listed], list[Listed]] = [], []
    for each in await ctx.store.contacts.all():
        text = f"{each.name} {each.email} {each.account_number} {each.id}".casefold()
        lists[each.id in used].append(Listed(each.id, each.name, text, each.status == "ACTIVE"))
    missing, linking_here = await without_contact(ctx)
    links = len(await ctx.store.contact_links.all())
    return Directory(missing, linking_here, links, used=lists[True], unused=lists[False])


async def size(store: Store) -> int:
    """How many contacts and entries a `directory` is made of."""
    waits = {each.reason: each.count for each in await store.figures.waiting()}
    return await store.contacts.count() + waits.get(linking.NO_CONTACT, 0)


async def rows(ctx: Context, contacts: Sequence[Contact]) -> list[ContactRow]:
    """These contacts with what will be used of each. Without a setup or company nothing can be said of that."""
    loaded, company = await ctx.loaded(), await ctx.store.company.get()
    outcomes = await ctx.store.contacts.outcomes([each.id for each in contacts])
    merged = await ctx.store.contacts.get_many([each.merged_to for each in contacts if each.merged_to])
    names = {id_: each.name for id_, each in merged.items()}
    return [
        _row(each, loaded.rules if loaded else None, company, outcomes.get(each.id, ""), names) for each in contacts
    ]


def _row(
    contact: Contact, rules: Rules | None, company: Company | None, problem: str, names: dict[str, str]
) -> ContactRow:
    nothing = Value("")
    common = {"id": contact.id, "name": contact.name, "email": contact.email, "mark": _mark(contact, names)}
    if rules is None or company is None:
        return ContactRow(
            **common, problem=problem, currency=nothing, account=nothing, tax=nothing, amounts=nothing, terms=nothing
        )
    entry = Entry(id="", record="")
    sources = sources_of(entry, contact, rules, company, {})
    account = account_for(entry, contact, rules, company)
    tax = None if isinstance(account, Waiting) else tax_type_for(entry, contact, rules, account, company)
    return ContactRow(
        **common,
        problem=problem,
        currency=_value(currency_for(entry, contact, company), sources.get("currency", "")),
        account=_value(account if isinstance(account, Waiting) else account.code, sources.get("account", "")),
        tax=nothing if tax is None else _value(tax, sources.get("tax_type", "")),
        amounts=_value(amounts_for(contact, rules, company), sources.get("amounts", "")),
        terms=_terms(contact, rules, company),
    )


def _value(found: str | Waiting, source: str) -> Value:
    if isinstance(found, Waiting):
        return Value("", "", found.text)
    return Value(found, SOURCES.get(source, source))


def _terms(contact: Contact, rules: Rules, company: Company) -> Value:
    if contact.terms:
        return Value(terms_text(contact.terms), "contact")
    if rules.due_days is not None:
        return Value(f"{rules.due_days} days after the invoice date", "setup")
    return Value(terms_text(company.terms), "company") if company.terms else Value("on the invoice date", "company")


def terms_text(terms: Terms) -> str:
    """Payment terms as people say them."""
    return TERMS.get(terms.kind, "{day} " + terms.kind.lower()).format(day=terms.day)


def _mark(contact: Contact, names: dict[str, str]) -> str:
    if contact.merged_to:
        return f"merged into {names.get(contact.merged_to, contact.merged_to)}"
    return {"ARCHIVED": "archived", "GDPRREQUEST": "data protection request"}.get(contact.status, "")


# ---- what has no contact -------------------------------------------------------------------------------------------


async def without_contact(ctx: Context) -> tuple[list[RecordView], bool]:
    """Records whose time waits for a Xero contact, the most hours first; and whether they are linked here.

    Where the setup finds contacts by a path, that field of the record has to be filled in Salesforce.
    """
    loaded = await ctx.loaded()
    if loaded is None:
        return [], False
    if loaded.setup.source.fields.link:
        return await linking.to_link(ctx), True
    found: dict[str, list[Unit]] = {}
    for unit in await ctx.store.ledger.waiting(0, WAITING, linking.NO_CONTACT):
        if unit.entry:
            found.setdefault(unit.entry.project, []).append(unit)
    views = [_unlinked(record, units) for record, units in found.items()]
    return sorted(views, key=lambda view: (-Decimal(view.hours), view.name)), False


def _unlinked(record: str, units: Sequence[Unit]) -> RecordView:
    entries = [unit.entry for unit in units if unit.entry]
    seconds = sum((entry.seconds or Decimal(0) for entry in entries), Decimal(0))
    return RecordView(
        id=record,
        name=entries[0].project_name or record or "without a project",
        hours=readmodel.hours(seconds),
        entries=len(entries),
    )
