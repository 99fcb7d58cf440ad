"""Idempotency-Key: what is repeated, what is refused, and for how long."""

import asyncio

from xero_support import Xero, invoice, line

from sandbox.faults import Fault


async def count(xero: Xero) -> int:
    return len((await xero.api("GET", "Invoices")).rows)


async def test_the_same_request_under_the_same_key_is_carried_out_once(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Invoices": [invoice(contact["ContactID"])]}
    first = await xero.api("PUT", "Invoices", body, key="one")
    again = await xero.api("PUT", "Invoices", body, key="one")
    assert again.raw == first.raw
    assert await count(xero) == 1


async def test_the_header_is_found_in_any_spelling(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Invoices": [invoice(contact["ContactID"])]}
    for name in ("idempotency-key", "IDEMPOTENCY-KEY"):
        await xero.api("PUT", "Invoices", body, headers={name: "one"})
    assert await count(xero) == 1


async def test_another_body_address_or_method_under_the_key_is_refused(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Invoices": [invoice(contact["ContactID"])]}
    await xero.api("PUT", "Invoices", body, key="one")
    other = {"Invoices": [invoice(contact["ContactID"], line("2"))]}
    for answer in (
        await xero.api("PUT", "Invoices", other, key="one"),
        await xero.api("PUT", "Invoices", body, key="one", unitdp=4),
        await xero.api("POST", "Invoices", body, key="one"),
    ):
        assert answer.status == 400
        assert answer.body["Message"] == "Idempotency Key one is used with a different request"
    assert await count(xero) == 1
    assert xero.company.requests.stats()["keys_reused_with_another_body"] == 3


async def test_keys_expire_six_minutes_after_the_first_call(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Invoices": [invoice(contact["ContactID"])]}
    await xero.api("PUT", "Invoices", body, key="one")
    xero.clock.advance(300)
    await xero.api("PUT", "Invoices", body, key="one")
    assert await count(xero) == 1
    xero.clock.advance(61)
    await xero.api("PUT", "Invoices", body, key="one")
    assert await count(xero) == 2


async def test_a_repeat_during_the_first_call_waits_and_gets_its_answer(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Invoices": [invoice(contact["ContactID"])]}
    xero.faults.add(Fault("slow", path=".*/Invoices", delay=600))
    first = asyncio.create_task(xero.api("PUT", "Invoices", body, key="one"))
    while xero.company.requests.counts.in_flight < 1:
        await asyncio.sleep(0.001)
    second = asyncio.create_task(xero.api("PUT", "Invoices", body, key="one"))
    while xero.company.requests.counts.in_flight < 2:
        await asyncio.sleep(0.001)
    assert xero.company.books.shelves.documents == {}
    xero.clock.advance(601)
    assert (await first).raw == (await second).raw
    assert await count(xero) == 1


async def test_a_500_is_repeated_under_its_key_whether_it_wrote_or_not(xero: Xero) -> None:
    contact = await xero.contact()
    for kind, written in (("error-500-cached", 0), ("error-500-cached-after", 1)):
        xero.faults.add(Fault(kind, path=".*/Invoices"))
        body = {"Invoices": [invoice(contact["ContactID"])]}
        for _ in range(2):
            assert (await xero.api("PUT", "Invoices", body, key=kind)).status == 500
        assert await count(xero) == written


async def test_a_validation_error_is_repeated_too(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Invoices": [invoice(contact["ContactID"], line(AccountCode="299"))]}
    first = await xero.api("PUT", "Invoices", body, key="one")
    again = await xero.api("PUT", "Invoices", body, key="one")
    assert (first.status, again.raw) == (400, first.raw)


async def test_a_429_has_written_nothing_and_kept_nothing(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Invoices": [invoice(contact["ContactID"])]}
    xero.faults.add(Fault("429-minute", path=".*/Invoices"))
    assert (await xero.api("PUT", "Invoices", body, key="one")).status == 429
    assert (await xero.api("PUT", "Invoices", body, key="one")).status == 200
    assert await count(xero) == 1


async def test_a_dropped_answer_has_written_and_its_repeat_is_answered(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Invoices": [invoice(contact["ContactID"])]}
    xero.faults.add(Fault("drop-after", method="POST", path=".*/Invoices"))
    dropped = False
    try:
        await xero.api("POST", "Invoices", body, key="one")
    except Exception as error:
        dropped = "disconnected" in str(error).lower()
    assert dropped
    assert await count(xero) == 1
    assert (await xero.api("POST", "Invoices", body, key="one")).status == 200
    assert await count(xero) == 1


async def test_a_key_over_128_characters_is_refused(xero: Xero) -> None:
    contact = await xero.contact()
    body = {"Invoices": [invoice(contact["ContactID"])]}
    assert (await xero.api("PUT", "Invoices", body, key="k" * 128)).status == 200
    assert (await xero.api("PUT", "Invoices", body, key="k" * 129)).status == 400


async def test_writes_without_a_key_are_counted(xero: Xero) -> None:
    contact = await xero.contact()
    await xero.api("PUT", "Invoices", invoice(contact["ContactID"]), key="one")
    assert xero.company.requests.stats()["writes_without_idempotency_key"] == 1, "the contact"
    await xero.api("PUT", "Invoices", invoice(contact["ContactID"]), key="")
    assert xero.company.requests.stats()["writes_without_idempotency_key"] == 2
