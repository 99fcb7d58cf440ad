"""The site's forms: an object's fields as inputs, and what was typed as a record's body."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sandbox.salesforce.schema import NUMBER_TYPES, Field, SObject
from sandbox.salesforce.values import show_datetime

Choices = list[tuple[str, str]]
# What somebody logging time fills in, in this order; the rest of the record stays as it begins.
_LOG_TIME = (
    "Project__c",
    "OwnerId",
    "Work_Date__c",
    "Hours__c",
    "Description__c",
    "Billable__c",
    "Status__c",
    "Rate__c",
    "CurrencyIsoCode",
)
# What an integration writes on a time entry. A form that was opened before it wrote would post the older values again.
_WRITTEN_BACK = frozenset(
    {
        "Xero_Invoice_ID__c",
        "Xero_Invoice_Number__c",
        "Xero_Invoice_Status__c",
        "Xero_Billed__c",
        "Xero_Problem__c",
    }
)


@dataclass(frozen=True)
class Input:
    """One field of a form; `kind` is an input type, textarea or select."""

    name: str
    label: str
    kind: str
    value: object
    required: bool = False
    number: bool = False
    choices: tuple[tuple[str, str], ...] = ()


def inputs(
    sobject: SObject, values: Mapping[str, object], choices: Callable[[str], Choices], *, creating: bool
) -> list[Input]:
    """The form's inputs, filled in."""
    return [_input(field, values.get(field.name), choices) for field in _editable(sobject, creating)]


def read_form(sobject: SObject, form: Mapping[str, str], *, creating: bool) -> dict[str, object]:
    """The posted values as a record's body; a checkbox that is not there is not ticked, empty text is null."""
    body: dict[str, object] = {}
    for field in _editable(sobject, creating):
        if field.type == "boolean":
            body[field.name] = form.get(field.name) == "true"
        elif field.name in form:
            body[field.name] = form[field.name].replace("\r\n", "\n") or None
    return body


def label_of(field: Field) -> str:
    """What people call a field: the owner of a record is the person it is about."""
    return "Person" if field.name == "OwnerId" else field.label


def _editable(sobject: SObject, creating: bool) -> list[Field]:
    if creating and sobject.name == "TimeEntry__c":
        return [field for name in _LOG_TIME if (field := sobject.find(name)) is not None]
    shown = [field for field in sobject.fields if (field.createable if creating else field.updateable)]
    return [field for field in shown if not (sobject.name == "TimeEntry__c" and field.name in _WRITTEN_BACK)]


def _input(field: Field, value: object, choices: Callable[[str], Choices]) -> Input:
    required = not field.nillable and field.type != "boolean"
    if field.type == "boolean":
        return Input(field.name, field.label, "checkbox", bool(value))
    if field.reference_to:
        options = tuple(choices(field.reference_to[0]))
        return Input(field.name, label_of(field), "select", value, required, choices=options)
    if field.type == "picklist":
        return Input(field.name, field.label, "select", value, required, choices=tuple((v, v) for v in field.picklist))
    if field.type == "textarea":
        return Input(field.name, field.label, "textarea", value or "", required)
    shown = show_datetime(value) if isinstance(value, datetime) else "" if value is None else str(value)
    kind = "date" if field.type == "date" else "text"
    return Input(field.name, field.label, kind, shown, required, number=field.type in NUMBER_TYPES)
