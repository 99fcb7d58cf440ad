"""The control port, scripted faults, the clock, and the process itself."""

import asyncio
import os
import signal
import sys
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from salesforce_support import DEADLINE, Control, Salesforce, eventually

from sandbox.clock import Clock
from sandbox.seed import CLIENTS, LINKED, contact_id
from sandbox.serve import Ports, running


async def test_the_state_shows_every_record_and_the_number_of_events(salesforce: Salesforce, control: Control) -> None:
    entry = await salesforce.create(Hours__c=1)
    await salesforce.call("DELETE", f"/sobjects/TimeEntry__c/{entry}")
    state = await control.get("/salesforce/state")
    [record] = state["records"]["TimeEntry__c"]
    assert (record["Id"], record["IsDeleted"], record["Hours__c"]) == (entry, True, 1.0)
    assert record["SystemModstamp"].endswith(".000+0000")
    assert state["events"] == 2
    assert state["requests"]["write"] == 2


async def test_the_journal_tells_what_was_asked_and_answered(salesforce: Salesforce, control: Control) -> None:
    salesforce.headers["Sforce-Call-Options"] = "client=hourstream"
    await salesforce.query("SELECT Nope FROM User")
    last = (await control.get("/salesforce/requests"))[-1]
    assert (last["method"], last["path"], last["status"]) == ("GET", "/services/data/v67.0/query", 400)
    assert last["query"] == {"q": "SELECT Nope FROM User"}
    assert last["headers"]["Sforce-Call-Options"] == "client=hourstream"


@pytest.mark.parametrize("service", ["salesforce", "xero"])
async def test_unknown_switches_are_refused_with_the_known_ones(
    salesforce: Salesforce, control: Control, service: str
) -> None:
    before = await control.get(f"/{service}/switches")
    async with salesforce.http.post(f"{control.url}/{service}/switches", json={"nope": True}) as answer:
        assert answer.status == 400
        assert (await answer.json())["known"] == sorted(before)
    assert await control.get(f"/{service}/switches") == before


async def test_a_switch_of_the_wrong_type_changes_nothing(salesforce: Salesforce, control: Control) -> None:
    body = {"view_all": False, "session_seconds": "soon"}
    async with salesforce.http.post(f"{control.url}/salesforce/switches", json=body) as answer:
        assert answer.status == 400
    assert salesforce.sandbox.salesforce.org.now.view_all is True


async def test_a_fault_hits_the_requests_it_is_meant_for_as_often_as_told(
    salesforce: Salesforce, control: Control
) -> None:
    fault = {"kind": "status", "status": 503, "body": "<html>maintenance</html>", "skip": 1, "times": 2}
    await control.post("/salesforce/faults", **fault, path=".*/query", headers={"Content-Type": "text/html"})
    replies = [await salesforce.query("SELECT Id FROM User") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 503, 503, 200]
    assert replies[1].body == "<html>maintenance</html>"


@pytest.mark.parametrize(("kind", "written"), [("drop-before", 0), ("drop-after", 1)])
async def test_a_dropped_connection_has_or_has_not_done_its_work(
    salesforce: Salesforce, control: Control, kind: str, written: int
) -> None:
    await control.post("/salesforce/faults", kind=kind, method="POST", path=".*/sobjects/.*")
    with pytest.raises(aiohttp.ClientConnectionError):
        await salesforce.create()
    assert len(await salesforce.rows("SELECT Id FROM TimeEntry__c")) == written
    assert [entry["status"] for entry in await control.get("/salesforce/requests")].count(0) == 1


async def test_answers_can_be_garbage_or_another_status_after_the_work(
    salesforce: Salesforce, control: Control
) -> None:
    await control.post("/salesforce/faults", kind="status-after", status=502)
    assert (await salesforce.call("POST", "/sobjects/TimeEntry__c", {})).status == 502
    await control.post("/salesforce/faults", kind="garbage")
    with pytest.raises(ValueError, match=r"codec|Expecting"):
        await salesforce.call("POST", "/sobjects/TimeEntry__c", {})
    assert len(await salesforce.rows("SELECT Id FROM TimeEntry__c")) == 2


async def test_delays_pass_with_the_clock_and_drips_arrive_whole(salesforce: Salesforce, control: Control) -> None:
    await control.post("/salesforce/faults", kind="delay", delay=3600, path=".*/limits")
    slow = asyncio.create_task(salesforce.call("GET", "/limits"))
    faults = salesforce.sandbox.salesforce_faults
    await eventually(lambda: faults.armed == 0)
    await control.post("/clock", advance=3601)
    assert (await slow).status == 200
    await control.post("/clock", scale=1000)
    await control.post("/salesforce/faults", kind="drip", delay=60)
    assert (await salesforce.query("SELECT Id, Name FROM User")).body["totalSize"] == 2


