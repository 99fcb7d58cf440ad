"""Home, Needs you: each thing with where it is decided, and the figures beside it."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.console.web.console_support import (
    Browser,
    document,
    fact,
    fill,
    invoice,
    unit,
    working,
)
from tests.console.web.office import Office
from tests.worker.jobs.jobs_world import SETUP as LIVE
from worker.billing.model import Correction, Waiting
from worker.store.brake import Braked
from worker.store.ledger import Note
from worker.store.worklist import Parked

RATE = Waiting("no-rate", "Give Ada a rate.", "rate:person:x")
GATE = Waiting("not-approved", "Approve it.", "entry")
BRAKED = Braked(at="2026-11-05T10:00:00Z", sentences=("51 new drafts, 50 are allowed.",), keys=("K1",), units=("u1",))


async def needs(browser: Browser) -> str:
    """What stands under *Needs you*, "" when nothing does."""
    response, page = await browser.get("/")
    assert response.status == 200
    found = re.search(r'<section class="card needs".*?</section>', page, re.DOTALL)
    return found[0] if found else ""


def links(part: str) -> list[str]:
    """The addresses of its buttons."""
    return re.findall(r'class="button" href="([^"]+)"', part)


async def test_nothing_needs_anybody_when_all_is_well(browser: Browser) -> None:
    await working(browser.store)
    await fill(browser.store, invoice(document(1)), [fact(1)])
    assert await needs(await browser.sign_in()) == ""


async def test_what_waits_is_counted_by_reason_with_hours_and_the_longest(browser: Browser) -> None:
    await working(browser.store)
    half = Decimal(1800)
    await fill(browser.store, None, [fact(1, waits=RATE), fact(2, waits=GATE), fact(3, waits=GATE, seconds=half)])
    part = await needs(await browser.sign_in())
    assert part.index("Not approved") < part.index("No rate")
    assert "2 · 1.5 h" in part
    assert "1 · 1 h" in part
    assert "Give Ada a rate." in part
    assert links(part) == ["/invoices/waiting?reason=not-approved", "/invoices/waiting?reason=no-rate"]
    for address in links(part):
        response, page = await browser.get(address)
        assert response.status == 200
        assert ("Approve it." in page) == address.endswith("not-approved")


async def test_what_no_longer_waits_is_not_counted(browser: Browser) -> None:
    await working(browser.store)
    await fill(browser.store, None, [fact(1, waits=RATE), fact(2, waits=GATE)])
    await fill(browser.store, None, [fact(1, waits=GATE), fact(2)])
    part = await needs(await browser.sign_in())
    assert "No rate" not in part
    assert "1 · 1 h" in part


async def test_what_invoices_hold_back_and_corrections_are_there(browser: Browser) -> None:
    await working(browser.store)
    await fill(browser.store, invoice(document(1)), [fact(1), fact(2)])
    correction = Correction(
        unit=unit(1), document="X/1", seconds=Decimal(-1800), amount=Decimal(-60), rate=Decimal(120),
        text="Half an hour less.",
    )  # fmt: skip
    held = {unit(2): Waiting("account-invalid", "Account 200 was archived.", "account:200")}
    await browser.store.ledger.note("X", Note(corrections=(correction,), waiting=held))
    part = await needs(await browser.sign_in())
    assert "Proposed correction" in part
    assert "Half an hour less." in part
    assert "Account 200 was archived." in part
    assert links(part) == ["/invoices/corrections", "/invoices/waiting?reason=account-invalid"]


async def test_what_a_work_list_holds_leads_to_the_queue(browser: Browser) -> None:
    await working(browser.store)
    await fill(browser.store, None, [])
    epoch = await browser.store.epoch.current()
    await browser.store.invoices.add(["KEY"])
    [item] = await browser.store.invoices.claim(epoch, 10, 60)
    parked = Parked(id="KEY", reason="given-up", cause="", since="2026-11-05T10:00:00Z", text="Nobody wanted it.")
    await browser.store.invoices.wait(epoch, item, parked)
    part = await needs(await browser.sign_in())
    assert "Stopped by hand" in part
    assert "Nobody wanted it." in part
    assert links(part) == ["/queue/items?stage=invoices&amp;state=waiting"]


async def test_a_connection_that_rests_is_named_with_what_to_do(browser: Browser) -> None:
    await working(browser.store)
    await browser.store.reconnects.needed("xero", "The consent was taken back.", "Connect it again.", "worker")
    part = await needs(await browser.sign_in())
    assert "Xero has to be connected again" in part
    assert "The consent was taken back." in part
    assert links(part) == ["/setup/connections"]


async def test_a_setup_that_cannot_be_used_leads_to_setup(browser: Browser) -> None:
    await working(browser.store)
    await browser.store.setup.save("[source]\nsobject = 5\n", "somebody")
    assert links(await needs(await browser.sign_in()))[0] == "/setup"


async def test_the_period_is_summed_by_state_and_currency(browser: Browser) -> None:
    await working(browser.store)
    period = await _period(browser)
    assert "Nothing of it is on an invoice yet." in period
    dated = {"period": _this_month()}
    first, second = document(1, 2, **dated), document(3, status="paid", sequence=2, **dated)
    await fill(browser.store, invoice(first, second, **dated), [fact(1), fact(2), fact(3)])
    rows = re.findall(r"<tr role=\"row\"><td.*?</tr>", await _period(browser), re.DOTALL)
    words = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in rows]
    assert words == ["Draft 1 2 240.00 GBP", "Paid 1 1 120.00 GBP"]


def _this_month() -> str:
    """The period that Home shows: of today, but not before the setup's start."""
    return max(datetime.now(UTC).strftime("%Y-%m"), "2026-11")


