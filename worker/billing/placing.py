"""Placing a unit that passed its gates: with what it is billed, on which invoice, and on which line.

A line never mixes rates, currencies, revenue accounts, tax types, items or tracking, whatever `line_per` says. Time
that comes onto a later invoice than its own period's has a line of its own there, marked with the period it was worked
in.
"""

import json
from collections.abc import Sequence, Set
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from worker.billing import periods, words
from worker.billing.gates import gate
from worker.billing.keys import invoice_key, key_of
from worker.billing.model import Company, Contact, Entry, Out, Placed, Posting, Tracking, Waiting
from worker.billing.rates import Rate, basis_of, rate_for
from worker.billing.resolve import (
    NO_TAX,
    account_for,
    amounts_for,
    branding_for,
    contact_for,
    currency_for,
    sources_of,
    surcharge_trouble,
    tax_type_for,
    tracking_for,
)
from worker.billing.rounding import rounded
from worker.billing.rules import Rules

NOT_BILLABLE: Final = "not billable"  # the rate's source of time that is shown at zero


class Means(Struct, frozen=True):
    """With what a unit is billed."""

    contact: Contact
    rate: Rate
    account: str
    tax_type: str
    amounts: str
    tracking: Tracking
    item: str
    branding: str


def place(
    entry: Entry,
    rules: Rules,
    named: Contact | None,
    company: Company,
    postings: Sequence[Posting] = (),
    closed: Set[str] = frozenset(),
) -> Placed | Waiting:
    """Where a unit that passed its gates belongs, or what it waits for. Parameters are those of `assess`."""
    means = _means(entry, rules, named, company, postings)
    return means if isinstance(means, Waiting) else _placed(entry, rules, company, means, postings, closed)


def shown_at_zero(
    held: Waiting | Out,
    entry: Entry,
    rules: Rules,
    named: Contact | None,
    company: Company,
    postings: Sequence[Posting] = (),
    closed: Set[str] = frozenset(),
) -> Placed | None:
    """Non-billable time on a line at zero, where the setup asks for it and nothing else keeps it off the invoice."""
    if rules.show_non_billable != "line" or held.reason != "not-billable":
        return None
    billable = replace(entry, billable=True)
    if gate(billable, rules, postings) is not None:
        return None
    priced = replace(rules, rate_paths=(), default_rate=Decimal(0))
    means = _means(billable, priced, named, company, ())
    if isinstance(means, Waiting):
        return None
    basis = basis_of(entry, rules, means.rate.currency, note=NOT_BILLABLE).text()
    free = replace(means, rate=Rate(Decimal("0.0000"), means.rate.currency, NOT_BILLABLE, basis))
    return _placed(entry, rules, company, free, postings, closed)


def line_text(template: str, names: dict[str, str], mark: str = "") -> str:
    """What a line says: the template filled in, then what sets the line apart. Never empty: Xero refuses that."""
    return words.cut(words.render(template, names) or UNNAMED, words.DESCRIPTION_LIMIT - len(mark)) + mark


UNNAMED: Final = "Time"  # what a line says when its template leaves nothing


def _means(
    entry: Entry, rules: Rules, named: Contact | None, company: Company, postings: Sequence[Posting]
) -> Means | Waiting:
    contact = contact_for(entry, named)
    if isinstance(contact, Waiting):
        return contact
    currency = currency_for(entry, contact, company)
    if isinstance(currency, Waiting):
        return currency
    rate = rate_for(entry, rules, currency=currency, postings=postings)
    if isinstance(rate, Waiting):
        return rate
    account = account_for(entry, contact, rules, company)
    if isinstance(account, Waiting):
        return account
    tax_type = tax_type_for(entry, contact, rules, account, company)
    if isinstance(tax_type, Waiting):
        return tax_type
    tracking = tracking_for(_names(entry, rules, contact), contact, rules, company)
    if isinstance(tracking, Waiting):
        return tracking
    branding = branding_for(entry, contact, rules, company)
    if isinstance(branding, Waiting):
        return branding
    if (trouble := surcharge_trouble(rules, company)) is not None:
        return trouble
    amounts = amounts_for(contact, rules, company)
    taxed = NO_TAX if amounts == "no-tax" else tax_type
    item = entry.extra.get("item", "").strip()
    return Means(contact, rate, account.code, taxed, amounts, tracking, item, branding)


