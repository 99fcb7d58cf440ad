"""The part of a check that the Xero company's own lists answer.

Source: Xero Accounting API, Accounts (types and statuses), TaxRates, TrackingCategories, BrandingThemes, Organisation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from worker.billing import zones
from worker.billing.model import Company
from worker.setup.lines import Path
from worker.setup.model import Setup
from worker.setup.problems import Problem

REVENUE_TYPES = frozenset({"REVENUE", "SALES", "OTHERINCOME"})
ACTIVE = "ACTIVE"


def problems(setup: Setup, company: Company) -> Iterator[Problem]:
    """Everything about accounts, tax types, tracking, branding, currencies and the company's time zone."""
    yield from _account(setup, company)
    yield from _tax_type(setup, setup.billing.tax_type, ("billing", "tax_type"), company)
    yield from _surcharges(setup, company)
    yield from _tracking(setup, company)
    yield from _branding(setup, company)
    yield from _currencies(setup, company)
    yield from _zone(setup, company)


def _account(setup: Setup, company: Company) -> Iterator[Problem]:
    code, key = setup.billing.revenue_account, ("billing", "revenue_account")
    if not code:
        what = "no revenue account is given: invoices to Xero contacts without one of their own will wait"
        yield setup.problem(key, what, _example(company), "warning")
        return
    yield from _usable_account(setup, code, key, company)


def _usable_account(setup: Setup, code: str, key: Path, company: Company) -> Iterator[Problem]:
    account = next((item for item in company.accounts if item.code == code), None)
    if account is None:
        yield setup.problem(key, f'{_the(company)} has no account "{code}"', _example(company))
    elif account.status != ACTIVE:
        what = f'account "{code}" ({account.name}) is {account.status.lower()}'
        yield setup.problem(key, what, f"Restore it in Xero, or name another. {_example(company)}")
    elif account.type not in REVENUE_TYPES:
        what = f'account "{code}" ({account.name}) is of the type {account.type}, not a revenue account'
        yield setup.problem(key, what, _example(company))


def _example(company: Company) -> str:
    usable = [item for item in company.accounts if item.status == ACTIVE and item.type in REVENUE_TYPES]
    if not usable:
        return "Add a revenue account in Xero: Accounting, Chart of accounts."
    return "Revenue accounts: " + ", ".join(f'"{item.code}" {item.name}' for item in usable[:5]) + "."


def _surcharges(setup: Setup, company: Company) -> Iterator[Problem]:
    for place, item in enumerate(setup.billing.surcharge):
        key = ("billing", "surcharge", place)
        if item.revenue_account:
            yield from _usable_account(setup, item.revenue_account, (*key, "revenue_account"), company)
        yield from _tax_type(setup, item.tax_type, (*key, "tax_type"), company)


def _tracking(setup: Setup, company: Company) -> Iterator[Problem]:
    """Categories are there and active, and so are the options that are fixed texts."""
    mapped = setup.source.fields.mapped()
    known = {name.casefold(): (name, options) for name, options in company.tracking}
    for category, said in setup.billing.tracking.items():
        key = ("billing", "tracking", category)
        name, options = known.get(category.casefold(), ("", ()))
        if not name:
            what = f'{_the(company)} has no active tracking category "{category}"'
            yield setup.problem(key, what, _choices("Categories", [each for each, _ in company.tracking]))
        elif said not in mapped and said.casefold() not in {option.casefold() for option in options}:
            what = f'"{said}" is neither a mapped name nor an active option of the tracking category {name}'
            yield setup.problem(key, what, _choices("Options", options))


def _branding(setup: Setup, company: Company) -> Iterator[Problem]:
    said, names = setup.billing.branding, [name for _, name in company.themes]
    if said and said.casefold() not in {each.casefold() for theme in company.themes for each in theme}:
        remedy = _choices("Themes", names) if names else "Add it in Xero: Settings, Invoice settings."
        yield setup.problem(("billing", "branding"), f'{_the(company)} has no branding theme "{said}"', remedy)


def _choices(what: str, names: Sequence[str]) -> str:
    if not names:
        return "Add it in Xero: Accounting settings, Tracking categories."
    return f"{what}: " + ", ".join(f'"{name}"' for name in names[:8]) + "."


def _zone(setup: Setup, company: Company) -> Iterator[Problem]:
    if company.timezone and not zones.known(company.timezone):
        what = f"{_the(company)} is in a time zone that is not known here, {company.timezone}: days are counted in UTC"
        yield setup.problem(("billing", "period"), what, "Tell us its name.", "warning")


def _tax_type(setup: Setup, name: str, key: Path, company: Company) -> Iterator[Problem]:
    if not name:
        return
    rate = next((item for item in company.tax_rates if item.type == name), None)
    if rate is None:
        yield setup.problem(key, f'{_the(company)} has no tax type "{name}"', _tax_remedy(name, company))
    elif rate.status != ACTIVE:
        yield setup.problem(key, f'tax type "{name}" ({rate.name}) is {rate.status.lower()}', _tax_remedy("", company))
    elif not rate.can_apply_to_revenue:
        what = f'tax type "{name}" ({rate.name}) cannot be used on sales'
        yield setup.problem(key, what, _tax_remedy("", company))


def _tax_remedy(name: str, company: Company) -> str:
    usable = [item for item in company.tax_rates if item.status == ACTIVE and item.can_apply_to_revenue]
    by_name = next((item for item in usable if item.name.lower() == name.lower()), None)
    close = by_name.type if by_name else _closest(name, [item.type for item in usable])
    if close:
        return f'Did you mean "{close}"?'
    return "Tax types for sales: " + ", ".join(f'"{item.type}" {item.name}' for item in usable[:6]) + "."


def _closest(name: str, names: Sequence[str]) -> str:
    return next(iter(get_close_matches(name.upper(), names, n=1)), "") if name else ""


def _currencies(setup: Setup, company: Company) -> Iterator[Problem]:
    known = {*company.currencies, company.base_currency}
    for place, row in enumerate(setup.people.person):
        if row.currency and row.currency not in known:
            what = f"{_the(company)} has no currency {row.currency}: nothing can be invoiced at this rate"
            remedy = "Add it in Xero (Settings, Currencies), or correct the code."
            yield setup.problem(("people", "person", place, "currency"), what, remedy)


def _the(company: Company) -> str:
    return f"the company {company.name}" if company.name else "the company"
