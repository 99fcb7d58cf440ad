"""The items of one stage: due, later, leased, retrying, waiting; and what is done with one, some, or all that match.

Whatever is done here, an item stays on its list or waits visibly: no act makes an hour disappear.
"""

from collections.abc import Sequence
from typing import Final, Literal

from aiohttp import web

from console import queueing, queuelist, words
from console.queueing import Discarded
from console.queuelist import Query
from console.web import forms
from console.web.forms import Form
from console.web.ops.overview import PATH as QUEUE
from console.web.ops.overview import TITLES
from console.web.paging import Paging
from console.web.rendering import PERSON, render
from console.web.session import say, see_other
from console.web.site import STORE
from worker.store.listing import STATES, State
from worker.store.store import Store
from worker.store.worklist import STAGES, Counts, WorkList

PATH: Final = f"{QUEUE}/items"
FILTERS: Final = ("stage", "state", "q")
WHY: Final = 200  # characters of a reason
TICKED: Final = 1_000  # ids that one form may name

Act = Literal["retry", "release", "wait", "discard"]
ACTS: Final[tuple[Act, ...]] = ("retry", "release", "wait", "discard")
OFFERED: Final[dict[State, tuple[Act, ...]]] = {
    "due": ("wait",),
    "later": ("retry", "wait"),
    "leased": (),
    "retrying": ("retry", "wait", "discard"),
    "waiting": ("release",),
}
EFFECTS: Final[dict[Act, tuple[str, str]]] = {
    "retry": ("Try again now", "They are tried again at once, as if nothing of them had failed."),
    "release": ("Release", "They are due at once; what still cannot be done waits again, with its reason."),
    "wait": ("Let wait", "They wait, visibly, until somebody releases them, they change, or a day is over."),
    "discard": ("Stop trying", "They are tried once a day only, and wait visibly. No hour is discarded."),
}
DONE: Final[dict[Act, tuple[str, str]]] = {
    "retry": ("is tried again now", "are tried again now"),
    "release": ("is due now", "are due now"),
    "wait": ("waits now", "wait now"),
    "discard": ("is tried once a day only", "are tried once a day only"),
}
EMPTY: Final[dict[State, str]] = {
    "due": "Nothing is due. What comes due is claimed by a worker at once.",
    "later": "Nothing is due later.",
    "leased": "No worker holds anything of this stage.",
    "retrying": "Nothing has failed.",
    "waiting": "Nothing waits here. Time that waits for its rate, its contact or an approval is on Invoices, Waiting.",
}


async def show(request: web.Request) -> web.Response:
    """One list."""
    query = _query(
        request.query.get("stage") or "collect", request.query.get("state") or "due", request.query.get("q", "")
    )
    if query is None:
        raise web.HTTPNotFound
    store = request.app[STORE]
    counts = {work.stage: await work.counts() for work in store.lists()}
    paging = Paging.of(request, *FILTERS)
    found = await queuelist.page(store, query, paging.start, paging.size)
    total = None if query.text else _count(counts[query.stage], query.state)
    return render(
        request,
        "queue/items.html",
        tab="items",
        query=query,
        titles=TITLES,
        stages=[(stage, _count(counts[stage], query.state)) for stage in STAGES],
        states=[(state, _count(counts[query.stage], state)) for state in STATES],
        rows=found.rows,
        paging=Paging.of(request, *FILTERS, total=total, more=found.more),
        offered=[(act, *EFFECTS[act]) for act in OFFERED[query.state]],
        empty=EMPTY[query.state],
        form=Form(),
    )


def _query(stage: str, state: str, text: str) -> Query | None:
    """What is looked for; None where there is no such stage or state."""
    found = next((each for each in STATES if each == state), None)
    return Query(stage=stage, state=found, text=text.strip()[:200]) if found and stage in STAGES else None


def _count(counts: Counts, state: State) -> int:
    return counts.scheduled if state == "later" else int(getattr(counts, state))


# ---- acts ----------------------------------------------------------------------------------------------------------


async def steer(request: web.Request) -> web.Response:
    """Do one thing with what was ticked, or with all that match."""
    form = await forms.read(request)
    query, act = _query(form["stage"], form["state"], form["q"]), form.one_of("act", ACTS)
    if query is None or act is None:
        raise web.HTTPBadRequest(text="Say what to do with which items.")
    store, back = request.app[STORE], _address(query)
    every = form["all"] == "yes"
    ids = await queuelist.matching(store, query) if every else await _still_there(store, query.stage, form.all("id"))
    if not ids:
        say(request, _nothing(form, every=every), "attention")
        return see_other(back)
    if every and form["sure"] != "yes":
        return _asked(request, form, act, query, len(ids), back)
    work = next(work for work in store.lists() if work.stage == query.stage)
    done = await _do(store, work, act, ids, request[PERSON].who, form["why"][:WHY])
    await _record(request, act, query, ids, done, every=every)
    say(request, _said(act, done), "good" if any(each.done for each in done) else "attention")
    return see_other(back)


async def _still_there(store: Store, stage: str, ids: Sequence[str]) -> list[str]:
    """Of what was ticked, what the stage still has: an act brings nothing onto a list."""
    names = list(dict.fromkeys(ids))[:TICKED]
    return [each.id for each in await store.listing(stage).items(names) if each.due or each.parked]


async def _do(store: Store, work: WorkList, act: Act, ids: Sequence[str], who: str, why: str) -> list[Discarded]:
    if act == "discard":
        return await queueing.give_up(store, work, ids)
    if act == "wait":
        return await queueing.hold(store, work, ids, who, why)
    await queueing.again(store, work, ids)
    return [Discarded(id=id_, stage=work.stage, done=True) for id_ in ids]


async def _record(
    request: web.Request, act: Act, query: Query, ids: Sequence[str], done: Sequence[Discarded], *, every: bool
) -> None:
    detail = {"stage": query.stage, "state": query.state, "ids": sum(each.done for each in done)}
    if every and query.text:
        detail["matching"] = query.text
    subject = ids[0] if len(ids) == 1 else f"stage {query.stage}"
    await request.app[STORE].audit.write(request[PERSON].who, f"queue.{act}", subject, detail)


def _nothing(form: Form, *, every: bool) -> str:
    if every or form.all("id"):
        return "Nothing was done: what was chosen is not on this stage's list any more."
    return "Nothing was done: choose items first."


def _asked(request: web.Request, form: Form, act: Act, query: Query, count: int, back: str) -> web.Response:
    button, effect = EFFECTS[act]
    matching = f" that match “{query.text}”" if query.text else ""
    title = (
        f"{button}: {words.count(count, 'item', 'items')} of {TITLES[query.stage].lower()}, {query.state}{matching}?"
    )
    effects = [effect]
    if count >= queuelist.MOST:
        effects.append(f"At once {queuelist.MOST:,} of them; ask again for the rest.")
    return forms.confirm(request, title, effects=effects, button=button, back=back, form=form)


def _said(act: Act, done: Sequence[Discarded]) -> str:
    count = sum(each.done for each in done)
    text = f"{count:,} {DONE[act][0 if count == 1 else 1]}."
    refused = words.tally(each.why for each in done if not each.done)
    return " ".join([text, *(f"{number:,} not: {why}." for why, number in refused.items())])


def _address(query: Query) -> str:
    return Paging(PATH, 1, {"stage": query.stage, "state": query.state, "q": query.text}).address()
