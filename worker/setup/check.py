"""Whether a setup file fits the Salesforce org and the Xero company it is meant for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from worker.billing.model import Company
from worker.salesforce.describe import Describe
from worker.setup import check_salesforce, check_xero
from worker.setup.model import Setup
from worker.setup.problems import Problem


class Org(Protocol):
    """The Salesforce org, as far as a check asks it."""

    async def describe(self, sobject: str) -> Describe:
        """An object and the fields of it that the integration user can read.

        Raises MappingBroken or RecordGone where there is no such object.
        """


class Books(Protocol):
    """The Xero company, as far as a check asks it."""

    async def company(self) -> Company:
        """Its accounts, tax rates and currencies, read now."""

    async def can_attach(self) -> bool:
        """Whether the consent covers putting files on documents."""


async def check(setup: Setup, salesforce: Org, xero: Books, *, console_url: str = "") -> list[Problem]:
    """Every error and warning, in the order of the file's lines; nothing is written anywhere.

    Raises:
        ServiceError: Salesforce or Xero cannot be asked.
    """
    found = [*address_problems(console_url), *idle_keys(setup)]
    found += await check_salesforce.problems(setup, salesforce.describe)
    found += check_xero.problems(setup, await xero.company())
    if setup.billing.attach_timesheet and not await xero.can_attach():
        found.append(_cannot_attach(setup))
    return sorted(found, key=lambda item: item.line)


def _cannot_attach(setup: Setup) -> Problem:
    what = "the consent to Xero does not cover attachments, so timesheets are not put on invoices that lock"
    remedy = (
        "Add the scope accounting.attachments to the app at developer.xero.com and connect to Xero again, or write "
        "attach_timesheet = false."
    )
    return setup.problem(("billing", "attach_timesheet"), what, remedy, "warning")


def errors(found: Sequence[Problem]) -> list[Problem]:
    """Those that forbid the setup; the others are warnings."""
    return [item for item in found if item.severity == "error"]


def address_problems(console_url: str) -> Iterator[Problem]:
    """Our documents carry an address below the console's, and Xero refuses one with its own name in it."""
    if "xero" in console_url.lower():
        what = f'{console_url} contains "xero", and Xero refuses a document whose link does'
        yield Problem(0, "HOURSTREAM_CONSOLE_URL", what, "Give the console an address without that word.")


def idle_keys(setup: Setup) -> Iterator[Problem]:
    """What is written in the file and has no effect as the rest of it stands."""
    if "people" not in setup.source.fields.rates:
        for place, row in enumerate(setup.people.person):
            if row.rate is not None:
                key = ("people", "person", place, "rate")
                what = 'has no effect: "people" is not in source.fields.rates'
                yield setup.problem(key, what, 'Add "people" there, or leave the rate out.', "warning")
    yield from _idle_billing(setup)
    if setup.people.bill == "listed" and not setup.people.person:
        what = '"listed" with no [[people.person]] bills nobody'
        yield setup.problem(("people", "bill"), what, 'List people, or write "all".', "warning")


def _idle_billing(setup: Setup) -> Iterator[Problem]:
    billing = setup.billing
    idle = {
        "round_mode": (not billing.round_minutes, "round_minutes is 0", "Set round_minutes too, or leave it out."),
        "round_per": (not billing.round_minutes, "round_minutes is 0", "Set round_minutes too, or leave it out."),
        "correct_after": (billing.correct != "auto", 'correct is "ask"', 'Write correct = "auto", or leave it out.'),
        "close_after": (
            billing.period == "until-approved",
            'a period "until-approved" is never closed',
            "Leave it out, or choose another period.",
        ),
        "at_close": (
            billing.period == "until-approved",
            'a period "until-approved" is never closed',
            "Leave it out, or choose another period.",
        ),
    }
    defaults = type(billing).model_fields
    for key, (applies, why, remedy) in idle.items():
        if applies and getattr(billing, key) != defaults[key].default:
            yield setup.problem(("billing", key), f"has no effect: {why}", remedy, "warning")
