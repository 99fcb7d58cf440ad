"""Figures that stand ready say what a look at everything would say, whatever was written in whatever order."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from worker.billing.model import Document, Entry, Invoice, Line, Out, Share, Status, Waiting
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.figures import Figures
from worker.store.keys import Keys
from worker.store.ledger import Facts, Ledger
from worker.store.worklist import Settle

EPOCH = "epoch"
REASONS = ("no-rate", "not-approved", "")
STATUSES: tuple[Status, ...] = ("open", "approved", "paid", "deleted")
CENTS = st.decimals(Decimal("-99999.99"), Decimal("99999.99"), places=2)
SECONDS = st.decimals(Decimal(0), Decimal(86_400), places=3)

waits = st.tuples(st.integers(1, 4), st.sampled_from(REASONS), st.one_of(st.none(), SECONDS))
documents = st.lists(
    st.tuples(st.sampled_from(STATUSES), st.sampled_from(["GBP", "EUR"]), st.booleans(), CENTS, SECONDS), max_size=3
)
records = st.tuples(st.integers(1, 3), st.sampled_from(["2026-10", "2026-11"]), documents)


def facts(number: int, reason: str, seconds: Decimal | None) -> Facts:
    """A unit that waits for the reason; "": it does not."""
    entry = Entry(id=f"u{number}", record=f"u{number}", seconds=seconds)
    verdict = Waiting(reason, "Mend it.") if reason else Out("not-billable", "Not billable.")
    return Facts(id=f"u{number}", generation="", entry=entry, verdict=verdict)


def invoice(number: int, period: str, rows: Sequence[tuple[Status, str, bool, Decimal, Decimal]]) -> Invoice:
    """An invoice with one document for each row, of one line."""
    made = tuple(
        Document(
            key=f"K{number}", sequence=place, contact="c", currency=currency, status=status, period=period,
            type="ACCRECCREDIT" if credit else "ACCREC",
            lines=(Line(amount=amount, shares=(Share(unit="u", seconds=seconds, amount=amount, rate=Decimal(0)),)),),
        )
        for place, (status, currency, credit, amount, seconds) in enumerate(rows, start=1)
    )  # fmt: skip
    return Invoice(key=f"K{number}", contact="c", currency="GBP", period=period, documents=made)


def expected(held: Mapping[int, Invoice], period: str) -> dict[tuple[str, str], tuple[int, Decimal, Decimal]]:
    """Count, seconds and amount by status and currency, by looking at everything."""
    found: dict[tuple[str, str], tuple[int, Decimal, Decimal]] = {}
    for document in (document for record in held.values() for document in record.documents):
        if document.period == period:
            sign, line = (-1 if document.type == "ACCRECCREDIT" else 1), document.lines[0]
            count, seconds, amount = found.get((document.status, document.currency), (0, Decimal(0), Decimal(0)))
            now = (count + 1, seconds + sign * line.shares[0].seconds, amount + sign * line.amount)
            found[document.status, document.currency] = now
    return found


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(waits, max_size=12))
async def test_what_waits_is_counted_by_reason(
    valkey: EmbeddedServer, written: list[tuple[int, str, Decimal | None]]
) -> None:
    redis = open_redis(valkey.url)
    await _begun(redis)
    ledger, last = Ledger(redis, Keys()), {}
    for number, reason, seconds in written:
        await ledger.store_facts(EPOCH, await ledger.ticket(), [facts(number, reason, seconds)], Settle())
        last[number] = (reason, seconds or Decimal(0))
    found = {each.reason: (each.count, each.seconds) for each in await Figures(redis, Keys()).waiting()}
    assert found == {
        reason: (len(those), sum(those))
        for reason in REASONS[:2]
        if (those := [seconds for why, seconds in last.values() if why == reason])
    }
    await redis.aclose()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(records, max_size=8))
async def test_documents_are_summed_by_period_status_and_currency(
    valkey: EmbeddedServer, written: list[tuple[int, str, list[tuple[Status, str, bool, Decimal, Decimal]]]]
) -> None:
    redis = open_redis(valkey.url)
    await _begun(redis)
    ledger, held = Ledger(redis, Keys()), {}
    for number, period, rows in written:
        held[number] = invoice(number, period, rows)
        before = (await ledger.invoices([f"K{number}"]))[f"K{number}"]
        assert await ledger.merge(EPOCH, before, held[number], f"K{number}/1", {})
    for period in ("2026-10", "2026-11"):
        sums = await Figures(redis, Keys()).period(period)
        found = {(each.status, each.currency): (each.count, each.seconds, each.amount) for each in sums}
        assert found == expected(held, period)
    await redis.aclose()


async def _begun(redis: Redis) -> None:
    await redis.flushall()
    await redis.set(Keys()("epoch"), EPOCH)
