"""braking: a pass that would do more than the setup allows is stopped before anything of it is sent.

A pass is all that is due in the stage at one moment. What it would do is measured over all of it, however many calls it
takes; then the stage is paused with the sentences, until a person says go on, keep, or undo.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import structlog

from worker.applying import apply_setup
from worker.billing.brake import Effect, Step, exceeds, measure
from worker.billing.model import Decision, Document
from worker.billing.scene import open_document
from worker.context import Context, Loaded
from worker.errors import ServiceError
from worker.jobs.collect import collect
from worker.jobs.planning import plan
from worker.jobs.reconcile import reconcile_through
from worker.jobs.sending import Plan
from worker.store.brake import Braked
from worker.store.worklist import Claimed

log = structlog.get_logger()

BATCH = 50
MOST = 10_000  # invoices that are measured as one pass


@dataclass
class Brake:
    """What one run of the invoice job has measured: each generation of an invoice once."""

    measured: set[tuple[str, str]] = field(default_factory=set)

    async def lets_go(self, ctx: Context, loaded: Loaded, plans: Sequence[Plan]) -> bool:
        """Whether the pass that these plans are the beginning of may be sent; else the stage is paused now."""
        if all((p.item.id, p.item.generation) in self.measured for p in plans):
            return True
        every = [*plans, *await _others(ctx, loaded, {p.item.id for p in plans})]
        cleared = await ctx.store.brake.cleared()
        counted = [p for p in every if p.item.id not in cleared]
        effect = await effect_of(ctx, counted)
        sentences = exceeds(effect, loaded.setup.brake)
        if not sentences:
            self.measured |= {(p.item.id, p.item.generation) for p in every}
            return True
        await _trip(ctx, loaded, counted, effect, sentences)
        return False

    async def spent(self, ctx: Context, keys: Sequence[str]) -> None:
        """What a person let through was sent: from now on it is measured again."""
        cleared = await ctx.store.brake.cleared() & set(keys)
        if cleared:
            due = {row["id"] for row in await ctx.store.invoices.page(0, MOST)}
            await ctx.store.brake.spent(cleared - due)


async def effect_of(ctx: Context, plans: Sequence[Plan]) -> Effect:
    """What these plans would do together, against all open documents of their currencies."""
    steps = [step for p in plans if (step := _step(p)) is not None]
    effect = measure(steps, accepted=_accepted(plans))
    if not effect.units:
        return effect
    return measure(steps, open_totals=await open_totals(ctx), accepted=_accepted(plans))


async def open_totals(ctx: Context) -> dict[str, Decimal]:
    """The sums of the lines of all open documents, by currency; credit notes take off."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    keys = await ctx.store.ledger.all_keys()
    for start in range(0, len(keys), 500):
        for held in (await ctx.store.ledger.invoices(keys[start : start + 500])).values():
            document = open_document(held.invoice)
            if document is not None:
                sign = -1 if document.type == "ACCRECCREDIT" else 1
                totals[document.currency] += sign * sum((line.amount for line in document.lines), Decimal(0))
    return dict(totals)


def _step(p: Plan) -> Step | None:
    """What a plan does to its document; None where it does nothing."""
    if p.document is None:
        return None
    return Step(_before(p), None if p.delete else p.document)


def _before(p: Plan) -> Document | None:
    return None if p.create else open_document(p.held.invoice)


def _accepted(plans: Sequence[Plan]) -> set[str]:
    """Units whose correction a person accepted; what ripened by itself counts."""
    return {
        id_
        for p in plans
        for id_, unit in p.units.items()
        if any(each.kind == "accept" and each.by != "auto" for each in unit.decisions)
    }


async def _others(ctx: Context, loaded: Loaded, claimed: set[str]) -> list[Plan]:
    """Plans of what else is due at this moment."""
    now = datetime.fromisoformat(await ctx.store.clock()).timestamp() * 1000
    rows = await ctx.store.invoices.page(0, MOST)
    due = [row for row in rows if row["id"] not in claimed and int(row["due"] or 0) <= now]
    found: list[Plan] = []
    for start in range(0, len(due), BATCH):
        items = [Claimed(row["id"], row["gen"], 0) for row in due[start : start + BATCH]]
        held = await ctx.store.ledger.invoices(item.id for item in items)
        found += await plan(ctx, loaded, [item for item in items if not held[item.id].slot], held)
    return found


