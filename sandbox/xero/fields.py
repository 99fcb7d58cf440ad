"""Reading a request body field by field, with Xero's leniency (numbers as text, null as absent) and its refusals."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.xero import wire
from sandbox.xero.errors import CallError, bad_data


class Fields:
    """One JSON object of a body. Every reader raises CallError (400 for the whole call) on a wrong type."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise bad_data(f"{where} must be an object")
        self.raw: Mapping[str, Any] = value
        self.where = where

    def has(self, name: str) -> bool:
        """Whether the field was sent with a value."""
        return self.raw.get(name) is not None

    def text(self, name: str) -> str | None:
        """A text field; numbers are taken as text."""
        value = self.raw.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool | Mapping | list):
            raise self._wrong(name, "a text")
        return str(value)

    def decimal(self, name: str) -> Decimal | None:
        """A number, also when written as text."""
        value = self.raw.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            raise self._wrong(name, "a number")
        try:
            found = Decimal(value)
        except InvalidOperation as error:
            raise self._wrong(name, "a number") from error
        if not found.is_finite():
            raise self._wrong(name, "a number")
        return found

    def day(self, name: str) -> date | None:
        """A date in either of Xero's forms."""
        value = self.text(name)
        if not value:
            return None
        try:
            return wire.read_day(value)
        except (ValueError, OverflowError) as error:
            raise self._wrong(name, "a date") from error

    def boolean(self, name: str) -> bool | None:
        """A boolean, also as `True` or `false` in text."""
        value = self.raw.get(name)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        raise self._wrong(name, "true or false")

    def guid(self, name: str) -> str | None:
        """An id."""
        value = self.text(name)
        if not value:
            return None
        if not wire.is_guid(value):
            raise self._wrong(name, "a GUID")
        return value.lower()

    def choice(self, name: str, choices: frozenset[str]) -> str | None:
        """One of a few words, in any case; answered as Xero spells it."""
        value = self.text(name)
        if not value:
            return None
        for known in choices:
            if known.casefold() == value.casefold():
                return known
        raise self._wrong(name, f"one of {', '.join(sorted(choices))}")

    def inner(self, name: str) -> "Fields | None":
        """A nested object."""
        value = self.raw.get(name)
        return None if value is None else Fields(value, f"{self.where}.{name}")

    def rows(self, name: str) -> "list[Fields] | None":
        """A nested list of objects; None when it was not sent."""
        value = self.raw.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return [Fields(item, f"{self.where}.{name}[{index}]") for index, item in enumerate(value)]

    def _wrong(self, name: str, wanted: str) -> CallError:
        return bad_data(f"The value of {self.where}.{name} is not {wanted}")


def elements(body: bytes, resource: str) -> list[Fields]:
    """The elements of a write: a list under the resource's name, or one bare object. Raises CallError."""
    try:
        value = wire.decode(body)
    except ValueError as error:
        raise bad_data(f"Invalid Json data: {error}") from error
    whole = Fields(value, "body")
    rows = whole.rows(resource)
    return [Fields(whole.raw, resource)] if rows is None and whole.raw else rows or []
