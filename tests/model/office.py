"""The product's own pure rules, remembered: what an invoice should hold, what a read of Xero means, what was adopted.

The search comes by the same few documents many times. Each is kept once and goes by a short name, so that states are
small and a rule is computed once for each question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import replace

from tests.model.twin_ledger import Posted
from worker.billing.canonical import canonical, remember
from worker.billing.keys import document_id
from worker.billing.merge import accept, classify, merge
from worker.billing.model import Company, Contact, Document, Found, Invoice, Out, Placed, Posting
from worker.billing.postings import postings_of
from worker.billing.rules import Rules
from worker.jobs import planning, resolving
from worker.jobs.answering import postings_after, with_document
from worker.jobs.planning import Surroundings
from worker.store.intents import Element, Operation
from worker.store.ledger import Held, Unit, postings_row
from worker.store.worklist import Claimed

RATE = Decimal(100)
RULES = Rules(
    org="00D000000000001EAA", source="TimeEntry__c", start=date(2026, 11, 1), revenue_account="200", version=1
)
COMPANY = Company(tenant="t", base_currency="GBP", default_amounts="Tax Exclusive", currencies=("GBP",), pays_tax=False)
CONTACT = Contact(id="c", name="Acme")
AROUND = Surroundings(COMPANY, set(), {}, date(2026, 11, 20), {})

_names: dict[Any, str] = {}
_things: dict[str, Any] = {}


def name_of(thing: Any) -> str:
    """The short name of a thing that does not change."""
    mark = (type(thing), msgspec.json.encode(thing, order="sorted"))
    if (name := _names.get(mark)) is None:
        name = _names[mark] = f"{type(thing).__name__.lower()}~{len(_names)}"
        _things[name] = thing
    return name


def thing(name: str) -> Any:
    """What goes by this name."""
    return _things[name]


@dataclass(frozen=True)
class Wanted:
    """What one invoice should hold, by names. `document` "": it holds that now."""

    document: str = ""
    operation: Operation = "update"
    departed: tuple[str, ...] = ()
    corrected: tuple[str, ...] = ()  # units whose correction is proposed to a person
    waiting: tuple[str, ...] = ()


# ---- entries -------------------------------------------------------------------------------------------------------


@cache
def verdict(unit: str, key: str, hours: int) -> str:
    """The verdict on a unit that belongs on `key` ("": it is not to be billed)."""
    if not key:
        return name_of(Out("not-billable", "It is not billable."))
    placed = Placed(
        unit=unit, key=key, contact="c", currency="GBP", group=(), period="2026-11", seconds=Decimal(3600 * hours),
        rate=RATE, rate_source="entry", basis="b", account="200", tax_type="", amounts="no-tax", line=unit,
        description=unit, worked_on=date(2026, 11, 5),
    )  # fmt: skip
    return name_of(placed)


# ---- planning ------------------------------------------------------------------------------------------------------

Known = tuple[str, str, str, tuple[str, ...]]  # unit, verdict, at, its postings by document


@cache
def wanted(key: str, record: str, units: tuple[Known, ...], forced: bool) -> str:
    """The name of what the invoice should hold (`planning.plan_with` of one invoice)."""
    held = Held(key=key, invoice=thing(record) if record else None)
    known = {unit[0]: _unit(unit) for unit in units}
    plan = planning._plan(Claimed(key, "", 1), held, known, RULES, CONTACT, AROUND, forced=forced)
    found = Wanted(
        document=name_of(plan.document) if plan.document is not None else "",
        operation=plan.operation,
        departed=plan.departed,
        corrected=tuple(correction.unit for correction in plan.corrections),
        waiting=tuple(plan.waiting),
    )
    return name_of(found)


def _unit(known: Known) -> Unit:
    id_, verdict_name, at, postings = known
    found = tuple(posting for name in postings for posting in thing(name))
    return Unit(id=id_, verdict=thing(verdict_name), at=at, postings=found)


@cache
def element(key: str, operation: Operation, document: str, departed: tuple[str, ...]) -> str:
    """The name of the element of an intent, without the numbers that `begin` compares."""
    made = Element(
        key=key, operation=operation, document=thing(document), version="", generation="", departed=departed,
        placed=tuple((unit, "") for unit in units_on(document)),
    )  # fmt: skip
    return name_of(made)


@cache
def units_on(document: str) -> tuple[str, ...]:
    """The units that a write of this document places, in the order in which they are sent."""
    return tuple(sorted({share.unit for line in thing(document).lines if not line.fixed for share in line.shares}))


@cache
def numbered(document: str, number: str) -> str:
    """The document under its number."""
    return name_of(replace(thing(document), number=number))


@cache
def creates(element_name: str) -> bool:
    """Whether this element makes a document."""
    return bool(thing(element_name).operation == "create")


def documents_in(record: str) -> tuple[Document, ...]:
    """The documents of a ledger's record."""
    invoice: Invoice | None = thing(record) if record else None
    return invoice.documents if invoice else ()


