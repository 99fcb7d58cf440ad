"""Where a unit of time belongs: on which invoice, on which line, at which rate; or why it is on none."""

import json
from collections.abc import Mapping, Sequence, Set
from datetime import date

from msgspec.structs import replace

from worker.billing import periods, words
from worker.billing.gates import gate
from worker.billing.keys import invoice_key, key_of
from worker.billing.model import Company, Contact, Entry, Out, Placed, Posting, Rules, Waiting
from worker.billing.rates import Rate, rate_for
from worker.billing.resolve import NO_TAX, account_for, amounts_for, contact_for, currency_for, tax_type_for

UNNAMED = "Time"  # what a line says when its template leaves nothing: Xero refuses an empty description


def assess(
    entry: Entry,
    rules: Rules,
    *,
    contact: Contact | None,
    company: Company,
    postings: Sequence[Posting] = (),
    closed: Set[str] = frozenset(),
) -> Placed | Waiting | Out:
    """Judge one entry as it is now.

    `contact` is the Xero contact the entry names, followed through merges (`follow`), None when Xero has none such;
    `postings` are all of the unit's; `closed` are the names of closed periods.
    """
    held = gate(entry, rules, postings)
    if held is not None:
        return held
    verdict = _resolve(entry, rules, contact, company, postings, closed)
    if isinstance(verdict, Waiting) and verdict.holds and not _same_client(entry, contact, postings):
        return replace(verdict, holds=False)  # the open posting is another client's: it must not stay there
    return verdict


def follow(contact_id: str, contacts: Mapping[str, Contact]) -> Contact | None:
    """The contact of this id or, where Xero merged it into another one, that one; the last one known."""
    contact, seen = contacts.get(contact_id), {contact_id}
    while contact and contact.merged_to and contact.merged_to not in seen and contact.merged_to in contacts:
        seen.add(contact.merged_to)
        contact = contacts[contact.merged_to]
    return contact


def _resolve(
    entry: Entry,
    rules: Rules,
    named: Contact | None,
    company: Company,
    postings: Sequence[Posting],
    closed: Set[str],
) -> Placed | Waiting:
    contact = contact_for(entry, named)
    if isinstance(contact, Waiting):
        return contact
    currency = currency_for(entry, contact, company)
    if isinstance(currency, Waiting):
        return currency
    rate = rate_for(entry, rules, currency=currency, postings=postings)
    if isinstance(rate, Waiting):
        return rate
    account = account_for(contact, rules, company)
    if isinstance(account, Waiting):
        return account
    tax_type = tax_type_for(contact, rules, account, company)
    if isinstance(tax_type, Waiting):
        return tax_type
    amounts = amounts_for(contact, rules, company)
    placed = _placed(entry, rules, contact, rate, account.code, NO_TAX if amounts == "no-tax" else tax_type)
    key, period = _placement(entry, rules, contact, placed, postings, closed)
    return replace(placed, amounts=amounts, key=key, period=period)


def _placed(entry: Entry, rules: Rules, contact: Contact, rate: Rate, account: str, tax_type: str) -> Placed:
    assert entry.worked_on is not None
    assert entry.seconds is not None
    names = _names(entry, rules, contact)
    return Placed(
        unit=entry.id,
        key="",
        contact=contact.id,
        currency=rate.currency,
        group=_group(entry, rules),
        period="",
        seconds=entry.seconds,
        rate=rate.amount,
        rate_source=rate.source,
        basis=rate.basis,
        account=account,
        tax_type=tax_type,
        amounts="exclusive",
        line=_line(entry, rules, rate, account, tax_type),
        description=words.cut(words.render(rules.description, names) or UNNAMED, words.DESCRIPTION_LIMIT),
        worked_on=entry.worked_on,
        names=names,
    )


def _placement(
    entry: Entry,
    rules: Rules,
    contact: Contact,
    placed: Placed,
    postings: Sequence[Posting],
    closed: Set[str],
) -> tuple[str, str]:
    """(key, period): a unit stays on its open document; else its own period, or the earliest after it not closed."""
    names = periods.open_periods(periods.period_of(placed.worked_on, rules.period, rules.start), closed)
    on = {key_of(posting.document) for posting in postings if posting.state == "open"}
    for name in names if on else ():
        for contact_id in (contact.id, entry.xero_contact):
            key = invoice_key(rules.org, rules.source, contact_id, placed.group, name, placed.currency)
            if key in on:
                return key, name
    key = invoice_key(rules.org, rules.source, contact.id, placed.group, names[-1], placed.currency)
    return key, names[-1]


def _same_client(entry: Entry, contact: Contact | None, postings: Sequence[Posting]) -> bool:
    clients = {entry.xero_contact, contact.id if contact else "", contact.merged_to if contact else ""} - {""}
    return any(posting.state == "open" and posting.contact in clients for posting in postings)


def _group(entry: Entry, rules: Rules) -> tuple[tuple[str, str], ...]:
    names = sorted(set(rules.invoice_per) - {"xero_contact"})
    return tuple((name, _identity(entry, name)) for name in names)


def _line(entry: Entry, rules: Rules, rate: Rate, account: str, tax_type: str) -> str:
    """The group key of the entry's line, by ids: what is grouped by, and what a line never mixes."""
    parts = [[name, _identity(entry, name)] for name in rules.line_per]
    fixed = [["rate", str(rate.amount)], ["currency", rate.currency], ["account", account], ["tax", tax_type]]
    return json.dumps([*parts, *fixed], ensure_ascii=False, separators=(",", ":"))


def _identity(entry: Entry, name: str) -> str:
    match name:
        case "project":
            return entry.project
        case "person":
            return entry.person
        case "entry":
            return entry.id
        case "day" | "worked_on":
            return _iso(entry.worked_on)
        case "description":
            return entry.description
        case "xero_contact":
            return entry.xero_contact
    return entry.extra.get(name, "")


def _names(entry: Entry, rules: Rules, contact: Contact) -> dict[str, str]:
    """What the templates of the setup may print."""
    return {
        **entry.extra,
        "project": entry.project_name or entry.project,
        "person": entry.person_name or entry.person,
        "description": entry.description,
        "day": _iso(entry.worked_on),
        "worked_on": _iso(entry.worked_on),
        "xero_contact": contact.name,
        "period": _printed_period(entry, rules),
    }


def _printed_period(entry: Entry, rules: Rules) -> str:
    assert entry.worked_on is not None
    kind = "month" if rules.period == periods.UNTIL_APPROVED else rules.period
    return periods.period_of(entry.worked_on, kind, rules.start)


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""
