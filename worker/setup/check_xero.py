"""The part of a check that the Xero company's own lists answer.

Source: Xero Accounting API, Accounts (types and statuses) and TaxRates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from worker.billing.model import Company
from worker.setup.model import Setup
from worker.setup.problems import Problem

REVENUE_TYPES = frozenset({"REVENUE", "SALES", "OTHERINCOME"})
ACTIVE = "ACTIVE"


def problems(setup: Setup, company: Company) -> Iterator[Problem]:
    """Everything about accounts, tax types and currencies."""
    yield from _account(setup, company)
    yield from _tax_type(setup, company)
    yield from _currencies(setup, company)


def _account(setup: Setup, company: Company) -> Iterator[Problem]:
    code, key = setup.billing.revenue_account, ("billing", "revenue_account")
    if not code:
        what = "no revenue account is given: invoices to Xero contacts without one of their own will wait"
        yield setup.problem(key, what, _example(company), "warning")
        return
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


def _tax_type(setup: Setup, company: Company) -> Iterator[Problem]:
    name, key = setup.billing.tax_type, ("billing", "tax_type")
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
