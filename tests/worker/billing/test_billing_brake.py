"""What a pass would do is counted before anything of it is sent; new time never counts as changed."""

from decimal import Decimal

import pytest
from billing_support import drafted, entry, recomposed
from msgspec.structs import replace

from worker.billing.brake import FEW, Effect, Step, exceeds, measure
from worker.billing.model import Document, Line, Share
from worker.setup.sections import Brake

MANY = range(1, FEW + 2)


def step(before: Document, *hours: str, rate: str = "120.00") -> Step:
    """What becomes of a draft when its entries have these hours ("" for one that is gone)."""
    entries = [entry(number, each, rates=(rate, "", "")) for number, each in enumerate(hours, 1) if each]
    return Step(before, recomposed(before, *entries).document)


@pytest.mark.parametrize(
    ("hours", "rate", "removed", "changed"),
    [
        (("2", "1"), "120.00", 0, "0.00"),
        (("9", "1"), "120.00", 0, "0.00"),
        (("1", "1"), "120.00", 0, "120.00"),
        (("2", ""), "120.00", 1, "120.00"),
        (("", ""), "120.00", 2, "360.00"),
        (("2", "1"), "130.00", 0, "30.00"),
        (("2", "1"), "100.00", 0, "60.00"),
        (("1", "1"), "130.00", 0, "140.00"),
        (("4", "1"), "130.00", 0, "30.00"),
    ],
    ids=["nothing", "more", "less", "one gone", "all gone", "dearer", "cheaper", "less and dearer", "more and dearer"],
)
def test_only_what_is_taken_off_or_priced_anew_counts(
    hours: tuple[str, ...], rate: str, removed: int, changed: str
) -> None:
    effect = measure([step(drafted(entry(1, "2"), entry(2, "1")), *hours, rate=rate)])
    assert (effect.removed_entries, effect.changed_value) == (removed, Decimal(changed))
    assert (effect.new_invoices, effect.entries) == (0, 2)
    assert effect.open_total == (Decimal("360.00") if effect.changed_value else 0)


def test_new_drafts_are_counted_and_deleted_ones_lose_everything() -> None:
    draft = drafted(entry(1, "2"))
    effect = measure([Step(None, draft), Step(None, draft), Step(draft, None)])
    assert (effect.new_invoices, effect.removed_entries, effect.invoices) == (2, 1, 1)
    assert (effect.changed_value, effect.open_total, effect.total_after) == (
        Decimal("240.00"),
        Decimal("240.00"),
        Decimal("0.00"),
    )


def test_the_value_is_a_part_of_all_open_drafts_of_its_currency() -> None:
    pounds, dollars = drafted(entry(1, "2")), replace(drafted(entry(1, "2")), currency="USD")
    steps = [step(pounds, "1"), step(dollars, "1")]
    effect = measure(steps, open_totals={"GBP": Decimal("1200.00"), "USD": Decimal("480.00")})
    assert (effect.currency, effect.percent) == ("USD", Decimal("25.0"))
    assert (effect.open_total, effect.total_after) == (Decimal("480.00"), Decimal("360.00"))


def test_corrections_count_once_and_not_where_a_person_accepted_them() -> None:
    def correcting(*units: str) -> Document:
        shares = (Share(unit=unit, seconds=Decimal(3600), amount=Decimal(120), rate=Decimal(120)) for unit in units)
        lines = tuple(Line(id=share.unit, shares=(share,), corrects="ABCDEFGH/1") for share in shares)
        return Document(key="K", sequence=2, currency="GBP", lines=lines)

    assert measure([Step(correcting("a"), correcting("a", "b", "c"))]).corrections == 2
    assert measure([Step(None, correcting("a", "b"))], accepted={"b"}).corrections == 1


def test_beyond_the_setups_numbers_there_is_a_sentence_with_before_and_after() -> None:
    units = tuple(str(number) for number in MANY)
    effect = Effect(
        new_invoices=51,
        removed_entries=60,
        corrections=11,
        changed_value=Decimal("2400.00"),
        open_total=Decimal("10000.00"),
        total_after=Decimal("7600.00"),
        currency="GBP",
        entries=412,
        invoices=4,
        units=units,
    )
    new, removed, corrections, value = exceeds(effect, Brake())
    assert new == "51 new drafts would be created, more than the 50 that one pass may: 4 drafts before, 55 after."
    assert "60 entries" in removed
    assert "412 on these drafts before, 352 after" in removed
    assert "11 corrections" in corrections
    assert "24.0 % of them and more than the 20 %" in value
    assert "10000.00 GBP before, 7600.00 GBP after" in value


def test_exactly_the_setups_numbers_may_go() -> None:
    at_most = Effect(
        new_invoices=50,
        removed_entries=50,
        corrections=10,
        changed_value=Decimal("20.00"),
        open_total=Decimal("100.00"),
        units=tuple(map(str, MANY)),
    )
    assert exceeds(at_most, Brake()) == ()
    assert len(exceeds(replace(at_most, changed_value=Decimal("20.01")), Brake())) == 1


def test_the_value_of_a_few_entries_does_not_count() -> None:
    few = [entry(number, "1") for number in list(MANY)[:-1]]
    draft = drafted(*few)
    assert exceeds(measure([Step(draft, recomposed(draft).document)]), Brake()) == ()
    many = drafted(*(entry(number, "1") for number in MANY))
    assert len(exceeds(measure([Step(many, recomposed(many).document)]), Brake())) == 1


def test_drafts_worth_nothing_lose_all_of_it() -> None:
    assert Effect(changed_value=Decimal(5), open_total=Decimal(-3)).percent == 100
    assert Effect().percent == 0
