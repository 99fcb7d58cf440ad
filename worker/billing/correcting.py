"""Accepted corrections: where the line goes that corrects a locked document, and what it says.

The proposal that a person sees and the one that is accepted are one computation (`worker.billing.corrections`). What a
correction is billed with is copied from what it corrects: contact, currency, account, tax type, tracking, amounts type.
It goes on the earliest invoice that takes time; where a person fixed a line of a draft that is still open, that is the
same draft. Downwards it goes, where the setup does not say otherwise, on the one open draft credit note of the same
client, group and currency.
"""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date
from hashlib import sha256
from typing import Final

from msgspec import Struct

from worker.billing import words
from worker.billing.canonical import followed
from worker.billing.corrections import Change, Finding, Verdict, bucket_of, finding
from worker.billing.decisions import last_on
from worker.billing.keys import correction_group, document_id, invoice_key
from worker.billing.model import Correction, Decision, Document, Line, Placed, Posting
from worker.billing.periods import CREDIT, UNTIL_APPROVED, WITHOUT_DAYS, first_day, open_periods
from worker.billing.placing import UNNAMED
from worker.billing.rules import Rules
from worker.billing.write_ons import WriteOns

_NOBODY: Final[Mapping[str, str]] = {}
_SUFFIX: Final = re.compile(r" \(correction(?: of [^()]*)?\)$")

Group = tuple[tuple[str, str], ...]


def correcting(
    verdict: Verdict,
    *,
    unit: str,
    postings: Sequence[Posting],
    decisions: Sequence[Decision],
    documents: Sequence[Document],
    groups: Mapping[str, Group],
    rules: Rules,
    closed: Set[str],
    follow: Mapping[str, str] = _NOBODY,
) -> Verdict:
    """The accepted correction of a unit, placed; where there is none, `verdict` (from `assess`) unchanged.

    `postings` and `decisions` are all of the unit's, oldest first; `documents` all those of the invoices that its
    postings are on (an unknown one places nothing); `groups` what `invoice_per` says of these invoices, by key.
    """
    if isinstance(verdict, Placed) and verdict.corrects:
        return verdict
    found = findings_of(verdict, postings, decisions, documents, rules, follow)
    office = _Office(unit, postings, decisions, documents, groups, rules, closed, follow)
    change = found.change if found.decided == "accept" else _shared(verdict, found, office)
    corrected = _corrected(change, documents) if change is not None else None
    if change is None or corrected is None:
        return verdict
    return _placed(verdict, change, corrected, office)


def findings_of(
    verdict: Verdict,
    postings: Sequence[Posting],
    decisions: Sequence[Decision],
    documents: Iterable[Document],
    rules: Rules,
    follow: Mapping[str, str] = _NOBODY,
) -> Finding:
    """What one unit's fixed postings need, as though nothing else had used up write-ons of its lines."""
    return finding(verdict, postings, decisions, WriteOns(documents), bucket_of(rules, follow))


def proposal(
    verdict: Verdict,
    *,
    postings: Sequence[Posting],
    decisions: Sequence[Decision] = (),
    documents: Sequence[Document] = (),
    rules: Rules,
    follow: Mapping[str, str] = _NOBODY,
) -> Correction | None:
    """The correction of one unit that waits for a person, None when there is none. What an invoice proposes is in its
    composition; the two differ only where several units of one line share a write-on or write-off."""
    return findings_of(verdict, postings, decisions, documents, rules, follow).proposal


def valid(placed: Placed, postings: Sequence[Posting]) -> bool:
    """Whether a placed correction is still what the unit's postings ask for: once something of it was fixed or taken
    out since, it is to be judged anew."""
    return placed.stands == _standing(postings)


def _standing(postings: Iterable[Posting]) -> str:
    """A short name for what is fixed and suspended of a unit."""
    facts = [
        f"{each.document} {each.state} {each.corrects} {each.seconds.normalize()} {each.amount.normalize()}"
        for each in postings
        if each.state != "open"
    ]
    return sha256("\n".join(sorted(facts)).encode()).hexdigest()[:16]


# ---- which one was accepted ----------------------------------------------------------------------------------------


def _shared(verdict: Verdict, found: Finding, office: "_Office") -> Change | None:
    """An accepted proposal that left some of a line's write-on or write-off to the line's other units."""
    change = found.change
    accepted = last_on(office.decisions, change.correction.document) if change is not None and change.used else None
    if change is None or accepted is None or accepted.kind != "accept" or not office.shares_write_ons():
        return None
    part = change.correction.amount + change.used - accepted.amount
    if part * change.used < 0 or abs(part) > abs(change.used):
        return None
    again = finding(
        verdict,
        office.postings,
        office.decisions,
        WriteOns(office.documents, most=abs(part)),
        bucket_of(office.rules, office.follow),
    )
    return again.change if again.decided == "accept" else None


# ---- where it goes -------------------------------------------------------------------------------------------------


