"""Invoices by status, what waits, corrections: what is shown, what is decided, and what is refused."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.console.web.console_support import Browser, document, fact, fill, invoice, unit, working
from worker.billing.model import Waiting
from worker.store.store import Store

NO_RATE = Waiting("no-rate", "Give Ada a rate.", "rate:person:x", holds=True)
LONG_DAY = Waiting("too-many-hours", "More than 24 hours in one entry: decide.", "entry", holds=True)


@pytest.fixture
async def signed_in(browser: Browser, store: Store) -> Browser:
    """A draft with two hours of Ada's on it, one that waits for a rate, and one that waits for a decision."""
    await fill(store, invoice(document(1, 2)), [fact(1), fact(2), fact(3, waits=NO_RATE), fact(4, waits=LONG_DAY)])
    await working(store)
    return await browser.sign_in()


async def test_drafts_are_listed_with_what_is_not_on_them_yet(signed_in: Browser) -> None:
    response, text = await signed_in.get("/invoices")
    assert response.status == 200
    assert "TT-00042" in text
    assert "240.00 GBP" in text
    assert "1 h no rate, 1 h more than 24 hours" in text
    assert 'href="/invoices" aria-current="page"' in text


@pytest.mark.parametrize("status", ["awaiting-approval", "approved", "paid", "voided", "deleted"])
async def test_a_status_that_nothing_has_says_so(signed_in: Browser, status: str) -> None:
    response, text = await signed_in.get(f"/invoices?status={status}")
    assert response.status == 200
    assert "TT-00042" not in text
    assert 'class="empty"' in text


async def test_an_unknown_status_is_no_page(signed_in: Browser) -> None:
    response, _ = await signed_in.get("/invoices?status=nonsense")
    assert response.status == 404


async def test_what_waits_is_listed_by_reason_with_what_to_do(signed_in: Browser) -> None:
    _, text = await signed_in.get("/invoices/waiting")
    assert text.index("Give Ada a rate.") > 0
    assert "More than 24 hours in one entry: decide." in text
    _, text = await signed_in.get("/invoices/waiting?reason=no-rate")
    assert "Give Ada a rate." in text
    assert "decide." not in text
    _, text = await signed_in.get("/invoices/waiting?q=nobody")
    assert "Nothing waits that fits this filter." in text


async def test_a_decision_that_bills_nothing_is_said_and_not_made(signed_in: Browser, store: Store) -> None:
    response, _ = await signed_in.send("/invoices/waiting/decide", {"act": "bill", "id": unit(3)})
    assert response.headers["Location"] == "/invoices/waiting"
    _, text = await signed_in.get("/invoices/waiting")
    assert "Nothing was decided: a decision does not bill these." in text
    assert await store.decisions.on_disk() == {}


async def test_all_of_a_list_is_asked_first(signed_in: Browser, store: Store) -> None:
    response, text = await signed_in.send("/invoices/waiting/decide", {"act": "dont-bill", "all": "yes"})
    assert response.status == 200
    assert "2 entries are not to be billed: 1 h, 1 h." in text
    assert await store.decisions.on_disk() == {}


async def test_choosing_nothing_decides_nothing(signed_in: Browser) -> None:
    await signed_in.send("/invoices/waiting/decide", {"act": "dont-bill"})
    _, text = await signed_in.get("/invoices/waiting")
    assert "choose entries first" in text


@pytest.mark.parametrize("path", ["/invoices/waiting/decide", "/invoices/corrections/decide"])
async def test_an_act_that_no_button_sends_is_refused(signed_in: Browser, path: str) -> None:
    response, _ = await signed_in.send(path, {"act": "burn", "id": unit(3)})
    assert response.status == 400


async def test_a_correction_that_is_not_proposed_any_more_is_not_decided(signed_in: Browser, store: Store) -> None:
    gone = {"act": "accept", "id": unit(1), "document": "X/1", "seconds": "1", "amount": "120.00"}
    response, _ = await signed_in.send("/invoices/corrections/decide", gone)
    assert response.headers["Location"] == "/invoices/corrections"
    _, text = await signed_in.get("/invoices/corrections")
    assert "is not proposed any more" in text
    assert await store.decisions.on_disk() == {}


async def test_the_life_of_an_invoice_is_told_in_words_with_details_folded(signed_in: Browser, store: Store) -> None:
    view = document(1)
    name = f"{view.key}/{view.sequence}"
    detail = {"outcome": "answered", "status": 200, "documents": [f"create {name} TT-00042", "create OTHER/1 TT-1"]}
    await store.audit.write("worker 1", "xero PUT", "intent 01", detail)
    await store.audit.write("worker 1", "merge", name, {"status": "approved", "notes": []})
    _, text = await signed_in.get(f"/i/{name}")
    assert text.index("Approved in Xero.") < text.index("Created in Xero.")
    assert "<details>" in text


async def test_an_invoice_that_people_changed_is_marked(browser: Browser, store: Store) -> None:
    changed = tuple(replace(line, fixed=True, write_on=Decimal("-10.00")) for line in document(1).lines)
    await fill(store, invoice(document(1, lines=changed)), [fact(1)])
    await working(store)
    _, text = await (await browser.sign_in()).get("/invoices")
    assert "edited by a person" in text
