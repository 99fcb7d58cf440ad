"""Linking Salesforce records to Xero contacts, where the setup says `xero_contact = "link(Project__c)"`."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from console import readmodel
from worker.billing.matching import Candidate, Match, matches
from worker.billing.model import Contact
from worker.context import Context
from worker.errors import ServiceError
from worker.salesforce.describe import Describe
from worker.salesforce.ids import id18, is_id
from worker.store.contact_links import ContactLink
from worker.store.ledger import Unit

NUMBERS = (
    "AccountNumber",
    "Account_Number__c",
    "Client_Number__c",
    "Customer_Number__c",
)  # where orgs keep it, if at all
NO_CONTACT = "no-contact"


class RecordView(msgspec.Struct, frozen=True, kw_only=True):
    """A Salesforce record that time hangs on: a project, an account.

    `contact_id` is "" while it is not linked; then `suggestion` may name a contact, and `reason` why that one. `hours`
    are what waits for the link.
    """

    id: str
    name: str
    contact_id: str = ""
    contact: str = ""
    suggestion: str = ""
    suggested: str = ""
    reason: str = ""
    hours: str = "0"
    entries: int = 0
    by: str = ""
    at: str = ""


class Linked(msgspec.Struct, frozen=True, kw_only=True):
    """What linking did: `entries` are judged anew."""

    id: str
    contact_id: str
    contact: str
    entries: int


async def to_link(ctx: Context, *, suggest: bool = True) -> list[RecordView]:
    """Records whose time waits for a link, the most hours first, each with the contact it probably is.

    Raises `ServiceError` where the setup uses no links, and Salesforce's errors.
    """
    waiting = await _hanging(ctx)
    records = await described(ctx, waiting)
    known = await ctx.store.contacts.all() if suggest else []
    names = {contact.id: contact.name for contact in known}
    proposed = {match.record: match for match in matches(records.values(), known)}
    views = [_view(record, units, records, proposed.get(record), names) for record, units in waiting.items()]
    return sorted(views, key=lambda view: (-Decimal(view.hours), view.name.casefold(), view.id))


async def linked(ctx: Context, part: slice = slice(None)) -> list[RecordView]:
    """The records that are linked, or a part of them, by Xero contact. Raises Salesforce's errors."""
    links = await ctx.store.contact_links.all()
    contacts = await ctx.store.contacts.get_many(sorted({link.contact for link in links.values()}))
    names = {record: contacts[link.contact].name if link.contact in contacts else "" for record, link in links.items()}
    chosen = sorted(links, key=lambda record: (names[record].casefold(), record))[part]
    records = await described(ctx, chosen) if chosen else {}
    return [
        RecordView(
            id=record,
            name=records[record].name if record in records else "",
            contact_id=links[record].contact,
            contact=names[record],
            by=links[record].by,
            at=links[record].at,
        )
        for record in chosen
    ]


async def link(ctx: Context, pairs: Mapping[str, str]) -> list[Linked]:
    """Link records to contacts: by ContactID, account number, or the whole name.

    All or none. Their time that is on no locked document follows; what is locked stays where it is. Raises
    `ServiceError` for what is no record of the kind that is linked, or no usable contact.
    """
    await _path(ctx)
    known = await ctx.store.contacts.all()
    chosen = {_record(record): _contact(known, name) for record, name in pairs.items()}
    missing = chosen.keys() - (await described(ctx, chosen)).keys()
    if missing:
        raise ServiceError(
            f"Salesforce has no record {min(missing)} that time could hang on.",
            "See `hourstream contacts suggest` for those that wait.",
        )
    return [await _put(ctx, record, contact.id, contact.name) for record, contact in chosen.items()]


async def unlink(ctx: Context, records: Iterable[str]) -> list[Linked]:
    """Take links away: their time waits for a new one, but for what is on locked documents.

    Raises `ServiceError` for a record that is not linked.
    """
    links = await ctx.store.contact_links.all()
    names = [_record(record) for record in records]
    for name in names:
        if name not in links:
            raise ServiceError(f"{name} is not linked.", "`hourstream contacts list --linked` shows what is.")
    return [await _put(ctx, name, "", "") for name in names]