class _Office(Struct, frozen=True):
    """What there is to look up about one unit."""

    unit: str
    postings: Sequence[Posting]
    decisions: Sequence[Decision]
    documents: Sequence[Document]
    groups: Mapping[str, Group]
    rules: Rules
    closed: Set[str]
    follow: Mapping[str, str]

    def shares_write_ons(self) -> bool:
        """Whether other units are on a line of this one with a write-on or write-off."""
        lines = [line for document in self.documents for line in document.lines if line.write_on]
        with_it = [{share.unit for share in line.shares} for line in lines]
        return any(self.unit in units and units != {self.unit} for units in with_it)

    def group(self, document: Document, verdict: Verdict) -> Group:
        """What `invoice_per` says of a document's invoice. After a rebuild the record may lack it: then what gives the
        invoice's key does."""
        known = [document.group, self.groups.get(document.key, ())]
        known += [verdict.group] if isinstance(verdict, Placed) else []
        return next((each for each in known if self.key(document, each, document.period) == document.key), known[1])

    def key(self, document: Document, group: Group, period: str, contact: str = "") -> str:
        """The invoice of the same client, group and currency for a period."""
        contact = contact or document.contact
        return invoice_key(self.rules.org, self.rules.source, contact, group, period, document.currency)

    def billed_in(self, document: Document) -> str:
        """The period of a document; of a credit note that of the last invoice before it."""
        names = {document_id(each.key, each.sequence): each.period for each in (*self.documents, document)}
        invoiced = [names.get(posting.document, "") for posting in self.postings if posting.state == "fixed"]
        known = [name for name in [*invoiced, document.period] if name not in {"", CREDIT}]
        return document.period if document.period != CREDIT else known[-1] if known else UNTIL_APPROVED

    def staying(self, corrects: str, *, credit: bool) -> tuple[str, str] | None:
        """(key, period) of the open document that the correction is on already."""
        on = {each.document for each in self.postings if each.state == "open" and each.corrects == corrects}
        there = [each for each in self.documents if document_id(each.key, each.sequence) in on]
        fits = [each for each in there if (each.type == "ACCRECCREDIT") is credit]
        return (fits[0].key, fits[0].period) if fits else None


def _corrected(change: Change, documents: Iterable[Document]) -> tuple[Document, Line] | None:
    """The document and line that are corrected."""
    named = change.correction.document
    document = next((each for each in documents if document_id(each.key, each.sequence) == named), None)
    if document is None:
        return None
    with_it = [line for line in document.lines if any(share.unit == change.of.unit for share in line.shares)]
    lines = [line for line in with_it if line.id == change.of.line] or with_it
    return (document, lines[0]) if lines else None


def _placed(verdict: Verdict, change: Change, corrected: tuple[Document, Line], office: _Office) -> Placed:
    asked, (document, line) = change.correction, corrected
    credit = office.rules.decrease == "credit-note" and asked.amount < 0
    group = office.group(document, verdict)
    contact = followed(document.contact, office.follow)
    key, period = office.staying(asked.document, credit=credit) or _place(document, group, contact, office, credit)
    return Placed(
        unit=office.unit,
        key=key,
        contact=contact,
        currency=document.currency,
        group=group,
        period=period,
        seconds=asked.seconds,
        worked=change.worked,
        amount=asked.amount,
        used=change.used,
        covered=change.covered,
        stands=_standing(office.postings),
        corrects=asked.document,
        credit=credit,
        rate=change.rate,
        rate_source=change.rate_source,
        basis=change.basis,
        account=line.account,
        tax_type=line.tax_type,
        tracking=line.tracking,
        item=line.item,
        amounts=document.amounts,
        branding=document.branding,
        sources=line.sources,
        currency_rate=document.currency_rate,
        line=correction_group(office.unit, asked.document),
        description=_text(line.description, document, key),
        worked_on=_day(document, period),
        names=_names(verdict, office.billed_in(document)),
    )


def _place(document: Document, group: Group, contact: str, office: _Office, credit: bool) -> tuple[str, str]:
    """The open credit note, or the invoice of the earliest period that takes time."""
    if credit:
        return office.key(document, group, CREDIT, contact), CREDIT
    period = open_periods(office.billed_in(document), office.closed)[-1]
    return office.key(document, group, period, contact), period


def _text(corrected: str, document: Document, key: str) -> str:
    """What the corrected line says, and which document this corrects; on that document itself there is none to name."""
    here = key == document.key and document.status == "open" and not document.fixed
    number = document.number or document_id(document.key, document.sequence)
    mark = " (correction)" if here else f" (correction of {number})"
    return words.cut(_SUFFIX.sub("", corrected) or UNNAMED, words.DESCRIPTION_LIMIT - len(mark)) + mark


def _names(verdict: Verdict, period: str) -> dict[str, str]:
    """What the reference of a new document may print."""
    names = verdict.names if isinstance(verdict, Placed) else {}
    return names | ({} if period in WITHOUT_DAYS else {"period": period})


def _day(document: Document, period: str) -> date:
    """The day a correction counts for where a document is dated by its time: the corrected one's, within the period."""
    first = first_day(period)
    try:
        dated = date.fromisoformat(document.date)
    except ValueError:
        dated = first_day(document.period) or date.min
    return max(dated, first) if first else dated
