"""What the stand-in does wrong when it is told to."""

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
