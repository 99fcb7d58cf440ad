"""The invoice that an address on a Xero document leads to, and the answers to "why"."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from console.web.rendering import amount, moment, price
from console.web.site import Site
from tests.console.web.console_support import KEY, XERO_ID, Browser, document, fact, fill, invoice, unit
from worker.billing.model import Correction, Line, Waiting
from worker.settings import Settings
from worker.store.ledger import Note


async def test_an_invoice_shows_its_lines_and_under_each_its_entries(browser: Browser) -> None:
    await fill(browser.store, invoice(document(1, 2)), [fact(1), fact(2, description="Second floor")])
    await browser.sign_in()
    response, page = await browser.get(f"/i/{KEY}/1")
    assert response.status == 200
    for text in ("TT-00042", "Acme", "2026-11-30", "Tower · Ada", "2 × 120.00", "240.00 GBP", "1,234.50 GBP", "205.75"):
        assert text in page
    for text in ("Drawings", "Second floor", "2026-11-05", "the person&#39;s rate in the setup"):
        assert text in page
    assert page.count('<tr role="row">') == 1 + 2
    assert f"https://go.xero.com/AccountsReceivable/View.aspx?InvoiceID={XERO_ID}" in page


async def test_the_key_is_found_however_it_is_spelled(browser: Browser) -> None:
    await fill(browser.store, invoice(document(1)), [fact(1)])
    await browser.sign_in()
    response, _ = await browser.get(f"/i/{KEY.lower()}/1")
    assert response.status == 200


@pytest.mark.parametrize("path", [f"/i/{KEY}/2", "/i/NONE/1", "/nowhere", "/i/x/y", f"/i/{KEY}/999999999"])
async def test_what_is_not_there_is_said_kindly(browser: Browser, path: str) -> None:
    await fill(browser.store, invoice(document(1)), [fact(1)])
    await browser.sign_in()
    response, page = await browser.get(path)
    assert response.status == 404
    assert "There is no such" in page
    assert "Sign out" in page


async def test_what_people_did_in_xero_is_marked(browser: Browser) -> None:
    ours = document(1).lines[0]
    lines = (
        msgspec.structs.replace(ours, fixed=True, write_on=Decimal(-20)),
        Line(description="Train ticket", amount=Decimal(40), foreign=True),
        Line(description="Extra", amount=Decimal(5), write_on=Decimal(5), kept=("tax_type",)),
    )
    removed = (Line(description="Taken off line", amount=Decimal(7)),)
    await fill(browser.store, invoice(document(1, lines=lines, removed=removed, status="approved")), [fact(1)])
    await browser.sign_in()
    _, page = await browser.get(f"/i/{KEY}/1")
    for text in (
        "Written off: 20.00.",
        "Written on: 5.00.",
        "A person&#39;s own line in Xero",
        "A person set this line in Xero",
        "Chosen in Xero and kept: tax type.",
        "Taken off in Xero by a person",
        "Taken off line",
        "approved",
    ):
        assert text in page


async def test_problems_corrections_and_what_is_held_back_are_on_the_page(browser: Browser) -> None:
    first, second = (
        document(1, status="approved"),
        document(2, sequence=2, number="TT-00043", problem="No such account."),
    )
    await fill(browser.store, invoice(first, second), [fact(1), fact(2)])
    correction = Correction(
        unit=unit(1),
        document=f"{KEY}/1",
        seconds=Decimal(-3600),
        amount=Decimal(-120),
        rate=Decimal(120),
        text="An hour less.",
    )
    held = Waiting("negative-invoice", "It would be below zero.", "decision:x")
    await browser.store.ledger.note(KEY, Note(waiting={unit(2): held}, corrections=(correction,)))
    await browser.sign_in()
    _, one = await browser.get(f"/i/{KEY}/1")
    _, two = await browser.get(f"/i/{KEY}/2")
    assert "An hour less." in one
    assert "It would be below zero." not in one
    assert f'<a href="/i/{KEY}/2">TT-00043</a>' in one
    assert "No such account." in two
    assert "It would be below zero." in two


async def test_a_document_without_an_id_says_that_it_is_not_in_xero_yet(browser: Browser) -> None:
    await fill(browser.store, invoice(document(1, xero_id="", number="")), [fact(1)])
    await browser.sign_in()
    _, page = await browser.get(f"/i/{KEY}/1")
    assert "not in Xero yet" in page
    assert "Open in Xero" not in page


def test_documents_are_opened_where_xero_is(settings: Settings) -> None:
    site = Site.of(settings)
    assert site.in_xero("credit-note", "1").startswith("https://go.xero.com/AccountsReceivable/ViewCreditNote.aspx")
    near = settings.model_copy(update={"xero_api_url": "http://127.0.0.1:8463"})
    assert Site.of(near).in_xero("invoice", "1") == "http://127.0.0.1:8463/AccountsReceivable/View.aspx?InvoiceID=1"
    assert replace(site, address="https://x.example.com").secure


@pytest.mark.parametrize("asked", [unit(1), unit(1)[13:31], "TT-00042", f"{KEY}/1"])
async def test_why_answers_for_entries_and_invoices_and_leads_to_the_document(browser: Browser, asked: str) -> None:
    await fill(browser.store, invoice(document(1)), [fact(1)])
    await browser.sign_in()
    response, page = await browser.get("/why", params={"id": f"  {asked} "})
    assert response.status == 200
    assert "TT-00042" in page
    assert f'<a href="/i/{KEY}/1">See TT-00042</a>' in page


async def test_why_says_what_to_do_about_an_entry_that_waits(browser: Browser) -> None:
    await fill(browser.store, None, [fact(1, waits=Waiting("no-rate", "Give Ada a rate.", "entry"))])
    await browser.sign_in()
    _, page = await browser.get("/why", params={"id": unit(1)})
    assert "Give Ada a rate." in page
    assert "See " not in page


@pytest.mark.parametrize(
    ("asked", "text"), [("", "into the box above"), ("a00Hs0000000099IAA", "Nothing is known here")]
)
async def test_why_helps_where_it_has_no_answer(browser: Browser, asked: str, text: str) -> None:
    await browser.sign_in()
    response, page = await browser.get("/why", params={"id": asked})
    assert response.status == 200
    assert text in page


async def test_why_shows_the_first_hundred_of_many(browser: Browser) -> None:
    facts = [fact(number % 100, project="a01000000000001AAA") for number in range(99)]
    await fill(browser.store, invoice(document(1)), facts)
    await browser.sign_in()
    _, page = await browser.get("/why", params={"id": "a01000000000001AAA"})
    assert "99 answers" in page


@pytest.mark.parametrize(
    ("text", "shown"), [("1234567.5", "1,234,567.5"), ("-1234.50", "−1,234.50"), ("0.00", "0.00"), ("", ""), ("x", "x")]
)
def test_amounts_have_their_thousands_apart(text: str, shown: str) -> None:
    assert amount(text) == shown


@pytest.mark.parametrize(("text", "shown"), [("120", "120.00"), ("102.5", "102.50"), ("0.3333", "0.3333"), ("", "")])
def test_rates_have_cents_at_least(text: str, shown: str) -> None:
    assert price(text) == shown


def test_times_are_in_utc_with_seconds_and_for_programs() -> None:
    shown = moment("2026-11-05T12:00:01.5+02:00")
    assert shown == '<time datetime="2026-11-05T10:00:01+00:00">2026-11-05 10:00:01 UTC</time>'
    assert moment("<b>") == "&lt;b&gt;"
