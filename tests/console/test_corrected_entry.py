"""An entry that was corrected is on two documents, with a part on each: neither may show the whole as its own."""

from decimal import Decimal

from msgspec.structs import replace

from console import effects
from console.commands.invoices import shares_of
from console.readmodel import LineView, entry_view, price
from worker.billing.brake import Effect
from worker.billing.model import Posting
from worker.store.ledger import Unit

UNIT = "sf:a00Hs0000000001IAA#0"
FIRST = Posting(
    unit=UNIT, document="K/1", line="l1", currency="GBP", rate=Decimal("102.5"), rate_source="people",
    seconds=Decimal(5400), amount=Decimal("153.75"), state="fixed",
)  # fmt: skip
SECOND = replace(
    FIRST, document="K/2", line="l2", corrects="K/1", seconds=Decimal(3600), amount=Decimal("102.5"), state="open"
)
CORRECTED = Unit(id=UNIT, postings=(FIRST, SECOND))
NUMBERS = {"K/1": "TT-00003", "K/2": "TT-00006"}


def line(id_: str) -> LineView:
    return LineView(
        id=id_, description="", quantity="", unit_amount="", amount="", tax_type="", account="", entries=[UNIT]
    )


def test_each_document_shows_the_part_that_is_on_it() -> None:
    [first] = shares_of("K/1", line("l1"), {UNIT: CORRECTED})
    [second] = shares_of("K/2", line("l2"), {UNIT: CORRECTED})
    assert (first[1], first[3]) == ("1.5", "153.75")
    assert (second[1], second[3]) == ("1", "102.50")
    assert first[2].startswith("102.50")


def test_the_whole_names_both_documents() -> None:
    view = entry_view(CORRECTED, NUMBERS)
    assert (view.hours, view.amount) == ("2.5", "256.25")
    assert view.spread == "TT-00003 (1.5 h) and TT-00006 (1 h)"
    assert entry_view(Unit(id=UNIT, postings=(FIRST,)), NUMBERS).spread == ""


def test_prices_have_their_cents_and_what_is_beyond_them() -> None:
    assert [price(text) for text in ("120", "102.5", "33.3333", "")] == ["120.00", "102.50", "33.3333", ""]


def test_one_of_a_thing_is_said_as_one() -> None:
    found = Effect(new_invoices=1, removed_entries=1, corrections=1)
    assert effects.sentence(found) == ("With this setup: 1 new draft; 1 entry taken off a draft; 1 correction billed.")
