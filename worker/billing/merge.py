"""What a person did in Xero, and how our document takes it in.

Base of every comparison is the document as the ledger has it: what we sent last, or merged last. Header fields are
theirs. A line of theirs is kept. On a line of ours their description, account, tax type and tracking stay and time goes
on moving the quantity; a quantity, price or amount of theirs fixes the line at our amounts, the difference being a
write-on or write-off. A line of ours that is gone suspends its postings, and so does a deleted or voided document. What
was submitted or approved, or got another contact, currency or amounts type, is fixed as a whole, for good.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from worker.billing import words
from worker.billing.canonical import KEPT_DIGESTS, canonical, digest, followed
from worker.billing.match import matched, strangers
from worker.billing.merge_lines import foreign, merged_line
from worker.billing.model import Amounts, Document, Found, FoundLine, Line, Posting, PostingState
from worker.billing.money import ZERO, totals
from worker.billing.postings import postings_of

Class = Literal["untouched", "late-own", "edited", "locked", "gone"]
_NOBODY: Final[Mapping[str, str]] = {}


class Merged(Struct, frozen=True, kw_only=True):
    """Our document with what a person did taken in, and what that did to its postings."""

    document: Document
    fixed: tuple[Posting, ...] = ()  # became fixed by this
    suspended: tuple[Posting, ...] = ()  # became suspended by this: wait for a person's decision
    notes: tuple[str, ...] = ()  # what was seen, one sentence each


def classify(document: Document, found: Found, follow: Mapping[str, str] = _NOBODY) -> Class:
    """What became of a document since our last write.

    `late-own`: its content is an older one of ours, which arrived late: write again. `found` must be a read of Xero,
    never an element with outcome ERROR (it echoes the request). Raises ValueError for an unknown document state.
    """
    status = words.status(found.status)
    if status in words.GONE:
        return "gone"
    if status in words.LOCKED or document.fixed:
        return "locked"
    if document.updated and found.updated == document.updated:
        return "untouched"
    content = canonical(found, follow)
    if content in {document.body, canonical(document, follow)}:
        return "untouched"
    if digest(content) in document.digests:
        return "late-own"
    return "locked" if _another_head(document, found, follow) else "edited"


def merge(document: Document, found: Found, follow: Mapping[str, str] = _NOBODY) -> Merged:
    """Take in what Xero has now, whichever class it is of; of `untouched` and `late-own` only ids, time and header."""
    kind = classify(document, found, follow)
    if kind in {"untouched", "late-own"}:
        linked = _relinked(_headed(document, found), found)
        return Merged(document=replace(linked, rewrite=document.rewrite or kind == "late-own"))
    if kind == "gone":
        return _result(document, _headed(document, found), (f"{_name(document)} was {found.status.lower()} in Xero.",))
    merged, notes = _merged_lines(document, found)
    if kind == "locked":
        notes = (*notes, *_lock_notes(document, found, follow))
        merged = replace(merged, fixed=True)
    merged = replace(_headed(merged, found), **_content_head(merged, found))
    merged = replace(merged, body=canonical(found, follow), theirs=True, rewrite=False)
    return _result(document, merged, notes)


def accept(document: Document, found: Found) -> Document:
    """Our write of `document` was answered OK with `found`: take over ids, number, state, time and totals.

    The body is what Xero answered; the one before it joins the digests, where it was ours. A document that we deleted
    holds nothing more.
    """
    status = words.status(found.status or "DRAFT")
    body = canonical(found if found.lines or not document.lines else document)
    ours = document.body not in {"", body} and not document.theirs
    before = (digest(document.body), *document.digests) if ours else document.digests
    pairs = matched(document.lines, found.lines, taxed=document.amounts != "no-tax", by_place=True)
    lines = tuple(_identified(line, pair) for line, pair in zip(document.lines, pairs, strict=True))
    return replace(
        document,
        lines=() if status == "deleted" else lines,
        xero_id=found.id or document.xero_id,
        number=found.number or document.number,
        status=status,
        fixed=document.fixed or status in words.LOCKED,
        updated=found.updated,
        total=found.total,
        total_tax=found.total_tax,
        currency_rate=found.currency_rate or document.currency_rate,
        body=body,
        theirs=False,
        rewrite=False,
        digests=tuple(dict.fromkeys(before))[:KEPT_DIGESTS],
    )


def matches(document: Document, found: Found, follow: Mapping[str, str] = _NOBODY) -> bool:
    """Whether what Xero holds is what `document` says: only then may an intent of unknown outcome be adopted."""
    return canonical(document, follow) == canonical(found, follow)


def difference(document: Document, found: Found, rates: Mapping[str, Decimal] | None = None) -> str | None:
    """What Xero computed differently, as a sentence; None when every cent agrees.

    `rates` (tax type -> percentage) lets tax and total be compared too. A cent of difference stops that invoice.
    """
    pairs = matched(document.lines, found.lines, taxed=document.amounts != "no-tax", by_place=True)
    for line, pair in zip(document.lines, pairs, strict=True):
        if pair is not None and pair.amount is not None and pair.amount != line.amount:
            return f"Line {line.description!r}: Xero computed {pair.amount:.2f}, we {line.amount:.2f}."
    ours = totals(document.lines, rates or {}, document.amounts)
    lines_sum = sum((line.amount for line in document.lines), ZERO)
    compared = [("sum of the lines", found.sub_total if document.amounts != "inclusive" else found.total, lines_sum)]
    if rates is not None:
        compared += [("tax", found.total_tax, ours.tax), ("total", found.total, ours.total)]
    for name, theirs, mine in compared:
        if theirs is not None and theirs != mine:
            return f"The {name} is {theirs:.2f} in Xero, {mine:.2f} by our computation."
    return None


def _result(before: Document, after: Document, notes: tuple[str, ...]) -> Merged:
    return Merged(
        document=after,
        fixed=_became(before, after, "fixed"),
        suspended=_became(before, after, "suspended"),
        notes=notes,
    )


def _became(before: Document, after: Document, state: PostingState) -> tuple[Posting, ...]:
    were = {posting.unit for posting in postings_of(before) if posting.state == state}
    return tuple(posting for posting in postings_of(after) if posting.state == state and posting.unit not in were)


def _merged_lines(document: Document, found: Found) -> tuple[Document, tuple[str, ...]]:
    """The lines in Xero's order, those that a person took out set aside."""
    taxed = document.amounts != "no-tax"
    unnamed = not any(line.id for line in document.lines)  # a create that was never answered
    pairs = matched(document.lines, found.lines, taxed=taxed, by_place=unnamed)
    ours = {id(pair): line for line, pair in zip(document.lines, pairs, strict=True) if pair is not None}
    new = {id(line) for line in strangers(found.lines, pairs)}
    lines: list[Line] = []
    notes: list[str] = []
    for theirs in found.lines:
        line, note = (foreign(theirs), "") if id(theirs) in new else merged_line(ours[id(theirs)], theirs, taxed=taxed)
        lines.append(line)
        notes += [note] if note else []
        notes += [f"A person added the line {theirs.description!r}."] if id(theirs) in new else []
    gone = [line for line, pair in zip(document.lines, pairs, strict=True) if pair is None and line.shares]
    notes += [f"A person took out the line {line.description!r}." for line in gone]
    return replace(document, lines=tuple(lines), removed=(*document.removed, *gone)), tuple(notes)