@cache
def open_in_xero(record: str) -> tuple[str, ...]:
    """The open documents of the record, by name."""
    return tuple(name_of(d) for d in documents_in(record) if d.xero_id and d.status == "open")


# ---- what Xero says ------------------------------------------------------------------------------------------------


@cache
def kind_of(document: str, found: str) -> str:
    """What became of a document (`classify`); "" where nothing did."""
    kind = classify(thing(document), thing(found))
    return "" if kind == "untouched" and thing(found).updated == thing(document).updated else kind


@cache
def merged(record: str, document: str, found: str) -> tuple[str, str, tuple[Posted, ...]]:
    """What `record_merge` writes: the record, the document as it is in it, and the postings of its units."""
    base, result = thing(document), merge(thing(document), thing(found)).document
    fresh = postings_of(result)
    postings: dict[str, list[Posting]] = {posting.unit: [] for posting in (*postings_of(base), *fresh)}
    for posting in fresh:
        postings[posting.unit].append(posting)
    return name_of(with_document(_invoice(record), result)), name_of(result), _rows(postings, result)


@cache
def accepted(record: str, element_name: str, found: str) -> tuple[str, tuple[Posted, ...]]:
    """What a commit writes (`settle_written`): the record, and the postings of the units that it changes."""
    one: Element = thing(element_name)
    document = accept(one.document, thing(found))
    return name_of(with_document(_invoice(record), document)), _rows(postings_after(one, document), document)


@cache
def committed(record: str, element_name: str, found: str) -> tuple[str, tuple[Posted, ...]]:
    """What `resolving._commit` writes of content that a person edited: ours, with Xero's ids."""
    one: Element = thing(element_name)
    linked = accept(one.document, replace(thing(found), status="DRAFT"))
    document = replace(linked, body=canonical(one.document), updated="")
    rows = _rows(postings_after(one, document), document)
    return name_of(with_document(_invoice(record), document)), rows


@cache
def remembered(record: str, element_name: str) -> str:
    """The record that knows the body of a dropped update (`resolving._free`); "" for a document not known."""
    one: Element = thing(element_name)
    before = before_of(record, one)
    if before is None:
        return ""
    return name_of(with_document(_invoice(record), remember(before, canonical(one.document))))


@cache
def sighting(record: str, element_name: str, found: str, compared: bool) -> str:
    """What a look-up means for an element: `arrived`, `free`, `mixed` or `not ours` (`resolving._look_up`)."""
    one: Element = thing(element_name)
    there: Found = thing(found)
    held = Held(key=one.key, invoice=_invoice(record))
    if not resolving._ours(one, there):
        return "not ours"
    if not compared or resolving._arrived(one, there, {}, resolving._document(held, one)):
        return "arrived"
    if one.operation != "create" and resolving._is_older_body(held, one, there):
        return "free"
    return "mixed"


@cache
def before_is_closer(record: str, element_name: str, found: str) -> bool:
    """Whether the content before the element has more in common with what a person left (`resolving._edited`)."""
    one: Element = thing(element_name)
    before, there = before_of(record, one), thing(found)
    return before is not None and resolving._common(before, there) > resolving._common(one.document, there)


def before_of(record: str, one: Element) -> Document | None:
    """The document as the ledger has it."""
    return resolving._document(Held(key=one.key, invoice=_invoice(record)), one)


def _invoice(record: str) -> Invoice | None:
    return thing(record) if record else None


def _rows(postings: Mapping[str, Sequence[Posting]], document: Document) -> tuple[Posted, ...]:
    name = document_id(document.key, document.sequence)
    rows = []
    for unit, some in postings.items():
        _, _, text, held_open = postings_row(unit, name, some)
        here = tuple(posting for posting in some if posting.document == name)
        rows.append((unit, name, name_of(here) if text else "", held_open))
    return tuple(rows)
