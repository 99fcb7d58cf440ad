"""Xero, as far as one invoice needs it: drafts, approval, numbers that are unique, answers kept under their key.

A write replaces the whole document. Nothing compares what the sender last read with what is there: that is why the
product must.
"""

from decimal import Decimal
from functools import cache

from msgspec.structs import replace

from tests.model.office import name_of, thing
from worker.billing.model import Document, Found, FoundLine, Line
from worker.store.intents import Element

KEPT = 360_000  # milliseconds for which Xero keeps an answer under its key
PERSON = "a person's line"

Books = dict[str, str]  # InvoiceID -> the document's name
Kept = dict[str, tuple[str, int]]  # Idempotency-Key -> (answer, since when)


def write(books: Books, one: Element, drafts_only: bool) -> str:
    """One document of a call: changes the books and gives the answer's name. Outcome ERROR: nothing was written."""
    if one.operation == "create":
        if one.document.number and any(thing(name).number == one.document.number for name in books.values()):
            return _error("Invoice # must be unique.")
        id_ = f"x{len(books) + 1}"
        books[id_] = _created(name_of(one.document), id_)
        return books[id_]
    id_ = one.document.xero_id
    if id_ not in books:
        return _error("The document was not found.")
    there = books[id_]
    if drafts_only and thing(there).status != "DRAFT":
        return _error("Invoice not of valid status for modification")
    result = _replaced(there, name_of(one.document))
    if not result:
        return _error("A line item does not exist on this document.")
    books[id_] = result
    return result


@cache
def _error(text: str) -> str:
    return name_of(Found(outcome="ERROR", errors=(text,)))


@cache
def _created(document: str, id_: str) -> str:
    ours: Document = thing(document)
    lines = tuple(_line(line, f"{id_}.{place}") for place, line in enumerate(ours.lines))
    return name_of(
        Found(
            id=id_,
            number=ours.number or f"INV-{id_}",
            status="DRAFT",
            contact=ours.contact,
            currency=ours.currency,
            amounts="NoTax",
            url=f"https://hours.example/i/{ours.key}/{ours.sequence}",
            lines=lines,
            updated="1",
        )
    )


@cache
def _replaced(found: str, document: str) -> str:
    there, ours = thing(found), thing(document)
    known = {line.id for line in there.lines}
    if any(line.id and line.id not in known for line in ours.lines):
        return ""
    updated = int(there.updated) + 1
    lines = tuple(_line(line, f"{there.id}.{updated}.{place}") for place, line in enumerate(ours.lines))
    return name_of(replace(there, lines=lines, updated=str(updated)))


def _line(line: Line, fresh: str) -> FoundLine:
    return FoundLine(
        id=line.id or fresh, description=line.description, quantity=line.quantity, unit_amount=line.unit_amount,
        amount=line.amount, account=line.account, tax_type=line.tax_type,
    )  # fmt: skip


# ---- a person in Xero ----------------------------------------------------------------------------------------------


@cache
def approved(found: str) -> str:
    """A person approved the draft."""
    there = thing(found)
    return name_of(replace(there, status="AUTHORISED", updated=str(int(there.updated) + 1)))


@cache
def added_to(found: str) -> str:
    """A person added a line to the draft."""
    there, one, price = thing(found), Decimal(1), Decimal(50)
    id_ = f"{there.id}.p{there.updated}"
    line = FoundLine(id=id_, description=PERSON, quantity=one, unit_amount=price, amount=price)
    return name_of(replace(there, lines=(*there.lines, line), updated=str(int(there.updated) + 1)))


@cache
def hours_on(found: str) -> tuple[tuple[str, int], ...]:
    """The hours of each unit on a document."""
    there: Found = thing(found)
    timed = [line for line in there.lines if line.quantity and line.description != PERSON]
    return tuple(sorted((line.description, int(line.quantity or 0)) for line in timed))


@cache
def edits_on(found: str) -> int:
    """How many lines of a person are on a document."""
    return sum(line.description == PERSON for line in thing(found).lines)
