"""From the setup file's sections to the rules that billing works by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.billing.rules import PersonRate, Rules, Surcharge
from worker.salesforce.ids import id18, is_id
from worker.setup.sections import Person

if TYPE_CHECKING:
    from worker.setup.model import Setup


def billing_rules(setup: Setup, org: str, version: int, timezone: str) -> Rules:
    """Everything that decides what is billed and how it reads; `timezone` is the IANA name of the company's."""
    source, billing, approved = setup.source, setup.billing, setup.source.approved
    return Rules(
        org=id18(org) if is_id(org) else org,
        source=source.sobject,
        start=billing.start,
        rate_paths=source.fields.rates,
        default_rate=billing.default_rate,
        people=tuple(_person(row) for row in setup.people.person),
        bill_listed_only=setup.people.bill == "listed",
        approved_values=approved.values if approved else None,
        withdrawn_values=approved.withdrawn if approved else (),
        invoice_per=billing.invoice_per,
        period=billing.period,
        invoice_date=billing.invoice_date,
        line_per=billing.line_per,
        description=_printed(billing.description),
        reference=_printed(billing.reference),
        numbering=billing.numbering,
        number_prefix=billing.number_prefix,
        revenue_account=billing.revenue_account,
        tax_type=billing.tax_type,
        amounts=billing.amounts,
        branding=billing.branding,
        due_days=billing.due_days,
        close_after=int(billing.close_after.total_seconds()),
        lock_date=billing.lock_date,
        at_close=billing.at_close,
        correct=billing.correct,
        correct_after=int(billing.correct_after.total_seconds()),
        decrease=billing.decrease,
        round_minutes=billing.round_minutes,
        round_mode=billing.round_mode,
        round_per=billing.round_per,
        minimum_invoice=billing.minimum_invoice,
        show_non_billable=billing.show_non_billable,
        attach_timesheet=billing.attach_timesheet,
        tracking=tuple(billing.tracking.items()),
        surcharges=tuple(
            Surcharge(name=each.name, percent=each.percent, account=each.revenue_account, tax_type=each.tax_type)
            for each in billing.surcharge
        ),
        timezone=timezone,
        version=version,
    )


def _printed(template: str) -> str:
    """A template that prints people and projects the one way billing knows: `{person}` prints their name."""
    return template.replace("{person_name}", "{person}").replace("{project_name}", "{project}")


def _person(row: Person) -> PersonRate:
    return PersonRate(id=row.id, rate=row.rate, currency=row.currency, since=row.since, bill=row.bill)
