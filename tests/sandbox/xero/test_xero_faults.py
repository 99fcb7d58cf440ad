"""What the stand-in does wrong when it is told to."""

import asyncio

import aiohttp
import pytest
from xero_support import Xero

from sandbox.faults import Fault


async def test_a_503_is_a_page_and_nothing_was_written(xero: Xero) -> None:
    xero.faults.add(Fault("503-html", path=".*/Contacts"))
    answer = await xero.api("PUT", "Contacts", {"Name": "Boom FM"})
    assert (answer.status, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert (await xero.api("GET", "Contacts")).rows == []


async def test_garbage_comes_with_status_200_after_the_write(xero: Xero) -> None:
    xero.faults.add(Fault("garbage", path=".*/Contacts"))
    with pytest.raises(ValueError, match="JSON"):
        await xero.api("PUT", "Contacts", {"Name": "Boom FM"})
    assert len((await xero.api("GET", "Contacts")).rows) == 1


async def test_a_connection_dropped_before_has_written_nothing(xero: Xero) -> None:
    xero.faults.add(Fault("drop-before", method="POST"))
    with pytest.raises(aiohttp.ClientError):
        await xero.api("POST", "Contacts", {"Name": "Boom FM"})
    assert (await xero.api("GET", "Contacts")).rows == []


async def test_an_unknown_fault_is_refused(xero: Xero) -> None:
    with pytest.raises(ValueError, match="unknown kind 'earthquake'"):
        xero.faults.add(Fault("earthquake"))


@pytest.mark.parametrize(("kind", "written"), [("hold", 0), ("hold-after", 1)])
async def test_a_request_is_held_before_or_after_it_is_carried_out_until_it_may_go_on(
    xero: Xero, kind: str, written: int
) -> None:
    held = xero.faults.add(Fault(kind, method="PUT", path=".*/Contacts"))
    writing = asyncio.create_task(xero.api("PUT", "Contacts", {"Name": "Boom FM"}))
    await xero.faults.held[held].reached.wait()
    assert len((await xero.api("GET", "Contacts")).rows) == written
    assert not writing.done()
    xero.faults.remove(held)
    assert (await writing).status == 200
    assert len((await xero.api("GET", "Contacts")).rows) == 1


async def test_a_held_request_is_carried_out_though_its_client_has_left(xero: Xero) -> None:
    held = xero.faults.add(Fault("hold", method="PUT", path=".*/Contacts"))
    writing = asyncio.create_task(xero.api("PUT", "Contacts", {"Name": "Boom FM"}))
    await xero.faults.held[held].reached.wait()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    xero.faults.remove(held)
    async with asyncio.timeout(10):
        while not (await xero.api("GET", "Contacts")).rows:
            await asyncio.sleep(0.01)
