"""What people did, or have to decide, is said where they look: corrections, lines set in Xero, approvals taken back."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from console import queueview, readmodel
from console.queueview import heard, sentences
from console.web.sentence import Standing, remarks
from console.why import why_in_store
from tests.console.web.console_support import KEY, SETUP, Browser, document, fact, fill, invoice, posting, unit, working
from tests.console.web.test_console_home import WELL, headline, home
from worker.billing.model import Correction, Posting
from worker.store.ledger import Note
from worker.store.store import Store

GATE = '[source.approved]\nfield = "Status__c"\nvalues = ["Approved"]\nwithdrawn = ["Rejected"]\n[schedule]'
PROPOSED = Correction(
    unit=unit(1), document=f"{KEY}/1", seconds=Decimal(1800), amount=Decimal("60.00"), rate=Decimal(120),
    text="TT-00042: 0.5 h more than billed; add 60.00 GBP.",
)  # fmt: skip


async def billed(store: Store, *, fixed: bool = False, write_on: str = "0", **changes: str) -> None:
    """Ada's hour on a draft, its line set by a person where `fixed`."""
    made = document(1)
    line = replace(made.lines[0], fixed=fixed, write_on=Decimal(write_on))
    await fill(store, invoice(replace(made, lines=(line,))), [fact(1, **changes)])
    if fixed:
        on: tuple[Posting, ...] = (replace(posting(1), state="fixed"),)
        held = (await store.ledger.invoices([KEY]))[KEY]
        assert held.invoice
        epoch = await store.epoch.current()
        assert epoch
        assert await store.ledger.merge(epoch, held, held.invoice, f"{KEY}/1", {unit(1): on})


async def test_a_proposed_correction_is_counted_wherever_people_look(browser: Browser) -> None:
    store = browser.store
    await working(store)
    await billed(store)
    await store.ledger.note(KEY, Note(corrections=(PROPOSED,)))
    for work in store.lists():
        epoch = await store.epoch.current()
        assert epoch
        await work.done(epoch, await work.claim(epoch, 1000, 60))
    page = await home(await browser.sign_in())
    assert "except 1 proposed correction for somebody" in headline(page)
    assert "Proposed correction" in page
    assert "0.5 h more than billed" in page
    assert "1 correction is proposed." in " ".join(sentences(await queueview.queue_and_waiting(store)))
    assert [each.text for each in await readmodel.corrections(store)] == [PROPOSED.text]
    (answer,) = await why_in_store(store, unit(1))
    assert f"Proposed: {PROPOSED.text}" in answer.text
    assert "hourstream corrections accept" in answer.text


@pytest.mark.parametrize("now", [{"to_read": 1}, {"mode": "preview"}, {"workers": 0}])
def test_corrections_are_told_whatever_the_headline_is_about(now: dict[str, object]) -> None:
    found = remarks(Standing(**{**WELL, "corrections": 2, **now}))
    assert "2 proposed corrections need somebody's decision." in [each.text for each in found]


@pytest.mark.parametrize(
    ("write_on", "how"), [("-10", "(10.00 GBP written off)"), ("5", "(5.00 GBP written on)"), ("0", "in Xero, so")]
)
async def test_a_line_that_a_person_set_on_an_open_draft_is_not_called_locked(
    store: Store, write_on: str, how: str
) -> None:
    await working(store)
    await billed(store, fixed=True, write_on=write_on)
    (answer,) = await why_in_store(store, unit(1))
    assert "a person set this line in Xero" in answer.text
    assert how in answer.text
    assert "locked" not in answer.text


@pytest.mark.parametrize(("approval", "told"), [("Submitted", True), ("Approved", False), ("", False)])
async def test_time_that_stays_billed_without_its_approval_says_what_takes_it_back(
    store: Store, approval: str, told: bool
) -> None:
    await working(store, setup=SETUP.replace("[schedule]", GATE))
    await billed(store, approval=approval)
    (answer,) = await why_in_store(store, unit(1))
    assert ('billed time is taken back only by "Rejected" or an empty field' in answer.text) is told


async def test_amounts_before_tax_are_called_net(store: Store) -> None:
    await working(store)
    await billed(store)
    assert "120.00 GBP net in all" in (await why_in_store(store, unit(1)))[0].text


def test_the_listener_is_one_sentence() -> None:
    assert heard(None) == "Listener: none lives."
    said = heard({"name": "x", "state": "listening", "transport": "pubsub", "last_event_at": "T", "events": "7"})
    assert said == "Listener: listening by change events, last change T."
    assert heard({"state": "retrying", "reason": "No route."}) == "Listener: retrying, no change yet. No route."
