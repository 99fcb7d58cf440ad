"""The Xero stand-in, used by a client nobody here wrote."""

from typing import Any

import pytest

from sandbox.serve import Running

pytestmark = pytest.mark.conformance


async def test_xero_node_finds_a_xero_company(node: Any, sandbox: Running) -> None:
    seen = await node("xero_node.mjs")
    assert seen["organisation"] == ["GBP", True, "Tax Exclusive"]
    assert "200" in seen["accounts"]
    assert ["OUTPUT2", 20] in seen["taxRates"]
    assert seen["tracking"] == ["Region", "Department"]
    assert seen["contacts"] == [
        ["Ridgeway University", "ACTIVE"],
        ["Boom FM", "ACTIVE"],
        ["City Limousines", "ACTIVE"],
    ]
    assert seen["statuses"] == ["OK", "OK", "ERROR"]
    assert seen["problem"] == "Organisation is not subscribed to currency SEK"
    assert seen["amounts"] == [100.1234, 33.37, 6.67, 40.04]
    assert (seen["repeated"], seen["reused"]) == (True, 400)
    assert (seen["kept"], seen["changed"]) == (True, 200.25)
    assert seen["page"] == [1, 2, "2026-11-30T00:00:00.000Z", 1]
    assert seen["contactPage"] == ["Boom FM"]
    assert (seen["paid"], seen["credit"]) == ("PAID", 40.04)
    assert seen["history"] == ["Note", "Paid", "Approved", "Edited", "Created"]
    assert seen["noteStatus"] == "AUTHORISED"
    assert seen["allocated"] == [10, 10, 30.04, 30.04]
    assert seen["unallocated"] == [True, 40.04]
    assert seen["noteHistory"] == ["Note", "Credit Removed", "Credit Applied", "Approved", "Created"]
    assert seen["attached"] == ["timesheet.csv", "text/csv", 25, True]
    assert seen["sameFile"] is True
    assert seen["files"] == [["timesheet.csv", 10]]
    assert seen["hasAttachments"] is True
    assert seen["refused"] == [400, "ValidationException", seen["problem"]]
    assert seen["missing"] == 404
    stats = sandbox.xero.requests.stats()
    assert stats["keys_reused_with_another_body"] == 1