async def test_faults_can_be_taken_back_and_unknown_kinds_are_refused(salesforce: Salesforce, control: Control) -> None:
    fault = await control.post("/salesforce/faults", kind="status", times=-1)
    assert (await salesforce.call("GET", "/limits")).status == 500
    assert await control.delete(f"/salesforce/faults/{fault['id']}") == {"removed": 1}
    assert (await salesforce.call("GET", "/limits")).status == 200
    async with salesforce.http.post(f"{control.url}/salesforce/faults", json={"kind": "gremlin"}) as answer:
        assert answer.status == 400
        assert "drop-before" in (await answer.json())["error"]


async def test_the_clock_wakes_sleepers_it_jumps_over() -> None:
    clock = Clock(scale=1)
    before = clock.now()
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.advance(1800)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(1801)
    await asyncio.wait_for(sleeper, DEADLINE)
    assert (clock.now() - before).total_seconds() >= 3601


async def test_seeded_records_agree_in_both_services() -> None:
    async with running(Ports(), seeded=True, clock=Clock(scale=1)) as sandbox:
        records: Any = sandbox.salesforce.snapshot()["records"]
        contacts = {row["ContactID"]: row for row in sandbox.xero.snapshot()["contacts"]}
        today = sandbox.clock.now().date()
    assert set(contacts) == {contact_id(name) for name, _, _ in CLIENTS}
    linked = {row["Contact_ID__c"]: row for row in records["Xero_Contact__c"]}
    assert len(linked) == LINKED
    assert sum(row["Email__c"] != contacts[key]["EmailAddress"] for key, row in linked.items()) == 1
    assert len(records["Project__c"]) == 6
    assert sum(row["Hourly_Rate__c"] is None for row in records["Project__c"]) == 1
    assert "005000000000001AAA" in {row["Id"] for row in records["User"]}
    days = [date.fromisoformat(row["Work_Date__c"]) for row in records["TimeEntry__c"]]
    assert 28 <= len(days) <= 34
    assert max(days) <= today
    assert sum(day < today.replace(day=1) for day in days) == 1
    by_status = [row["Status__c"] for row in records["TimeEntry__c"]]
    assert by_status.count("Approved") > 24
    assert "Submitted" in by_status


async def test_the_process_prints_its_environment_answers_and_ends_on_sigterm() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--seed", stdout=asyncio.subprocess.PIPE, env=os.environ
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE * 3):
            lines = []
            while (line := (await process.stdout.readline()).decode().strip()) != "ready":
                assert line, "the process ended before it was ready"
                lines.append(line)
        environment = dict(line.split("=", 1) for line in lines)
        assert {"SALESFORCE_LOGIN_URL", "SALESFORCE_PUBSUB_TARGET", "XERO_API_URL"} <= set(environment)
        assert environment["XERO_GRANT"] == "client_credentials"
        async with aiohttp.ClientSession() as http, http.get(environment["SANDBOX_CONTROL_URL"] + "/clock") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert not Path(environment["SANDBOX_PUBSUB_CA_FILE"]).exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process of its parent's death")
async def test_the_process_dies_with_its_parent_where_that_is_asked_for() -> None:
    script = (
        "import subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'sandbox', '--with-parent']\n"
        "child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)\n"
        "while child.stdout.readline().strip() != 'ready': pass\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    async with asyncio.timeout(DEADLINE * 3):
        child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await eventually(lambda: _state(child) in {"", "Z"})


async def test_by_itself_the_process_outlives_the_shell_that_started_it() -> None:
    """As `hourstream sandbox > stand-ins.env &` at the end of a script."""
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'sandbox'], stdout=subprocess.PIPE, text=True)\n"
        "lines = iter(child.stdout.readline, 'ready\\n')\n"
        "print(child.pid, *(line.strip() for line in lines if 'CONTROL' in line), flush=True)\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(DEADLINE * 3):
        printed, _ = await parent.communicate()
    child, address = printed.decode().split()
    try:
        async with aiohttp.ClientSession() as http, http.get(f"{address.partition('=')[2]}/clock") as answer:
            assert answer.status == 200
    finally:
        os.kill(int(child), signal.SIGTERM)
    await eventually(lambda: _state(int(child)) in {"", "Z"})


def _state(pid: int) -> str:
    """The process's state letter, empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
