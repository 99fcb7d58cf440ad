"""A document of ours put together again from what Xero holds and what the entries in Salesforce say was billed.

After a wipe neither alone is enough: Xero does not know the entries behind a line, the entries do not know what a
person changed. Where both do not agree to the cent, the line is fixed as Xero has it and the document says so: in doubt
wait, never bill.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from worker.billing import words
from worker.billing.canonical import canonical
from worker.billing.keys import correction_group
from worker.billing.merge_lines import chosen, foreign
from worker.billing.model import Document, Found, FoundLine, Line, Posting, Share
from worker.billing.money import ZERO
from worker.billing.periods import CREDIT
from worker.billing.postings import residual

_NO_GROUPS: Final[Mapping[str, str]] = {}


def restored(
    found: Found,
    key: str,
    sequence: int,
    postings: Sequence[Posting],
    *,
    period: str = "",
    groups: Mapping[str, str] = _NO_GROUPS,
    group: tuple[tuple[str, str], ...] = (),
) -> Document:
    """The ledger's document for `found`.

    `postings` are those of all units on this document, `groups` the line each unit belongs on now (`Placed.line`),
    `group` what `invoice_per` says of its invoice, where it is known.
    """
    status = words.status(found.status)
    live = [posting for posting in postings if posting.state != "suspended"]
    rest = residual(found, live) if status not in words.GONE else ZERO
    return Document(
        key=key,
        sequence=sequence,
        type=found.type,
        number=found.number,
        contact=found.contact,
        currency=found.currency,
        period=CREDIT if found.type == "ACCRECCREDIT" else period,
        group=group,
        amounts=words.amounts(found.amounts) or "exclusive",
        date=found.date,
        due_date=found.due_date,
        reference=found.reference,
        lines=tuple(_line(found, line, live, groups) for line in found.lines),
        removed=_removed(postings, -1 if found.type == "ACCRECCREDIT" else 1),
        xero_id=found.id,
        status=status,
        fixed=status in words.LOCKED,
        updated=found.updated,
        total=found.total,
        total_tax=found.total_tax,
        currency_rate=found.currency_rate,
        body=canonical(found),
        problem=_problem(found, str(rest)) if rest else "",
    )


def with_choices(document: Document, before: Document | None, wanted: Document | None) -> Document:
    """The restored document with what people chose on its lines: their texts, accounts, taxes and tracking stay.

    They are told by what the ledger held of this document (`before`) and by what its entries would make now (`wanted`),
    so far as either is known: what is neither is a person's. Who is in doubt changes nothing people may have written.
    """
    known = {line.id: line for line in before.lines if line.id} if before is not None else {}
    made = {line.group: line for line in wanted.lines if line.group} if wanted is not None else {}
    taxed = document.amounts != "no-tax"
    lines = []
    for line in document.lines:
        had, now = known.get(line.id), made.get(line.group)
        ours = [each for each in (had, now) if each is not None and line.shares]
        differs = [set(chosen(each, line, taxed=taxed)) for each in ours]
        theirs = set.intersection(*differs) if differs else set()
        lines.append(replace(line, kept=tuple(sorted(theirs | set(had.kept if had is not None else ())))))
    if before is None:
        return replace(document, lines=tuple(lines))
    moved = {name for name in ("date", "due_date") if getattr(before, name) != getattr(document, name)}
    kept = tuple(sorted({*before.kept, *moved}))
    return replace(document, lines=tuple(lines), kept=kept, rules_version=before.rules_version, digests=before.digests)


def _line(found: Found, line: FoundLine, postings: Sequence[Posting], groups: Mapping[str, str]) -> Line:
    on = sorted((posting for posting in postings if posting.line == line.id), key=lambda posting: posting.unit)
    if not on:
        return foreign(line)
    sign = -1 if found.type == "ACCRECCREDIT" else 1
    amount = line.amount or ZERO
    rest = amount - sum((sign * posting.amount for posting in on), ZERO)
    return Line(
        id=line.id,
        group=_group(on, groups),
        description=line.description,
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        discount=line.discount,
        amount=amount,
        account=line.account,
        tax_type=line.tax_type,
        tracking=line.tracking,
        shares=tuple(_share(posting, sign) for posting in on),
        corrects=on[0].corrects,
        surcharge=on[0].surcharge,
        fixed=bool(rest) or any(posting.state == "fixed" for posting in on),
        write_on=rest,
    )


def _group(on: Sequence[Posting], groups: Mapping[str, str]) -> str:
    """What a line is known by when its document is computed again; that of a surcharge follows from what it says."""
    if on[0].corrects:
        return correction_group(on[0].unit, on[0].corrects)
    return "" if on[0].surcharge else next((groups[each.unit] for each in on if each.unit in groups), "")


def _share(posting: Posting, sign: int) -> Share:
    return Share(
        unit=posting.unit,
        seconds=sign * posting.seconds,
        amount=sign * posting.amount,
        rate=posting.rate,
        rate_source=posting.rate_source,
        basis=posting.basis,
        worked=None if posting.worked is None else sign * posting.worked,
    )


def _removed(postings: Sequence[Posting], sign: int) -> tuple[Line, ...]:
    """Suspended postings, each on a line of its own that is no longer there."""
    gone = (posting for posting in postings if posting.state == "suspended")
    return tuple(
        Line(
            id=posting.line,
            amount=sign * posting.amount,
            account=posting.account,
            tax_type=posting.tax_type,
            corrects=posting.corrects,
            surcharge=posting.surcharge,
            shares=(_share(posting, sign),),
        )
        for posting in gone
    )


def _problem(found: Found, rest: str) -> str:
    return (
        f"The lines of {found.number or found.id} and what the entries say was billed on it differ by {rest}: "
        "compare them, and decide what belongs to whom before more time of this client is billed."
    )