def _placed(
    entry: Entry, rules: Rules, company: Company, means: Means, postings: Sequence[Posting], closed: Set[str]
) -> Placed:
    assert entry.worked_on is not None
    assert entry.seconds is not None
    names, group = _names(entry, rules, means.contact), _group(entry, rules)
    key, period = _placement(entry, rules, means, group, postings, closed)
    mark = _mark(entry, rules, means, period)
    billed = rounded(entry.seconds, rules) if rules.round_per == "entry" else entry.seconds
    return Placed(
        unit=entry.id,
        key=key,
        contact=means.contact.id,
        currency=means.rate.currency,
        group=group,
        period=period,
        seconds=billed,
        worked=None if billed == entry.seconds else entry.seconds,
        rate=means.rate.amount,
        rate_source=means.rate.source,
        basis=means.rate.basis,
        account=means.account,
        tax_type=means.tax_type,
        amounts=words.amounts(means.amounts) or "exclusive",
        tracking=means.tracking,
        item=means.item,
        branding=means.branding,
        person=entry.person,
        line=_line(entry, rules, means, mark),
        description=line_text(rules.description, names, mark),
        mark=mark,
        sources=sources_of(entry, means.contact, rules, company, names),
        worked_on=entry.worked_on,
        names=names,
    )


def _placement(
    entry: Entry,
    rules: Rules,
    means: Means,
    group: tuple[tuple[str, str], ...],
    postings: Sequence[Posting],
    closed: Set[str],
) -> tuple[str, str]:
    """(key, period): a unit stays on its open document; else its own period, or the earliest after it not closed."""
    assert entry.worked_on is not None
    names = periods.open_periods(periods.period_of(entry.worked_on, rules.period, rules.start), closed)
    on = {key_of(posting.document) for posting in postings if posting.state == "open"}
    for name in names if on else ():
        for contact_id in (means.contact.id, entry.xero_contact):
            key = invoice_key(rules.org, rules.source, contact_id, group, name, means.rate.currency)
            if key in on:
                return key, name
    return invoice_key(rules.org, rules.source, means.contact.id, group, names[-1], means.rate.currency), names[-1]


def _group(entry: Entry, rules: Rules) -> tuple[tuple[str, str], ...]:
    names = sorted(set(rules.invoice_per) - {"xero_contact"})
    return tuple((name, _identity(entry, name)) for name in names)


def _mark(entry: Entry, rules: Rules, means: Means, period: str) -> str:
    """What a line says beyond its template: that its time is late, or not billable."""
    own = _printed_period(entry, rules)
    late = rules.period != periods.UNTIL_APPROVED and own != period
    said = "period" in words.placeholders(rules.description)
    free = " (not billable)" if means.rate.source == NOT_BILLABLE else ""
    return (f" ({own})" if late and not said else "") + free


def _line(entry: Entry, rules: Rules, means: Means, mark: str) -> str:
    """The group key of the entry's line, by ids: what is grouped by, and what a line never mixes."""
    per = [[name, _identity(entry, name)] for name in rules.line_per]
    fixed = {
        "rate": str(means.rate.amount),
        "currency": means.rate.currency,
        "account": means.account,
        "tax": means.tax_type,
        "tracking": [list(pair) for pair in means.tracking],
        "item": means.item,
        "mark": mark,
        "period": _printed_period(entry, rules) if "period" in words.placeholders(rules.description) else "",
    }
    return json.dumps([per, {name: value for name, value in fixed.items() if value}], ensure_ascii=False)


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
