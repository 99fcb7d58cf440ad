"""Decisions of people: time that waits, and proposed corrections."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from console import deciding, invoicing, words
from console.invoicing import WaitingRow
from console.web import forms
from console.web.acting import context_of
from console.web.forms import Form
from console.web.invoices import tabs
from console.web.paging import Paging
from console.web.rendering import render
from console.web.session import say, see_other
from console.web.site import STORE
from worker.billing.model import DecisionKind
from worker.errors import HourstreamError

MOST: Final = 1_000  # decisions of one click
KINDS: Final[dict[str, DecisionKind]] = {"bill": "bill", "elsewhere": "elsewhere", "dont-bill": "dont-bill"}
DONE: Final = {"bill": "to be billed", "elsewhere": "billed elsewhere", "dont-bill": "not to be billed"}
WAITING, CORRECTIONS = "/invoices/waiting", "/invoices/corrections"
ELSEWHERE: Final = "billed elsewhere"


async def waiting(request: web.Request) -> web.Response:
    """Time that waits, by reason."""
    store = request.app[STORE]
    paging = Paging.of(request, "reason", "q")
    text, reason = paging.filters.get("q", ""), paging.filters.get("reason", "")
    if text:
        found = await invoicing.waiting(store, text=text)
        rows, reasons = [row for row in found if reason in ("", row.reason)], invoicing.by_reason(found)
        total, rows = len(rows), rows[paging.start : paging.start + paging.size]
    else:
        reasons = await invoicing.waiting_reasons(store)
        total = sum(count for code, (count, _) in reasons.items() if reason in ("", code))
        rows = await invoicing.waiting_page(store, reason, paging.start, paging.size)
    paging = Paging.of(request, "reason", "q", total=total)
    session = await store.tokens.get("salesforce") or {}
    return render(
        request,
        "waiting.html",
        tabs=await tabs(request),
        tab="waiting",
        reasons=reasons,
        rows=rows,
        paging=paging,
        form=Form(),
        salesforce=str(session.get("instance_url", "")).rstrip("/"),
    )


async def decide(request: web.Request) -> web.Response:
    """Decide about the chosen entries, or about all of the list."""
    form = await forms.read(request)
    kind = KINDS.get(form["act"])
    if kind is None:
        raise web.HTTPBadRequest(text="Say what to do: bill, billed elsewhere, or don't bill.")
    back = Paging(WAITING, 1, {name: form[name] for name in ("reason", "q") if form[name]}).address()
    chosen = await _chosen(request, form)
    able = [row for row in chosen if kind != "bill" or row.decidable]
    if not able:
        say(request, _nothing(chosen, kind), "attention")
        return see_other(back)
    if form["all"] == "yes" and form["sure"] != "yes":
        return _asked(request, form, able, kind, back)
    try:
        ids = [row.entry.id for row in able[:MOST]]
        await deciding.decide_waiting(await context_of(request), ids, kind, reason=form["why"])
    except HourstreamError as error:
        say(request, str(error), "attention")
        return see_other(back)
    say(request, _said(len(ids), len(chosen), kind))
    return see_other(back)


async def _chosen(request: web.Request, form: Form) -> list[WaitingRow]:
    """Of the list as it is now: what was ticked, or everything. What was decided meanwhile is not there any more."""
    rows = await invoicing.waiting(request.app[STORE], form["reason"], form["q"])
    ticked = set(form.all("id"))
    return rows if form["all"] == "yes" else [row for row in rows if row.entry.id in ticked]


def _nothing(chosen: Sequence[WaitingRow], kind: DecisionKind) -> str:
    if not chosen:
        return "Nothing was decided: choose entries first. What was chosen may have been decided by somebody else."
    return f"Nothing was decided: a decision does not bill these. {chosen[0].text}" if kind == "bill" else ""


def _asked(request: web.Request, form: Form, rows: Sequence[WaitingRow], kind: DecisionKind, back: str) -> web.Response:
    hours = ", ".join(f"{hours} h" for _, hours in invoicing.by_reason(rows).values())
    effects = [f"{words.count(len(rows), 'entry is', 'entries are')} {DONE[kind]}: {hours}."]
    if len(rows) > MOST:
        effects.append(f"At once {MOST:,} of them; ask again for the rest.")
    return forms.confirm(
        request, "Decide about all of them?", effects=effects, button="Decide", back=back, form=form, danger=True
    )


def _said(done: int, chosen: int, kind: DecisionKind) -> str:
    text = f"{words.count(done, 'entry is', 'entries are')} {DONE[kind]} now."
    left = chosen - done
    return f"{text} {words.count(left, 'other', 'others')} not: see why each waits." if left else text


# ---- corrections ---------------------------------------------------------------------------------------------------


async def corrections(request: web.Request) -> web.Response:
    """Proposed corrections, oldest first."""
    store = request.app[STORE]
    return render(
        request,
        "corrections.html",
        tabs=await tabs(request),
        tab="corrections",
        rows=await invoicing.corrections(store),
    )


async def decide_correction(request: web.Request) -> web.Response:
    """Accept or ignore one proposal: the one that was on the page, not one that took its place meanwhile."""
    form = await forms.read(request)
    if form["act"] not in ("accept", "ignore", "elsewhere"):
        raise web.HTTPBadRequest(text="Say what to do: accept, billed elsewhere, or ignore.")
    shown = (form["id"], form["document"], form["seconds"], form["amount"])
    proposed = await deciding.corrections(request.app[STORE])
    if shown not in {(each.id, each.document, each.hours, each.amount) for each in proposed}:
        say(request, "Nothing was decided: this correction is not proposed any more, or not just so.", "attention")
        return see_other(CORRECTIONS)
    ignored, reason = form["act"] != "accept", form["why"]
    if form["act"] == "elsewhere":
        reason = f"{ELSEWHERE}: {reason}" if reason else ELSEWHERE
    try:
        ctx = await context_of(request)
        await deciding.decide_corrections(ctx, [form["id"]], ignored=ignored, reason=reason, document=form["document"])
    except HourstreamError as error:
        say(request, str(error), "attention")
        return see_other(CORRECTIONS)
    say(request, "Ignored: the same change is not proposed again." if ignored else "Accepted: it is billed.")
    return see_other(CORRECTIONS)
