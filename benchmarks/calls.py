"""How many Xero calls 1,000 entries over 40 contacts cost, against one call for each entry, counted by the stand-in."""

import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from console.demo.standins import StandIns, standing_in
from console.syncing import sync
from worker.logs import configure_logging
from worker.main import apply_setup, wire
from worker.settings import load_settings
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import ensure_secret_key

CONTACTS, ENTRIES = 40, 1_000
SETUP = Path(__file__).parents[1] / "docs" / "setup-example.toml"


async def main() -> None:
    """Print entries, invoices, calls, and the ratio."""
    with tempfile.TemporaryDirectory(prefix="hs-bench-") as name:
        data = Path(name)
        ensure_secret_key(data)
        async with standing_in(data) as stand_ins, EmbeddedServer(data):
            os.environ.update(stand_ins.environment | {"HOURSTREAM_DATA": name, "HOURSTREAM_LOG_LEVEL": "warning"})
            settings = load_settings()
            configure_logging(settings)
            async with wire(settings, "benchmark", bells=False) as ctx:
                await apply_setup(ctx.store, SETUP.read_text("utf-8"), by="benchmark")
                await sync(ctx)
                await _log_time(stand_ins)
                before = (await stand_ins.state("xero"))["stats"]
                began = time.perf_counter()
                done = await sync(ctx)
                took = time.perf_counter() - began
                after = (await stand_ins.state("xero"))["stats"]
    writes = after["writes"] - before["writes"]
    print(
        f"{ENTRIES} entries on {done.invoices} drafts: {writes} write calls of {done.xero_calls} in all, {took:.1f} s"
    )
    print(
        f"ratio: one write call for {ENTRIES / writes:.0f} entries; a call an entry would be {ENTRIES / 60:.0f} minutes"
    )


async def _log_time(stand_ins: StandIns) -> None:
    """40 new clients with a project each, and 1,000 entries spread over them, through the services' own APIs."""
    ids = await _clients(stand_ins)
    links = await _create(stand_ins, "Xero_Contact__c", [
        {"Name": f"Client {n:02d}", "Contact_ID__c": id_} for n, id_ in enumerate(ids)
    ])  # fmt: skip
    projects = await _create(stand_ins, "Project__c", [
        {"Name": f"Project {n:02d}", "Xero_Contact__c": link, "Hourly_Rate__c": 90 + n} for n, link in enumerate(links)
    ])  # fmt: skip
    await _create(stand_ins, "TimeEntry__c", [
        {
            "Project__c": projects[n % CONTACTS], "Hours__c": 0.25 + (n % 16) / 4, "Rate__c": 100,
            "Work_Date__c": f"2026-11-{1 + n % 24:02d}",
            "Billable__c": True, "Status__c": "Approved", "CurrencyIsoCode": "GBP",
        }
        for n in range(ENTRIES)
    ])  # fmt: skip


async def _clients(stand_ins: StandIns) -> list[str]:
    environment = stand_ins.environment
    form = {"grant_type": "client_credentials"}
    headers = {
        "Authorization": aiohttp.encode_basic_auth(environment["XERO_CLIENT_ID"], environment["XERO_CLIENT_SECRET"])
    }
    async with stand_ins.http.post(
        f"{environment['XERO_IDENTITY_URL']}/connect/token", data=form, headers=headers
    ) as answer:
        token = json.loads(await answer.text())["access_token"]
    body = {"Contacts": [{"Name": f"Client {n:02d}"} for n in range(CONTACTS)]}
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Idempotency-Key": "bench-contacts"}
    address = f"{environment['XERO_API_URL']}/api.xro/2.0/Contacts?summarizeErrors=false"
    async with stand_ins.http.put(address, json=body, headers=headers) as answer:
        return [contact["ContactID"] for contact in json.loads(await answer.text())["Contacts"]]


async def _create(stand_ins: StandIns, sobject: str, records: list[dict[str, Any]]) -> list[str]:
    address = f"{stand_ins.environment['SALESFORCE_LOGIN_URL']}/services/data/v67.0/composite/sobjects"
    headers = {"Authorization": f"Bearer {await stand_ins.token()}"}
    ids: list[str] = []
    for start in range(0, len(records), 200):
        body = {
            "allOrNone": True,
            "records": [{"attributes": {"type": sobject}} | record for record in records[start : start + 200]],
        }
        async with stand_ins.http.post(address, json=body, headers=headers) as answer:
            results = json.loads(await answer.text())
            assert all(result["success"] for result in results), results[:2]
            ids += [result["id"] for result in results]
    return ids


if __name__ == "__main__":
    asyncio.run(main())