async def _period(browser: Browser) -> str:
    await browser.sign_in()
    _, page = await browser.get("/")
    found = re.search(r'aria-labelledby="h-period".*?</section>', page, re.DOTALL)
    assert found
    return found[0]


# ---- the brake -----------------------------------------------------------------------------------------------------


async def test_the_brake_says_what_it_stopped_and_offers_what_can_be_said(browser: Browser) -> None:
    await working(browser.store)
    await browser.store.brake.trip(BRAKED)
    part = await needs(await browser.sign_in("operator"))
    assert "51 new drafts, 50 are allowed." in part
    assert re.findall(r'name="act" value="([^"]+)"', part) == ["go-on", "keep", "undo"]
    _, page = await browser.get("/")
    assert "The brake is on" in page


@pytest.mark.parametrize("act", ["go-on", "keep", "undo"])
async def test_the_brake_is_decided_only_after_its_effect_was_shown(browser: Browser, act: str) -> None:
    await working(browser.store)
    await browser.store.brake.trip(BRAKED)
    await browser.sign_in("operator")
    response, page = await browser.send("/brake", {"act": act, "at": BRAKED.at})
    assert response.status == 200
    assert "51 new drafts, 50 are allowed." in page
    assert 'name="sure" value="yes"' in page
    assert await browser.store.brake.get() == BRAKED


async def test_a_second_decision_about_the_same_pass_does_nothing(browser: Browser) -> None:
    await working(browser.store)
    await browser.sign_in("operator")
    response, _ = await browser.send("/brake", {"act": "go-on", "at": BRAKED.at, "sure": "yes"})
    assert response.status == 303
    _, page = await browser.get("/")
    assert "Somebody has decided about that one already." in page
    later = Braked(at="2026-11-05T11:00:00Z", sentences=("Another one.",))
    await browser.store.brake.trip(later)
    await browser.send("/brake", {"act": "go-on", "at": BRAKED.at, "sure": "yes"})
    assert await browser.store.brake.get() == later


@pytest.mark.parametrize("form", [{}, {"act": "burn"}, {"act": "go-on\x00", "at": "x" * 9000, "sure": "yes"}])
async def test_what_is_no_decision_is_refused(browser: Browser, form: dict[str, str]) -> None:
    await working(browser.store)
    await browser.store.brake.trip(BRAKED)
    await browser.sign_in("operator")
    response, _ = await browser.send("/brake", form)
    assert response.status in (303, 400)
    assert await browser.store.brake.get() == BRAKED


async def test_a_viewer_sees_the_brake_and_cannot_lift_it(browser: Browser) -> None:
    await working(browser.store)
    await browser.store.brake.trip(BRAKED)
    await browser.sign_in("viewer")
    assert "51 new drafts" in await needs(browser)
    _, page = await browser.get("/")
    assert "may-operator" not in page
    response, _ = await browser.send("/brake", {"act": "go-on", "at": BRAKED.at, "sure": "yes"})
    assert response.status == 403
    assert await browser.store.brake.get() == BRAKED


@pytest.mark.parametrize("office_setup", [LIVE + "\n[brake]\nnew_invoices = 1\n"])
async def test_the_brake_lets_through_what_a_person_says_is_right(office: Office) -> None:
    world = office.world
    await world.tell(world.log("Harrow"), world.log("Northgate"))
    await world.run("collect")
    await world.run("invoice")
    assert world.documents() == []
    part = await needs(office.browser)
    act = dict(re.findall(r'name="(act|at)" value="([^"]+)"', part.partition("</form>")[0]))
    assert act["act"] == "go-on"
    page = await office.send("/brake", 200, **act)
    assert "2 new invoices" in page or "2 invoices" in page or "new drafts" in page
    await office.send("/brake", sure="yes", **act)
    page = await office.page("/")
    assert "It goes on with 2 invoices." in page
    assert len(world.documents()) == 2
    assert 'aria-labelledby="h-needs"' not in page