async def _trip(
    ctx: Context, loaded: Loaded, plans: Sequence[Plan], effect: Effect, sentences: tuple[str, ...]
) -> None:
    keys = tuple(sorted(p.item.id for p in plans if p.document is not None))
    removed = {id_ for p in plans for id_ in p.departed}
    braked = Braked(
        at=await ctx.store.clock(),
        sentences=sentences,
        figures=figures(effect),
        keys=keys,
        units=tuple(sorted({*effect.units, *removed})),
        setup_version=loaded.version,
    )
    log.error("brake", sentences=sentences)
    await ctx.store.brake.trip(braked)
    await ctx.store.audit.write(ctx.who, "brake.tripped", "invoices", {"sentences": sentences} | braked.figures)


def figures(effect: Effect) -> dict[str, str]:
    """An effect as text, for records and programs."""
    return {
        "new_invoices": str(effect.new_invoices),
        "removed_entries": str(effect.removed_entries),
        "corrections": str(effect.corrections),
        "changed_value": str(effect.changed_value),
        "open_total": str(effect.open_total),
        "total_after": str(effect.total_after),
        "currency": effect.currency,
    }


# ---- what a person says --------------------------------------------------------------------------------------------


async def go_on(ctx: Context) -> Braked:
    """The stopped pass is right: send it. Raises `ServiceError` where none is stopped."""
    braked = await _stopped(ctx)
    await ctx.store.brake.lift(braked.keys)
    await ctx.store.audit.write(ctx.who, "brake.go-on", "invoices", dict(braked.figures))
    await ctx.store.bell.ring("invoices")
    return braked


async def keep(ctx: Context) -> int:
    """Leave the entries that would be taken off or priced anew as they are on their drafts; gives how many.

    Raises `ServiceError` where no pass is stopped, or it would change nothing on drafts.
    """
    braked = await _stopped(ctx)
    if not braked.units:
        raise ServiceError("The stopped pass changes no entry that is on a draft.", "Say go on, or undo the setup.")
    await ctx.store.decisions.add([Decision(unit=id_, kind="keep", by=ctx.who) for id_ in braked.units])
    await ctx.store.audit.write(ctx.who, "brake.keep", "invoices", {"units": len(braked.units)})
    await _judge_again(ctx)
    await ctx.store.brake.lift()
    await ctx.store.bell.ring("invoices")
    return len(braked.units)


async def undo(ctx: Context) -> int:
    """Take back the setup change: the version before becomes current as a new one; gives its number.

    What is due is judged by it before the stage goes on. Raises `ServiceError` where there is none before.
    """
    await _stopped(ctx)
    current, versions = await ctx.store.setup.current(), await ctx.store.setup.versions()
    older = [number for number in versions if current is not None and number < current.version]
    text = await ctx.store.setup.version(older[-1]) if older else None
    if text is None:
        raise ServiceError("There is no setup before this one.", "Say go on or keep, or apply another setup.")
    version = await apply_setup(ctx.store, text, by=ctx.who)
    await ctx.store.audit.write(ctx.who, "brake.undo", "setup", {"back_to": older[-1], "version": version})
    await reconcile_through(ctx, everything=True)
    await _judge_again(ctx)
    await ctx.store.brake.lift()
    await ctx.store.bell.ring("invoices")
    return version


async def _stopped(ctx: Context) -> Braked:
    braked = await ctx.store.brake.get()
    if braked is None:
        raise ServiceError("No pass is stopped by the brake.", "See `hourstream queue status`.")
    return braked


async def _judge_again(ctx: Context) -> None:
    """Until nothing is left to be read: what is sent next must follow from what was decided now."""
    for _ in range(1000):
        if not (await collect(ctx)).read:
            return