def _headed(document: Document, found: Found) -> Document:
    """Header fields are theirs; a date they chose stays."""
    dates = {"date": found.date, "due_date": found.due_date}
    chosen = {name: text for name, text in dates.items() if text and text != getattr(document, name)}
    return replace(
        document,
        xero_id=found.id or document.xero_id,
        number=found.number or document.number,
        reference=found.reference,
        contact=found.contact or document.contact,
        kept=tuple(sorted({*document.kept, *chosen})),
        status=words.status(found.status),
        updated=found.updated,
        total=found.total,
        total_tax=found.total_tax,
        currency_rate=found.currency_rate or document.currency_rate,
        **chosen,
    )


def _content_head(document: Document, found: Found) -> dict[str, str | Amounts]:
    return {
        "currency": found.currency or document.currency,
        "amounts": words.amounts(found.amounts) or document.amounts,
    }


def _another_head(document: Document, found: Found, follow: Mapping[str, str]) -> list[str]:
    """Which of contact, currency and amounts type a person changed."""
    changed = []
    if found.contact and followed(found.contact, follow) != followed(document.contact, follow):
        changed.append("contact")
    if found.currency and found.currency != document.currency:
        changed.append("currency")
    if words.amounts(found.amounts) not in {None, document.amounts}:
        changed.append("amounts type")
    return changed


def _lock_notes(document: Document, found: Found, follow: Mapping[str, str]) -> tuple[str, ...]:
    changed = _another_head(document, found, follow)
    notes = [f"A person changed the {' and the '.join(changed)} of {_name(document)}."] if changed else []
    status = words.status(found.status)
    if status != document.status:
        notes.append(f"{_name(document)} is {status.replace('-', ' ')} now.")
    return tuple(notes)


def _relinked(document: Document, found: Found) -> Document:
    """Our content with the ids that Xero's lines have now; a line that is not there gets a new one when it is sent."""
    pairs = matched(document.lines, found.lines, taxed=document.amounts != "no-tax")
    linked = (replace(line, id=pair.id if pair else "") for line, pair in zip(document.lines, pairs, strict=True))
    return replace(document, lines=tuple(linked))


def _identified(line: Line, pair: FoundLine | None) -> Line:
    return replace(line, id=pair.id) if pair and pair.id else line


def _name(document: Document) -> str:
    return document.number or f"{document.key}/{document.sequence}"
