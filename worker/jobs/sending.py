"""Sending: an intent in its slots, then its bytes, then what Xero answered.

The governor admits before `begin`, never between `begin` and the send. Bytes leave soon after `begin` or the intent is
dropped. What an answer means is decided in `worker.jobs.answering`; whatever is not certain stays in its slot for
`resolve`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import structlog
from ulid import ULID

from worker.billing.keys import document_id, number_by_key
from worker.billing.model import Correction, Document, DocumentType, Waiting
from worker.context import Context, Loaded
from worker.jobs.answering import apply, park, refused_alone, retry
from worker.jobs.credit_numbers import free_numbers
from worker.store.epoch import ROLLED_BACK
from worker.store.governor import Refused
from worker.store.intents import Element, Intent, Operation
from worker.store.ledger import Held, Unit
from worker.store.worklist import Claimed
from worker.xero.encode import BYTES
from worker.xero.errors import EncodingError

log = structlog.get_logger()

BEGIN_TRIES = 4
SPLITS = 12  # calls refused as a whole that one pass spends on finding the document that is to blame


@dataclass(frozen=True, slots=True)
class Plan:
    """What one invoice should hold, computed from the ledger's record `held`; `document` None: it holds that now.

    `read_at` is when its document was read from Xero, on this process' monotonic clock; None: it was not.
    """

    item: Claimed
    held: Held
    units: Mapping[str, Unit]
    document: Document | None = None
    create: bool = False
    delete: bool = False
    departed: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    read_at: float | None = None

    @property
    def changed(self) -> bool:
        """Is there something to write to Xero?"""
        return self.document is not None

    @property
    def kind(self) -> DocumentType:
        """The type of its document."""
        return self.document.type if self.document is not None else "ACCREC"

    @property
    def operation(self) -> Operation:
        """What the element asks of Xero."""
        if self.create:
            return "create"
        return "delete" if self.delete else "update"


@dataclass(frozen=True, slots=True)
class _Call:
    """One call, ready to begin; `rest` are the plans that it has no room for."""

    plans: list[Plan]
    intent: Intent
    numbers: Mapping[str, str]
    series: int
    rest: list[Plan]


@dataclass(frozen=True, slots=True)
class _Sent:
    """What became of one call: how many documents were written; the plans of a call that Xero refused as a whole, and
    its words; the plans that are still to be sent."""

    written: int = 0
    refused: tuple[Plan, ...] = ()
    problem: str = ""
    rest: tuple[Plan, ...] = ()


async def send(ctx: Context, loaded: Loaded, epoch: str, plans: Sequence[Plan], *, asked: bool = False) -> int:
    """Write these plans (of one type of document; all creates, or none of them); gives how many Xero took.

    `asked`: a person asked for just these, so they go in preview too. A call that Xero refuses as a whole is sent again
    in halves, so that one document holds back no other. Raises `ServiceError` when nothing can be sent at all.
    """
    todo, written, splits = [list(plans)], 0, 0
    while todo:
        sent = await _call(ctx, loaded, epoch, todo.pop(0), asked)
        written += sent.written
        if sent.rest:
            todo.insert(0, list(sent.rest))
        splits += bool(sent.refused)
        if len(sent.refused) > 1 and splits <= SPLITS:
            half = len(sent.refused) // 2
            todo[:0] = [list(sent.refused[:half]), list(sent.refused[half:])]
        elif len(sent.refused) > 1:
            await retry(ctx, epoch, {p.item.id: p.item for p in sent.refused}, sent.problem)
        elif sent.refused:
            await refused_alone(ctx, epoch, sent.refused[0].item, sent.problem)
    return written


async def _call(ctx: Context, loaded: Loaded, epoch: str, plans: Sequence[Plan], asked: bool) -> _Sent:
    """One write call at most."""
    admitted = await ctx.xero.admit("write")
    if isinstance(admitted, Refused):
        await ctx.store.invoices.hold_until(admitted.wait, admitted.why)
        await ctx.store.invoices.hand_back([p.item for p in plans])
        await ctx.store.bell.ring("invoices", admitted.wait)
        return _Sent()
    try:
        call, began = await _begun(ctx, loaded, epoch, plans, asked)
        late = time.monotonic() - began > ctx.limits.send_within
        if call is None or late:
            await ctx.xero.unused(admitted)
        if call is not None and late:
            await ctx.store.intents.drop(epoch, call.intent)
            await ctx.store.invoices.hand_back([p.item for p in (*call.plans, *call.rest)])
    except Exception:
        await ctx.xero.unused(admitted)
        raise
    if call is None or late:
        return _Sent()
    intent, items = call.intent, {p.item.id: p.item for p in call.plans}
    left = ctx.limits.send_within - (time.monotonic() - began)
    answer = await ctx.xero.send(
        intent.method, intent.kind, intent.body.encode(), intent.id, permit=admitted, within=left
    )
    applied = await apply(ctx, epoch, intent, answer, items)
    refused = tuple(call.plans) if applied.refused else ()
    return _Sent(applied.written, refused, applied.refused, tuple(call.rest))


async def _begun(
    ctx: Context, loaded: Loaded, epoch: str, plans: Sequence[Plan], asked: bool
) -> tuple[_Call | None, float]:
    """Take the slots for as many of these plans as may go now. Gives the call, and the moment before it began.

    Plans that may not go are handed back; all of them where it gives None.
    """
    left = await _fresh(ctx, plans)
    began = time.monotonic()
    for _ in range(BEGIN_TRIES):
        call = await _prepared(ctx, loaded, epoch, left)
        if call is None:
            return None, began
        if call.intent.kind == "ACCRECCREDIT" and call.plans[0].create and not await free_numbers(ctx, call.intent):
            continue
        if call.plans[0].create:
            await ctx.store.creates.keep([each.document for each in call.intent.elements])
        began = time.monotonic()
        left, begun = await _begin(ctx, loaded, epoch, call, asked)
        if begun:
            return call, began
        if not left:
            break
    await ctx.store.invoices.hand_back([p.item for p in left])
    return None, began


async def _fresh(ctx: Context, plans: Sequence[Plan]) -> list[Plan]:
    """The plans whose draft was read a moment ago, or is not there yet; others are handed back to be read again."""
    now = time.monotonic()
    old = [p for p in plans if not p.create and (p.read_at is None or now - p.read_at > ctx.limits.fresh_read)]
    await ctx.store.invoices.hand_back([p.item for p in old])
    return [p for p in plans if p not in old]


async def _prepared(ctx: Context, loaded: Loaded, epoch: str, plans: Sequence[Plan]) -> _Call | None:
    """The bytes of one call. A document that cannot be written waits with the reason, the others go."""
    left, rest = list(plans), list[Plan]()
    while left:
        numbered, numbers, series = await _number(ctx, loaded, left)
        try:
            intent = _intent(ctx, numbered)
        except EncodingError as error:
            bad = next(p for p in left if p.item.id == error.key)
            left.remove(bad)
            await park(ctx, epoch, bad.item, "cannot-be-written", str(error))
            continue
        if len(intent.body.encode()) <= BYTES:
            return _Call(numbered, intent, numbers, series, rest)
        if len(left) == 1:
            text = "This invoice is too large for one call to Xero. Bill it in shorter periods, or with fewer lines."
            await park(ctx, epoch, left.pop().item, "cannot-be-written", text)
            continue
        half = len(left) // 2
        left, rest = left[:half], left[half:] + rest
    return None if not rest else await _prepared(ctx, loaded, epoch, rest)


async def _number(ctx: Context, loaded: Loaded, plans: Sequence[Plan]) -> tuple[list[Plan], dict[str, str], int]:
    """Plans with their numbers, the numbers newly taken, and where the series stood (-1: nothing taken from it)."""
    if not any(p.create for p in plans):  # credit notes have a series of their own whatever the numbering
        return list(plans), {}, -1
    kind = plans[0].kind
    series, out = await ctx.store.ledger.series(kind), []
    taken: dict[str, str] = {}
    for p in plans:
        assert p.document is not None
        key, sequence = p.document.key, p.document.sequence
        number = await ctx.store.ledger.number(key, sequence)
        if not number and loaded.rules.numbering == "key" and kind == "ACCREC":
            number = number_by_key(loaded.rules.number_prefix, key, sequence)
        elif not number and (kind == "ACCRECCREDIT" or loaded.rules.numbering != "xero"):
            number = _in_series(loaded.rules.number_prefix, kind, series + len(taken) + 1)
            taken[document_id(key, sequence)] = number
        out.append(replace(p, document=msgspec.structs.replace(p.document, number=number)))
    return out, taken, series if taken else -1


def _in_series(prefix: str, kind: DocumentType, number: int) -> str:
    return f"{prefix}{'CN-' if kind == 'ACCRECCREDIT' else ''}{number:05d}"


def _intent(ctx: Context, plans: Sequence[Plan]) -> Intent:
    documents = [p.document for p in plans if p.document is not None]
    body = ctx.xero.encode(documents, create=plans[0].create, moved={d for p in plans for d in _dates_moved(p)})
    return Intent(
        id=str(ULID()),
        method="PUT" if plans[0].create else "POST",
        kind=plans[0].kind,
        body=body.decode(),
        elements=tuple(_element(p) for p in plans),
    )


def _dates_moved(plan: Plan) -> list[tuple[str, int]]:
    """Dates are sent with an update only where they move."""
    held = plan.held.invoice.documents if plan.held.invoice else ()
    before = [d for d in held if plan.document is not None and d.sequence == plan.document.sequence]
    if plan.create or plan.document is None or not before:
        return []
    same = (before[0].date, before[0].due_date) == (plan.document.date, plan.document.due_date)
    return [] if same else [(plan.document.key, plan.document.sequence)]


def _element(plan: Plan) -> Element:
    assert plan.document is not None
    # A unit on a line that a person fixed is not placed by this: it may be on another document with its correction.
    on_it = {share.unit for line in plan.document.lines if not line.fixed for share in line.shares}
    return Element(
        key=plan.item.id,
        operation=plan.operation,
        document=plan.document,
        version=plan.held.version,
        generation=plan.item.generation,
        placed=tuple((unit, str(plan.units[unit].ticket)) for unit in sorted(on_it) if unit in plan.units),
        departed=plan.departed,
    )


async def _begin(ctx: Context, loaded: Loaded, epoch: str, call: _Call, asked: bool) -> tuple[list[Plan], bool]:
    """Try to take the slots. Gives the plans to go on with, and whether the intent has begun."""
    answer = await ctx.store.intents.begin(
        epoch,
        call.intent,
        least=ctx.store.highwater.highest(),
        setup_version=loaded.version,
        numbers=call.numbers,
        series=call.series,
        asked=asked,
    )
    plans = [*call.plans, *call.rest]
    if isinstance(answer, int):
        await ctx.store.highwater.raise_to(answer)
        return plans, True
    whole = {refusal.reason for refusal in answer if not refusal.key}
    if whole == {"series"}:
        return plans, False
    refused = {refusal.key for refusal in answer}
    back = [p.item for p in plans if whole or p.item.id in refused]
    await ctx.store.invoices.hand_back(back)
    log.info("begin_refused", reasons=sorted({refusal.reason for refusal in answer}), invoices=len(back))
    if "preview" in whole:  # the setup's word and the stage's differ for a moment
        await ctx.store.invoices.hold_until(ctx.limits.doorbell)
    if "behind" in whole:
        await ctx.store.epoch.discard(epoch, ROLLED_BACK)
    return [] if whole else [p for p in plans if p.item.id not in refused], False
