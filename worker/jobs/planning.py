"""Planning: what each invoice should hold now, computed from the ledger (or from units as they would be), purely."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from worker.billing.compose import compose
from worker.billing.keys import key_of
from worker.billing.model import Company, Contact, Placed, Waiting
from worker.billing.rules import Rules
from worker.billing.scene import open_document
from worker.context import Context, Loaded
from worker.jobs.sending import Plan
from worker.store.ledger import Held, Unit
from worker.store.worklist import Claimed


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every invoice of one moment is computed with. `today` is the day in the company's time zone."""

    company: Company
    closed: set[str]
    merged: Mapping[str, str]
    today: date
    doubts: Mapping[str, str]


async def plan(
    ctx: Context,
    loaded: Loaded,
    items: Sequence[Claimed],
    held: Mapping[str, Held],
    rewrite: Mapping[str, bool] | None = None,
) -> list[Plan]:
    """What each invoice should hold now. `rewrite`: content of an earlier body of ours arrived late: write again."""
    members = {item.id: await ctx.store.ledger.members(item.id) for item in items}
    units = await ctx.store.ledger.units(set().union(*members.values()))
    mine = {key: {id_: units[id_] for id_ in ids if id_ in units} for key, ids in members.items()}
    return await plan_with(ctx, loaded, items, held, mine, rewrite)


async def plan_with(
    ctx: Context,
    loaded: Loaded,
    items: Sequence[Claimed],
    held: Mapping[str, Held],
    members: Mapping[str, Mapping[str, Unit]],
    rewrite: Mapping[str, bool] | None = None,
) -> list[Plan]:
    """As `plan`, with the units of each invoice given."""
    concerned = {item.id: _contact_of(item.id, held[item.id], members[item.id].values()) for item in items}
    contacts = await ctx.contacts(set(concerned.values()) - {""})
    units = {id_ for mine in members.values() for id_ in mine}
    around = Surroundings(
        await ctx.company(),
        await ctx.store.ledger.closed(),
        await ctx.store.contacts.merged(),
        datetime.fromisoformat(await ctx.store.clock()).astimezone(ZoneInfo(loaded.rules.timezone)).date(),
        await ctx.store.ledger.doubts(units),
    )
    plans = []
    for item in items:
        forced = bool(rewrite and rewrite.get(item.id)) or _differs(held[item.id])
        rules = await _rules(ctx, loaded, held[item.id])
        contact = contacts.get(concerned[item.id])
        plans.append(_plan(item, held[item.id], members[item.id], rules, contact, around, forced=forced))
    return plans


async def _rules(ctx: Context, loaded: Loaded, held: Held) -> Rules:
    """The rules that the invoice's open document was opened under, else those in force."""
    document = open_document(held.invoice)
    return await ctx.rules_of(loaded, document.rules_version) if document else loaded.rules


def _plan(
    item: Claimed,
    held: Held,
    units: Mapping[str, Unit],
    rules: Rules,
    contact: Contact | None,
    around: Surroundings,
    *,
    forced: bool,
) -> Plan:
    candidates = placed_on(item.id, units)
    placed = [each for each in candidates if each.unit not in around.doubts]
    doubted = {e.unit: _doubted(around.doubts[e.unit]) for e in candidates if e.unit in around.doubts}
    if held.invoice is None and not placed:
        return Plan(item=item, held=held, units=units, waiting=doubted)
    here = {each.unit for each in placed}
    composition = compose(
        held.invoice,
        placed,
        {id_: unit.postings for id_, unit in units.items()},
        rules,
        around.company,
        contact,
        others={id_: u.verdict for id_, u in units.items() if u.verdict is not None and id_ not in here} | doubted,
        closed=around.closed,
        follow=around.merged,
        today=around.today,
        decisions={id_: unit.decisions for id_, unit in units.items() if unit.decisions},
    )
    document = composition.document if composition.changed or composition.reposted or forced else None
    if document is not None and composition.delete:
        document = msgspec.structs.replace(document, status="deleted")
    elif document is not None and composition.submit:
        document = msgspec.structs.replace(document, status="awaiting-approval")
    return Plan(
        item=item,
        held=held,
        units=units,
        document=document,
        create=composition.create,
        delete=composition.delete,
        departed=composition.departed,
        corrections=composition.corrections,
        waiting=dict(composition.waiting) | doubted,
        notes=composition.notes,
    )


def _differs(held: Held) -> bool:
    """Xero computed its draft otherwise than we did: it is written and compared again."""
    return held.invoice is not None and any(d.differs and d.status == "open" for d in held.invoice.documents)


def _doubted(why: str) -> Waiting:
    """It may be billed already: what of it is on the open draft stays there, and nothing is added."""
    return Waiting("in-doubt", why, holds=True)


def placed_on(key: str, units: Mapping[str, Unit]) -> list[Placed]:
    """The units that belong on this invoice and are not still on (or on their way to) another."""
    return [
        unit.verdict
        for unit in sorted(units.values(), key=lambda unit: unit.id)
        if isinstance(unit.verdict, Placed) and unit.verdict.key == key and unit.at in ("", key)
    ]


def members_of(units: Iterable[Unit]) -> dict[str, dict[str, Unit]]:
    """Units by each invoice that they belong on, are held by, or have postings on."""
    found: dict[str, dict[str, Unit]] = {}
    for unit in units:
        belongs = unit.verdict.key if isinstance(unit.verdict, Placed) else ""
        for key in {belongs, unit.at, unit.posted, *(key_of(posting.document) for posting in unit.postings)} - {""}:
            found.setdefault(key, {})[unit.id] = unit
    return found


def _contact_of(key: str, held: Held, units: Iterable[Unit]) -> str:
    if held.invoice is not None:
        return held.invoice.contact
    verdicts = (unit.verdict for unit in units)
    return next((v.contact for v in verdicts if isinstance(v, Placed) and v.key == key), "")
