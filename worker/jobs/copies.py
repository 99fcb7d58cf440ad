"""copies: Xero holds a second document with the address of one of ours.

A request that arrived after its number was free again (a person renumbered the draft meanwhile) makes one: Xero takes
it for new. Which of the two is ours follows from the lines that entries are on, else from the ledger. The other one is
shown to people, who delete it, and never taken in.
"""

from collections.abc import Sequence

import msgspec
import structlog

from worker.billing import words
from worker.billing.keys import document_id
from worker.billing.model import Copy, Document, Found, Posting
from worker.context import Context
from worker.jobs.answering import with_document
from worker.store.ledger import Held

log = structlog.get_logger()


async def note_copy(ctx: Context, epoch: str, held: Held, document: Document, there: Found) -> bool:
    """Show that `there` has the address of our `document`, or no longer; False when the record has moved meanwhile."""
    fresh = with_copy(document, there)
    if fresh == document:
        return True
    here = document_id(document.key, document.sequence)
    if not await ctx.store.ledger.merge(epoch, held, with_document(held.invoice, fresh), here, {}):
        return False
    log.error("document_twice_in_xero", number=document.number, other=there.number, id=there.id, status=there.status)
    detail = {"number": document.number, "other": there.number, "id": there.id, "status": there.status}
    await ctx.store.audit.write(ctx.who, "copy", here, detail)
    return True


def with_copy(document: Document, there: Found) -> Document:
    """Our document with this copy of it noted; one that is deleted or voided counts no longer."""
    others = tuple(each for each in document.copies if each.id != there.id)
    if words.status(there.status) in words.GONE:
        return msgspec.structs.replace(document, copies=others)
    copies = sorted((*others, Copy(id=there.id, number=there.number)), key=lambda copy: copy.id)
    return msgspec.structs.replace(document, copies=tuple(copies))


def copies_of(before: Document | None, found: Found) -> tuple[Copy, ...]:
    """The copies of a document that is found again: those known before, and what was taken for it instead of it."""
    if before is None:
        return ()
    known = tuple(each for each in before.copies if each.id != found.id)
    other = before.xero_id not in {"", found.id} and before.status not in words.GONE
    return (*known, Copy(id=before.xero_id, number=before.number)) if other else known


def is_ours(found: Found, other: Document, named: Sequence[Posting]) -> bool:
    """Of two with one address, whether `found` is ours: more entries say that they are on its lines, or as many do, and
    the other one is gone."""
    mine, theirs = _named({line.id for line in found.lines}, named), _named({line.id for line in other.lines}, named)
    return (mine, words.status(found.status) not in words.GONE) > (theirs, other.status not in words.GONE)


def _named(lines: set[str], postings: Sequence[Posting]) -> int:
    return sum(posting.line in lines for posting in postings if posting.line)
