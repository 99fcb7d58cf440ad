"""Contacts and the company as Xero told them last."""

from dataclasses import dataclass
from decimal import Decimal

import msgspec
import pytest
from redis.asyncio import Redis

from worker.billing.model import Account, Company, Contact, TaxRate, Terms
from worker.store.contacts import CompanyStore, Contacts, follow
from worker.store.keys import Keys

pytestmark = pytest.mark.usefixtures("no_leaks")

ACME = Contact(id="c1", name="Acme", tax_type="OUTPUT2", terms=Terms(20, "DAYSAFTERBILLDATE"))


@dataclass(frozen=True)
class Change:
    changed: Contact
    matters: bool


@pytest.fixture
def contacts(redis: Redis, keys: Keys) -> Contacts:
    return Contacts(redis, keys)


async def test_a_contact_comes_back_as_it_was_stored(contacts: Contacts) -> None:
    assert await contacts.put_many([ACME]) == ("c1",)
    assert await contacts.get("c1") == ACME
    assert await contacts.get("c2") is None
    assert await contacts.get_many(["c2", "c1"]) == {"c1": ACME}
    assert await contacts.get_many([]) == {}


@pytest.mark.parametrize(
    "change",
    [
        Change(msgspec.structs.replace(ACME, name="Acme Ltd", email="a@acme.example", updated="later"), matters=False),
        Change(msgspec.structs.replace(ACME, status="ARCHIVED"), matters=True),
        Change(msgspec.structs.replace(ACME, tax_type="NONE"), matters=True),
        Change(msgspec.structs.replace(ACME, account="210"), matters=True),
        Change(msgspec.structs.replace(ACME, amounts="INCLUSIVE"), matters=True),
        Change(msgspec.structs.replace(ACME, currency="EUR"), matters=True),
        Change(msgspec.structs.replace(ACME, terms=None), matters=True),
        Change(msgspec.structs.replace(ACME, merged_to="c9"), matters=True),
    ],
)
async def test_only_what_billing_depends_on_counts_as_changed(contacts: Contacts, change: Change) -> None:
    await contacts.put_many([ACME])
    await contacts.looked_at([ACME])
    assert await contacts.put_many([change.changed]) == (("c1",) if change.matters else ())
    assert await contacts.get("c1") == change.changed


async def test_thousands_are_stored_and_paged(contacts: Contacts) -> None:
    many = [Contact(id=f"c{number}", name=f"Client {number}") for number in range(1234)]
    assert len(await contacts.put_many(many)) == 1234
    assert len(await contacts.put_many(many)) == 1234  # whoever stored them first may have died before it went on
    await contacts.looked_at(many)
    assert await contacts.put_many(many) == ()
    assert await contacts.count() == 1234
    seen: set[str] = set()
    cursor = 0
    while True:
        page = await contacts.page(cursor, 200)
        seen |= {contact.id for contact in page.contacts}
        if (cursor := page.cursor) == 0:
            break
    assert seen == {contact.id for contact in many}


async def test_merged_contacts_are_followed_to_the_last_one(contacts: Contacts) -> None:
    await contacts.put_many([Contact(id="a", merged_to="b"), Contact(id="b", merged_to="c"), Contact(id="c")])
    merged = await contacts.merged()
    assert [follow(contact, merged) for contact in ("a", "b", "c", "d")] == ["c", "c", "c", "d"]
    await contacts.put_many([Contact(id="b")])
    assert follow("a", await contacts.merged()) == "b"


def test_a_circle_of_merges_ends() -> None:
    assert follow("a", {"a": "b", "b": "a"}) in {"a", "b"}


async def test_how_each_contact_fared_is_remembered(contacts: Contacts) -> None:
    await contacts.set_outcomes({"c1": "", "c2": "Email: invalid address"})
    await contacts.set_outcomes({})
    assert await contacts.outcomes(["c1", "c2", "c3"]) == {"c1": "", "c2": "Email: invalid address"}
    assert await contacts.outcomes([]) == {}


async def test_the_company_comes_back_and_tells_what_changed(redis: Redis, keys: Keys) -> None:
    store = CompanyStore(redis, keys)
    company = Company(
        tenant="t1",
        name="Us",
        accounts=(Account("200", "Sales", "REVENUE"),),
        tax_rates=(TaxRate("OUTPUT2", "20 %", Decimal("20.0000")),),
        read_at="2026-11-05T10:00:00Z",
    )
    assert await store.get() is None
    assert await store.put(company)
    assert await store.get() == company
    assert not await store.put(msgspec.structs.replace(company, read_at="2026-11-05T11:00:00Z"))
    assert await store.put(msgspec.structs.replace(company, base_currency="GBP"))
