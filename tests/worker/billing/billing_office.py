"""A small office: the ledger and a Xero company as plain records, no services, and the people who work with both."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import count

from billing_support import ACME, BOLT, company, computed, contact, echo, invoice_of, rules
from msgspec.structs import replace

from worker.billing.assess import assess
from worker.billing.brake import Effect, Step, measure
from worker.billing.compose import Composition, compose
from worker.billing.correcting import correcting
from worker.billing.corrections import Verdict, unreleased
from worker.billing.decisions import settlement
from worker.billing.keys import document_id, key_of
from worker.billing.merge import accept, merge
from worker.billing.model import (
    Correction,
    Decision,
    DecisionKind,
    Document,
    Entry,
    Found,
    Invoice,
    Placed,
    Posting,
    Waiting,
)
from worker.billing.postings import postings_of
from worker.billing.rules import Rules
from worker.billing.scene import open_document
from worker.billing.statement import Reckoned, Statement, statement

_STATUSES = {"open": "DRAFT", "awaiting-approval": "SUBMITTED", "deleted": "DELETED"}
PASSES = 16


class Office:
    """Runs assess, correcting, compose, send, accept and merge until nothing is left to do."""

    def __init__(self, setup: Rules | None = None) -> None:
        self.setup = setup or rules()
        self.entries: dict[str, Entry] = {}
        self.invoices: dict[str, Invoice] = {}
        self.xero: dict[tuple[str, int], Found] = {}
        self.contacts = {ACME: contact(), BOLT: contact(BOLT)}
        self.company = company()
        self.closed: set[str] = set()
        self.decisions: dict[str, list[Decision]] = defaultdict(list)
        self.waiting: dict[str, Waiting] = {}
        self.corrections: list[Correction] = []
        self.writes = 0
        self.today = date(2026, 12, 8)
        self._order: dict[tuple[str, str], int] = {}
        self._count = count(1)

    # ---- what people do ----------------------------------------------------------------------------------------------

    def put(self, one: Entry) -> None:
        self.entries[one.id] = one

    def decide(self, unit: str, kind: DecisionKind, document: str = "", **more: object) -> None:
        self.decisions[unit].append(replace(Decision(unit=unit, kind=kind, document=document), **more))

    def answer(self, kind: DecisionKind, proposal: Correction | None = None) -> None:
        """Accept or ignore a proposed correction; without one all of them."""
        for each in [proposal] if proposal is not None else list(self.corrections):
            self.decide(each.unit, kind, each.document, seconds=each.seconds, amount=each.amount)

    def move(self, document: Document, status: str) -> None:
        """A person submits, approves, pays, voids or deletes a document in Xero."""
        at = (document.key, document.sequence)
        self.xero[at] = computed(replace(self.xero[at], status=status))

    def taken_off(self) -> list[tuple[str, str, Decimal]]:
        """What people took off documents and nobody has decided about: unit, document, seconds."""
        found = []
        for unit, postings in self.postings().items():
            suspended = [posting for posting in postings if posting.state == "suspended"]
            for document, left in unreleased(suspended, self.decisions[unit]).items():
                undecided = settlement(self.decisions[unit], document, left.seconds) is None
                if undecided and not left.nothing:
                    found.append((unit, document, left.seconds))
        return found

    # ---- what the product does ---------------------------------------------------------------------------------------

    def documents(self) -> list[Document]:
        return [document for invoice in self.invoices.values() for document in invoice.documents]

    def document(self, name: str) -> Document:
        return next(each for each in self.documents() if document_id(each.key, each.sequence) == name)

    def postings(self) -> dict[str, list[Posting]]:
        """All postings by unit, in the order in which it came onto their documents."""
        found: dict[str, list[Posting]] = defaultdict(list)
        for document in self.documents():
            for posting in postings_of(document):
                found[posting.unit].append(posting)
        return defaultdict(list, {unit: sorted(postings, key=self._came) for unit, postings in found.items()})

    def settle(self) -> int:
        """Work until at rest; the number of writes it took."""
        before = self.writes
        for _ in range(PASSES):
            self._read()
            if not self._pass():
                return self.writes - before
        raise AssertionError("the office does not come to rest")

    def effect(self) -> Effect:
        """What the next pass would do, of which nothing is done."""
        self._read()
        verdicts = self.verdicts()
        keys = {each.key for each in verdicts.values() if isinstance(each, Placed)} | set(self.invoices)
        made = [(self.invoices.get(key), self._composed(key, verdicts)) for key in sorted(keys)]
        return measure(
            Step(open_document(invoice), None if each.delete else each.document)
            for invoice, each in made
            if each.changed or each.reposted
        )

    def verdicts(self) -> dict[str, Verdict]:
        postings = self.postings()
        return {one.id: self._verdict(one, postings[one.id]) for one in self.entries.values()}

    def month(self, period: str = "2026-11") -> Statement:
        return statement(period, self.reckoned(), self.documents(), self.setup)

    def reckoned(self) -> list[Reckoned]:
        """Every unit as the ledger knows it."""
        verdicts, postings = self.verdicts(), self.postings()
        return [
            Reckoned(
                unit=unit,
                entry=one,
                verdict=verdicts[unit],
                postings=tuple(postings[unit]),
                decisions=tuple(self.decisions[unit]),
                held=self.waiting.get(unit),
            )
            for unit, one in self.entries.items()
        ]

    def _verdict(self, one: Entry, postings: list[Posting]) -> Verdict:
        decisions = self.decisions[one.id]
        verdict = assess(
            one,
            self.setup,
            contact=self.contacts.get(one.xero_contact),
            company=self.company,
            postings=postings,
            closed=self.closed,
            decisions=decisions,
        )
        keys = {key_of(posting.document) for posting in postings}
        return correcting(
            verdict,
            unit=one.id,
            postings=postings,
            decisions=decisions,
            documents=[document for document in self.documents() if document.key in keys],
            groups={key: self.invoices[key].group for key in keys},
            rules=self.setup,
            closed=self.closed,
        )

    def _came(self, posting: Posting) -> int:
        return self._order[posting.unit, posting.document]

    def _put(self, document: Document) -> None:
        """The ledger's record of a document, and which units have come onto it or left it."""
        name = document_id(document.key, document.sequence)
        on = {posting.unit for posting in postings_of(document)}
        for unit in on:
            self._order.setdefault((unit, name), next(self._count))
        for unit, where in list(self._order):
            if where == name and unit not in on:
                del self._order[unit, where]
        kept = self.invoices[document.key].documents if document.key in self.invoices else ()
        others = [each for each in kept if each.sequence != document.sequence]
        made = invoice_of(*sorted([*others, document], key=lambda each: each.sequence))
        self.invoices[document.key] = replace(made, group=document.group)

    def _read(self) -> None:
        for document in self.documents():
            found = self.xero[document.key, document.sequence]
            if found.updated != document.updated:
                self._put(merge(document, found).document)

    def _pass(self) -> bool:
        verdicts = self.verdicts()
        self.waiting = {unit: each for unit, each in verdicts.items() if isinstance(each, Waiting)}
        self.corrections = []
        keys = {each.key for each in verdicts.values() if isinstance(each, Placed)} | set(self.invoices)
        wrote = [self._invoice(key, verdicts) for key in sorted(keys)]
        return any(wrote)

    def _composed(self, key: str, verdicts: dict[str, Verdict]) -> Composition:
        here = [each for each in verdicts.values() if isinstance(each, Placed) and each.key == key]
        return compose(
            self.invoices.get(key),
            here,
            self.postings(),
            self.setup,
            self.company,
            self.contacts[here[0].contact] if here else None,
            others={u: each for u, each in verdicts.items() if not isinstance(each, Placed) or each.key != key},
            closed=self.closed,
            today=self.today,
            decisions=self.decisions,
        )

    def _invoice(self, key: str, verdicts: dict[str, Verdict]) -> bool:
        made = self._composed(key, verdicts)
        self.corrections += made.corrections
        self.waiting |= made.waiting
        if made.document is None or not (made.changed or made.reposted):
            return False
        self._send(made)
        return True

    def _send(self, made: Composition) -> None:
        document = made.document
        assert document is not None
        status = "deleted" if made.delete else "awaiting-approval" if made.submit else "open"
        at = (document.key, document.sequence)
        before = self.xero.get(at)
        assert (before is None) == made.create
        assert before is None or before.status == "DRAFT"
        self.writes += 1
        found = replace(echo(document, status=_STATUSES[status], before=before), type=document.type)
        self.xero[at] = found
        self._put(accept(document, found))
        self._nobody_is_on_two_drafts()

    def _nobody_is_on_two_drafts(self) -> None:
        for unit, postings in self.postings().items():
            assert len({posting.document for posting in postings if posting.state == "open"}) <= 1, unit


def open_drafts(office: Office) -> list[Document]:
    """The drafts that time still moves."""
    return [document for invoice in office.invoices.values() if (document := open_document(invoice)) is not None]


def on_invoice(document: Document, unit: str) -> bool:
    """Whether a unit has a share on a document."""
    return any(posting.unit == unit for posting in postings_of(document))


def keys_of(postings: Iterable[Posting]) -> set[str]:
    """The invoice keys of some postings."""
    return {key_of(posting.document) for posting in postings}
