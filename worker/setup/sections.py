"""The sections of a setup file with their defaults. `docs/setup-file.md` says what each key means."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictStr

from worker.setup.schedule import Schedule
from worker.setup.values import (
    LINK,
    Amount,
    Channel,
    ContactPath,
    Count,
    Currency,
    Day,
    Duration,
    FieldName,
    GateValue,
    Listed,
    OptionalAmount,
    OptionalDay,
    OptionalDays,
    OptionalField,
    OptionalPath,
    Percentage,
    RatePath,
    RecordId,
    SomeDuration,
    SoqlPath,
    Text,
    When,
    minutes,
)


class Section(BaseModel):
    """A table of the file: nothing in it can be changed, nothing unknown is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


# ---- [source] ------------------------------------------------------------------------------------------------------


class Fields(Section):
    """`[source.fields]`: SOQL paths from the entry. Names beyond these are mapped too (`extra`)."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
    __pydantic_extra__: dict[str, SoqlPath] = Field(init=False)

    hours: OptionalPath = None
    minutes: OptionalPath = None
    start: OptionalPath = None
    end: OptionalPath = None
    worked_on: SoqlPath = Field(description="the field with the day the work was done")
    person: SoqlPath = Field(description="the field with who worked")
    person_name: OptionalPath = None
    description: OptionalPath = None
    project: OptionalPath = None
    project_name: OptionalPath = None
    xero_contact: ContactPath = Field(description="the path to the ContactID of the Xero contact to bill, or a link")
    billable: OptionalPath = None
    currency: OptionalPath = None
    already_billed: OptionalPath = None
    rates: Annotated[tuple[RatePath, ...], Listed] = ("people",)

    @property
    def extra(self) -> dict[str, str]:
        """Further mapped names and their paths, in the file's order."""
        return dict(self.__pydantic_extra__ or {})

    @property
    def link(self) -> str:
        """The path to the lookup whose record is linked to a Xero contact; "" where `xero_contact` is a plain path."""
        link = LINK.fullmatch(self.xero_contact)
        return link[1] if link else ""

    def mapped(self) -> dict[str, str]:
        """Every mapped name and the path that is read for it, `rates` excepted."""
        known = ((name, getattr(self, name)) for name in type(self).model_fields if name != "rates")
        found = {name: path for name, path in known if path} | self.extra
        return found | ({"xero_contact": self.link} if self.link else {})

    @property
    def rate_paths(self) -> tuple[str, ...]:
        """The paths among `rates`."""
        return tuple(path for path in self.rates if path != "people")


class Approved(Section):
    """`[source.approved]`: only entries with one of these values are billed."""

    field: SoqlPath = Field(description="the field with the approval")
    values: Annotated[tuple[GateValue, ...], Listed] = Field(description="the values that mean approved")
    withdrawn: Annotated[tuple[GateValue, ...], Listed] = ()


class WriteBack(Section):
    """`[source.write_back]`: fields of the entry itself that tell its billing state."""

    invoice_id: OptionalField = None
    invoice_number: OptionalField = None
    invoice_status: OptionalField = None
    billed: OptionalField = None
    problem: OptionalField = None

    @property
    def fields(self) -> dict[str, str]:
        """What is written and the field it is written to."""
        return {name: field for name in type(self).model_fields if (field := getattr(self, name))}


class Source(Section):
    """`[source]`: where time is tracked."""

    sobject: FieldName = Field(description="the API name of the object that time is tracked in")
    channel: Channel = ""
    fields: Fields = Field(description="the fields of an entry")
    approved: Approved | None = None
    write_back: WriteBack = WriteBack()


# ---- [schedule] ----------------------------------------------------------------------------------------------------


class ScheduleSection(Section):
    """`[schedule]`: when each thing is done."""

    invoices: When = Schedule(kind="preview")
    settle: Duration = timedelta(seconds=5)
    settle_max: Duration = timedelta(minutes=1)
    refresh: Duration = timedelta(0)
    statuses: SomeDuration = timedelta(minutes=15)
    contacts: SomeDuration = timedelta(hours=1)
    reconcile: SomeDuration = timedelta(hours=1)


# ---- [billing] -----------------------------------------------------------------------------------------------------


class Surcharge(Section):
    """`[[billing.surcharge]]`; a table without a key counts as none."""

    name: Text = ""
    percent: Percentage = Decimal(0)
    revenue_account: Text = ""
    tax_type: Text = ""
    on: Literal["time"] = "time"


def _said(given: tuple[Surcharge, ...]) -> tuple[Surcharge, ...]:
    return tuple(item for item in given if item.model_fields_set)


Period = Literal["month", "week", "fortnight", "quarter", "day", "until-approved"]
Amounts = Literal["", "exclusive", "inclusive", "no-tax"]


class Billing(Section):
    """`[billing]`: what becomes an invoice and how it reads."""

    start: Day = Field(description="time worked before this day is never billed here")
    invoice_per: Annotated[tuple[Text, ...], Listed] = ("xero_contact",)
    period: Period = "month"
    close_after: Duration = timedelta(days=5)
    invoice_date: Literal["period-end", "last-entry", "today"] = "period-end"
    lock_date: Literal["warn", "next-open-day"] = "warn"
    line_per: Annotated[tuple[Text, ...], Listed] = ("project", "person")
    description: Text = "{project} · {person}"
    reference: Text = "{period}"
    numbering: Literal["series", "key", "xero"] = "series"
    number_prefix: Text = "TT-"
    revenue_account: Text = ""
    tax_type: Text = ""
    amounts: Amounts = ""
    branding: Text = ""
    due_days: OptionalDays = None
    at_close: Literal["draft", "awaiting-approval"] = "draft"
    correct: Literal["ask", "auto"] = "ask"
    correct_after: Duration = timedelta(days=1)
    decrease: Literal["credit-note", "line"] = "credit-note"
    round_minutes: Annotated[Count, AfterValidator(minutes)] = 0
    round_mode: Literal["nearest", "up", "down"] = "nearest"
    round_per: Literal["entry", "day", "line"] = "entry"
    minimum_invoice: Amount = Decimal(0)
    show_non_billable: Literal["no", "line"] = "no"
    attach_timesheet: StrictBool = True
    default_rate: OptionalAmount = None
    tracking: dict[StrictStr, Text] = Field(default_factory=dict)
    surcharge: Annotated[tuple[Surcharge, ...], AfterValidator(_said)] = ()


# ---- [brake], [people], [contacts] ---------------------------------------------------------------------------------


class Brake(Section):
    """`[brake]`: a pass that would do more than this waits for a person."""

    new_invoices: Count = 50
    removed_entries: Count = 50
    corrections: Count = 10
    changed_value: Percentage = Decimal(20)


class Person(Section):
    """`[[people.person]]`: from a day on, a person's rate and whether their time is billed."""

    id: RecordId = Field(description="the person's record id, as the mapped `person` field holds it")
    rate: OptionalAmount = None
    currency: Currency = ""
    since: OptionalDay = Field(default=None, alias="from")
    bill: StrictBool = True


class People(Section):
    """`[people]`: whose time is sent to Xero, and at what rate."""

    bill: Literal["all", "listed"] = "all"
    person: tuple[Person, ...] = ()


class Contacts(Section):
    """`[contacts]`: where Xero contacts land in Salesforce."""

    sobject: FieldName = Field(description="the API name of the object that Xero contacts are written to")
    external_id: FieldName = Field(description="its unique external id field, for the ContactID")
    only: Literal["all", "customers"] = "all"
    fields: dict[FieldName, Text] = Field(default_factory=dict)