async def described(ctx: Context, records: Iterable[str]) -> dict[str, Candidate]:
    """These records as Salesforce has them; those it does not have, or that time cannot hang on, are missing."""
    path, wanted = await _path(ctx), sorted(set(records))
    loaded = await ctx.loaded()
    if loaded is None or not wanted:
        return {}
    lookup = (await ctx.salesforce.walk(loaded.setup.source.sobject, path))[-1].field
    found: dict[str, Candidate] = {}
    for target in lookup.reference_to:
        shape = await ctx.salesforce.describe(target)
        mine = [record for record in wanted if shape.key_prefix is None or record.startswith(shape.key_prefix)]
        found |= await _candidates(ctx, shape, mine)
    return found


async def _candidates(ctx: Context, shape: Describe, records: Sequence[str]) -> dict[str, Candidate]:
    if not records:
        return {}
    name = next((each for each in ("Name", "Subject", "CaseNumber", "WorkOrderNumber") if shape.field(each)), "Id")
    numbers = [each for each in NUMBERS if shape.field(each)]
    emails = [field.name for field in shape.fields if field.type == "email"]
    rows = await ctx.salesforce.retrieve(shape.name, list(dict.fromkeys(["Id", name, *numbers, *emails])), records)
    return {
        str(row["Id"]): Candidate(
            record=str(row["Id"]),
            name=str(row.get(name) or ""),
            numbers=tuple(str(row[each]) for each in numbers if row.get(each)),
            emails=tuple(str(row[each]) for each in emails if row.get(each)),
        )
        for row in rows
    }


async def _path(ctx: Context) -> str:
    loaded = await ctx.loaded()
    path = loaded.setup.source.fields.link if loaded else ""
    if not path:
        raise ServiceError(
            "The setup finds Xero contacts by a path, not by links.",
            'To link records here, write xero_contact = "link(Project__c)" with the lookup to what is linked.',
        )
    return path


async def _hanging(ctx: Context) -> dict[str, list[Unit]]:
    """The units that wait for their record's link, by record."""
    found: dict[str, list[Unit]] = {}
    start, page = 0, 1_000
    while units := await ctx.store.ledger.waiting(start, page, NO_CONTACT):
        for unit in units:
            if unit.entry and unit.entry.linked:
                found.setdefault(unit.entry.linked, []).append(unit)
        start += page
    await _path(ctx)
    return found


def _view(
    record: str, units: list[Unit], records: Mapping[str, Candidate], match: Match | None, names: Mapping[str, str]
) -> RecordView:
    seconds = sum((unit.entry.seconds or Decimal(0) for unit in units if unit.entry), Decimal(0))
    return RecordView(
        id=record,
        name=records[record].name if record in records else "",
        suggestion=match.contact if match else "",
        suggested=names[match.contact] if match else "",
        reason=match.reason if match else "",
        hours=readmodel.hours(seconds),
        entries=len(units),
    )


def _record(text: str) -> str:
    if not is_id(text):
        raise ServiceError(
            f"{text} is no Salesforce record id.", "It has 15 or 18 characters; see the record's address."
        )
    return id18(text)


def _contact(known: Sequence[Contact], text: str) -> Contact:
    wanted = text.strip().casefold()
    found = [each for each in known if wanted in (each.id, each.account_number.casefold(), each.name.casefold())]
    exact = [each for each in found if each.id == wanted] or found
    usable = [each for each in exact if each.status == "ACTIVE" and not each.merged_to]
    if not exact:
        raise ServiceError(f"Xero has no contact {text}.", "`hourstream contacts list` shows those as last pulled.")
    if not usable:
        raise ServiceError(f"{exact[0].name} is archived or merged in Xero.", "Choose another contact, or restore it.")
    if len(usable) > 1:
        raise ServiceError(f"{len(usable)} contacts are called {text}.", "Name the one by its ContactID.")
    return usable[0]


async def _put(ctx: Context, record: str, contact: str, name: str) -> Linked:
    due = await ctx.store.contact_links.put([ContactLink(record=record, contact=contact, by=ctx.who)])
    await ctx.store.audit.write(ctx.who, "link" if contact else "unlink", record, {"contact": contact, "name": name})
    await ctx.store.bell.ring("collect")
    return Linked(id=record, contact_id=contact, contact=name, entries=due)
