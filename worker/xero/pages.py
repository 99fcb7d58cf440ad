"""What a list of Xero answers: the records that could be read, and the odd ones that could not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from worker.billing.model import Contact, Found
from worker.xero.errors import Unreadable
from worker.xero.values import Json, decode, nested, whole

PAGE_SIZE = 100
LOOP_BYTES = 200_000  # what is larger is parsed in a thread: a thousand contacts would hold the event loop for 80 ms

Parsed = TypeVar("Parsed")


class Odd(Struct, frozen=True):
    """A record that cannot be read without guessing. It is there in Xero: never take it for "not found"."""

    id: str  # "" where not even that could be read
    reason: str
    number: str = ""


class InvoicePage(Struct, frozen=True, kw_only=True):
    """Invoices or credit notes, in Xero's order.

    `date` is the answer's own time (ISO 8601, UTC): where the next changed-since read starts. `more` says that another
    page follows this one.
    """

    items: tuple[Found, ...] = ()
    odd: tuple[Odd, ...] = ()
    page: int = 1
    page_count: int = 1
    date: str = ""

    @property
    def more(self) -> bool:
        return self.page < self.page_count


class ContactPage(Struct, frozen=True, kw_only=True):
    """Contacts, by time of change. `fields` holds, for the contact at the same place of `items`, every field Xero
    answered as text: nested ones as `Phones.MOBILE.PhoneNumber`, `Addresses.POBOX.City`, `PaymentTerms.Sales.Day`,
    times as ISO 8601."""

    items: tuple[Contact, ...] = ()
    fields: tuple[dict[str, str], ...] = ()
    odd: tuple[Odd, ...] = ()
    page: int = 1
    page_count: int = 1
    date: str = ""

    @property
    def more(self) -> bool:
        return self.page < self.page_count


def records(envelope: Any, resource: str) -> list[Any]:
    """The list an answer carries.

    Raises:
        Unreadable: there is none. That is never taken for an empty list: "no such invoice" leads to writing it again.
    """
    found = envelope.get(resource) if isinstance(envelope, Mapping) else None
    if not isinstance(found, list):
        raise Unreadable(f"Xero's answer holds no list of {resource}.", "If it stays, look at Xero's status page.")
    return found


def page_numbers(envelope: Json, asked: int, count: int) -> tuple[int, int]:
    """Page and number of pages. Where Xero does not say, a full page means that another may follow."""
    facts = nested(envelope, "pagination")
    page = whole(facts, "page") or asked
    pages = whole(facts, "pageCount")
    if pages is None:
        pages = page + 1 if count >= PAGE_SIZE else page
    return page, pages


async def parsed(body: bytes, parse: Callable[[Any], Parsed]) -> Parsed:
    """Decode and parse a body, a large one off the event loop.

    Raises:
        Unreadable: it is not JSON.
    """

    def work() -> Parsed:
        try:
            found = decode(body)
        except ValueError as error:
            raise Unreadable("Xero's answer is not JSON.", "If it stays, look at Xero's status page.") from error
        return parse(found)

    return await asyncio.to_thread(work) if len(body) > LOOP_BYTES else work()
