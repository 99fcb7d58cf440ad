"""Where a unit of time belongs: on which invoice, on which line, at which rate; or why it is on none."""

from collections.abc import Mapping, Sequence, Set

from msgspec.structs import replace

from worker.billing.decisions import LIFTED, about_unit, decided
from worker.billing.gates import gate
from worker.billing.model import Company, Contact, Decision, Entry, Out, Placed, Posting, Waiting
from worker.billing.placing import place, shown_at_zero
from worker.billing.rules import Rules


def assess(
    entry: Entry,
    rules: Rules,
    *,
    contact: Contact | None,
    company: Company,
    postings: Sequence[Posting] = (),
    closed: Set[str] = frozenset(),
    decisions: Sequence[Decision] = (),
) -> Placed | Waiting | Out:
    """Judge one entry as it is now.

    `contact` is the Xero contact the entry names, followed through merges (`follow`), None when Xero has none such;
    `postings` are all of the unit's; `closed` are the names of closed periods; `decisions` are people's on the unit.
    """
    verdict = _judged(entry, rules, contact, company, postings, closed, decisions)
    return decided(verdict, decisions, postings)


def _judged(
    entry: Entry,
    rules: Rules,
    contact: Contact | None,
    company: Company,
    postings: Sequence[Posting],
    closed: Set[str],
    decisions: Sequence[Decision],
) -> Placed | Waiting | Out:
    last = about_unit(decisions)
    held = gate(entry, rules, postings, lifted=LIFTED if last and last.kind == "bill" else frozenset())
    if held is not None:
        shown = shown_at_zero(held, entry, rules, contact, company, postings, closed)
        return shown or held
    verdict = place(entry, rules, contact, company, postings, closed)
    if isinstance(verdict, Waiting) and verdict.holds and not _same_client(entry, contact, postings):
        return replace(verdict, holds=False)  # the open posting is another client's: it must not stay there
    return verdict


def follow(contact_id: str, contacts: Mapping[str, Contact]) -> Contact | None:
    """The contact of this id or, where Xero merged it into another one, that one; the last one known."""
    contact, seen = contacts.get(contact_id), {contact_id}
    while contact and contact.merged_to and contact.merged_to not in seen and contact.merged_to in contacts:
        seen.add(contact.merged_to)
        contact = contacts[contact.merged_to]
    return contact


def _same_client(entry: Entry, contact: Contact | None, postings: Sequence[Posting]) -> bool:
    clients = {entry.xero_contact, contact.id if contact else "", contact.merged_to if contact else ""} - {""}
    return any(posting.state == "open" and posting.contact in clients for posting in postings)
