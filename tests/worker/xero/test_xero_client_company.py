"""The client against the Xero stand-in, over sockets: what it writes is there, and what is there it reads."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.fernet import Fernet, MultiFernet
from redis.asyncio import Redis
from xero_doubles import permit
from xero_standin import TIME, Company, its_config, stand_in

from sandbox.faults import Fault
from sandbox.xero.company import CLIENT_ID
from worker.billing.model import Line, Terms
from worker.limits import Limits
from worker.store.governor import Governor
from worker.store.keys import Keys
from worker.store.vault import TokenVault
from worker.xero.client import XeroClient
from worker.xero.errors import MissingScope, ReconnectNeeded


async def test_the_company_tells_about_itself_in_six_calls(xero: Company) -> None:
    xero.company.act("organisation", {"period_lock": "2026-03-31", "year_end_lock": "2026-06-30"})
    xero.company.act("tracking", {"category": "Region", "option": "South"})
    xero.company.act("tracking", {"category": "Department"})
    company = await xero.client.company()
    assert company.tenant == xero.client.tenant_id == xero.company.tenant_id
    assert company.base_currency in company.currencies
    assert company.read_at.endswith("Z")
    assert {account.code for account in company.accounts} >= {"200"}
    assert {rate.type for rate in company.tax_rates} >= {"OUTPUT2"}
    assert company.tracking == (("Region", ("North", "Eastside", "West Coast")),)
    assert company.locked_until == "2026-06-30"
    assert [name for _, name in company.themes] == ["Standard", "Special projects"]
    assert len(xero.calls) == 6


async def test_what_was_created_is_answered_and_found_alike(xero: Company) -> None:
    sent = xero.bill()
    (created,) = await xero.created(sent)
    assert (created.number, created.status, created.contact) == ("TT-00001", "DRAFT", xero.contact)
    assert (created.date, created.due_date, created.currency) == ("2026-11-30", "2026-12-14", "GBP")
    assert created.url == "https://time.example/i/K7Q2M4X9A1B/1"
    (line,) = created.lines
    assert (line.quantity, line.unit_amount, line.amount) == (Decimal("3.3333"), Decimal("120.1234"), Decimal("400.41"))
    look_ups: list[dict[str, Any]] = [{"ids": [created.id]}, {"numbers": ["TT-00001"]}, {"created_by_my_app": True}]
    for look_up in look_ups:
        page = await xero.client.invoices(**look_up)
        assert page.items == (msgspec.structs.replace(created, outcome="OK"),)
        assert not page.more


async def test_an_update_keeps_line_ids_and_a_persons_line(xero: Company) -> None:
    (created,) = await xero.created(xero.bill())
    travel = {"Description": "Travel", "Quantity": 1, "UnitAmount": 80, "DiscountRate": 10, "AccountCode": "260"}
    ours = {"LineItemID": created.lines[0].id, "Description": "Billing engine · Ada", "Quantity": 1, "UnitAmount": 1}
    xero.company.act("write", {"id": created.id, "body": {"LineItems": [ours, travel]}})
    (edited,) = (await xero.client.invoices(ids=[created.id])).items
    theirs = edited.lines[1]
    lines = (
        msgspec.structs.replace(TIME, id=created.lines[0].id, quantity=Decimal("4")),
        Line(
            id=theirs.id,
            description=theirs.description,
            quantity=theirs.quantity,
            unit_amount=theirs.unit_amount,
            discount=theirs.discount,
            account=theirs.account,
            tax_type=theirs.tax_type,
            foreign=True,
        ),
    )
    answer = await xero.write(xero.bill(*lines, xero_id=created.id), create=False)
    (updated,) = answer.elements
    assert [line.id for line in updated.lines] == [created.lines[0].id, theirs.id]
    assert (updated.lines[0].quantity, updated.lines[1].amount) == (Decimal("4"), Decimal("72.00"))
    assert (updated.number, updated.reference, updated.url) == (created.number, created.reference, created.url)
    assert updated.updated != edited.updated


async def test_an_approved_invoice_is_not_taken_back(xero: Company) -> None:
    (created,) = await xero.created(xero.bill())
    xero.company.act("approve", {"id": created.id})
    line = msgspec.structs.replace(TIME, id=created.lines[0].id)
    (refused,) = (await xero.write(xero.bill(line, xero_id=created.id), create=False)).elements
    assert (refused.outcome, refused.id) == ("ERROR", created.id)
    assert refused.errors
    (still,) = (await xero.client.invoices(ids=[created.id])).items
    assert still.status == "AUTHORISED"


async def test_a_draft_is_deleted_and_stays_to_be_seen(xero: Company) -> None:
    (created,) = await xero.created(xero.bill())
    line = msgspec.structs.replace(TIME, id=created.lines[0].id)
    answer = await xero.write(xero.bill(line, xero_id=created.id, status="deleted"), create=False)
    assert [element.status for element in answer.elements] == ["DELETED"]
    (gone,) = (await xero.client.invoices(ids=[created.id])).items
    assert gone.status == "DELETED"


async def test_a_bad_invoice_does_not_hold_back_the_rest(xero: Company) -> None:
    bad = msgspec.structs.replace(TIME, account="nope")
    answer = await xero.write(
        xero.bill(), xero.bill(bad, number="TT-00002", sequence=2), xero.bill(number="TT-00003", sequence=3)
    )
    assert answer.outcome == "answered"
    assert [element.outcome for element in answer.elements] == ["OK", "ERROR", "OK"]
    assert (answer.elements[1].number, answer.elements[1].id) == ("TT-00002", "")
    assert answer.elements[1].errors


async def test_the_same_bytes_under_the_same_key_are_written_once(xero: Company) -> None:
    first = await xero.write(xero.bill(), key="01JDK")
    again = await xero.write(xero.bill(), key="01JDK")
    assert first.elements == again.elements
    assert len((await xero.client.invoices()).items) == 1
    other = await xero.write(xero.bill(reference="other"), key="01JDK")
    assert (other.outcome, "different request" in other.problem) == ("refused", True)


@pytest.mark.parametrize(
    ("fault", "outcome", "written"),
    [
        (Fault("drop-before", method="PUT"), "unknown", 0),
        (Fault("drop-after", method="PUT"), "unknown", 1),
        (Fault("garbage", method="PUT"), "unknown", 1),
        (Fault("503-html", method="PUT"), "unknown", 0),
        (Fault("error-500-cached-after", method="PUT"), "cached-error", 1),
        (Fault("429-minute", method="PUT"), "limited", 0),
        (Fault("429-day", method="PUT"), "limited", 0),
    ],
)
async def test_whatever_goes_wrong_the_outcome_does_not_claim_too_much(
    xero: Company, fault: Fault, outcome: str, written: int
) -> None:
    xero.faults.add(fault)
    assert (await xero.write(xero.bill())).outcome == outcome
    assert len((await xero.client.invoices()).items) == written
    assert len([call for call in xero.calls if call["method"] == "PUT"]) <= 1


async def test_credit_notes_are_found_by_number_and_by_id(xero: Company) -> None:
    (note,) = await xero.created(xero.bill(type="ACCRECCREDIT", number="TT-C1"))
    await xero.created(xero.bill(type="ACCRECCREDIT", number="TT-C2", sequence=2))
    assert (note.type, note.number) == ("ACCRECCREDIT", "TT-C1")
    by_number = await xero.client.invoices(kind="ACCRECCREDIT", numbers=["TT-C1", "TT-C9"])
    by_id = await xero.client.invoices(kind="ACCRECCREDIT", ids=[note.id])
    every = await xero.client.invoices(kind="ACCRECCREDIT", created_by_my_app=True)
    assert [found.id for found in by_number.items] == [found.id for found in by_id.items] == [note.id]
    assert [found.number for found in every.items] == ["TT-C1", "TT-C2"]
    line = msgspec.structs.replace(TIME, id=note.lines[0].id, quantity=Decimal(1))
    update = xero.bill(line, type="ACCRECCREDIT", xero_id=note.id)
    (updated,) = (await xero.write(update, create=False)).elements
    assert (updated.id, updated.lines[0].quantity) == (note.id, Decimal(1))


async def test_invoices_come_a_hundred_at_a_time_each_once(xero: Company) -> None:
    many = [xero.bill(number=f"TT-{number:05}", sequence=number) for number in range(1, 106)]
    for batch in xero.client.split(many, create=True).calls:
        await xero.created(*batch.documents)
    first = await xero.client.invoices(created_by_my_app=True)
    second = await xero.client.invoices(created_by_my_app=True, page=2)
    assert (len(first.items), first.more, len(second.items), second.more) == (100, True, 5, False)
    assert len({found.id for found in first.items + second.items}) == 105
    assert all(found.lines for found in first.items)


async def test_contacts_come_with_what_billing_needs_archived_ones_too(xero: Company) -> None:
    terms = {"PaymentTerms": {"Sales": {"Day": 14, "Type": "DAYSAFTERBILLDATE"}}}
    rich = xero.add_contact("Anderson & Sons", EmailAddress="pay@anderson.example", **terms)
    page = await xero.client.contacts()
    known = {contact.id: contact for contact in page.items}
    assert known.keys() == {xero.contact, rich}
    assert known[rich].terms == Terms(14, "DAYSAFTERBILLDATE")
    assert page.fields[page.items.index(known[rich])]["EmailAddress"] == "pay@anderson.example"
    xero.company.act("merge", {"loser": rich, "winner": xero.contact})
    (merged,) = (await xero.client.contacts_by_id([rich])).items
    assert (merged.status, merged.merged_to) == ("ARCHIVED", xero.contact)


async def test_changed_since_finds_what_changed_and_nothing_older(xero: Company) -> None:
    page = await xero.client.contacts(modified_since="2026-01-01T00:00:00Z")
    assert [contact.id for contact in page.items] == [xero.contact]
    assert (await xero.client.contacts(modified_since="2100-01-01T00:00:00Z")).items == ()


async def test_expired_tokens_are_renewed_unseen(xero: Company) -> None:
    xero.company.act("expire-tokens", {})
    assert (await xero.client.contacts()).items


async def test_a_disconnected_company_and_a_missing_scope_need_a_person(xero: Company) -> None:
    xero.company.act("disconnect", {})
    with pytest.raises(ReconnectNeeded):
        await xero.client.contacts()
    xero.company.act("connect", {"client_id": CLIENT_ID})
    xero.company.act("scopes", {"client_id": CLIENT_ID, "scopes": "accounting.contacts"})
    xero.company.act("expire-tokens", {})
    with pytest.raises(MissingScope):
        await xero.client.invoices()


async def test_it_works_with_the_stores_own_vault_and_governor(redis: Redis, keys: Keys, tmp_path: Path) -> None:
    vault = TokenVault(redis, keys, MultiFernet([Fernet(Fernet.generate_key())]), tmp_path)
    governor = Governor(redis, keys)
    async with (
        stand_in() as (url, company, faults),
        XeroClient(its_config(url), vault, governor, Limits()) as client,
    ):
        await client.connect()
        xero = Company(company, faults, client)
        await xero.created(xero.bill())
        unused = await permit(client)
        await client.unused(unused)
        state = await governor.state()
        assert (state.in_flight, state.minute_left, state.day_left) == (0, 59, 4999)
        token = await vault.get("xero")
        assert token is not None
        assert token["access_token"]
        async with XeroClient(its_config(url), vault, governor, Limits()) as sibling:
            await sibling.connect()
            assert await vault.get("xero") == token
