"""The two stand-ins as a process, and what a person would do there: log time, look at invoices.

The demo speaks to them over their public addresses only, like a browser would.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from console.supervisor import Child, python, start, stop
from worker.errors import ServiceError

START_WITHIN = 30.0  # seconds
CALL = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class StandIns:
    """Their environment, and a session to speak to them with."""

    environment: Mapping[str, str]
    http: aiohttp.ClientSession

    async def state(self, service: str) -> dict[str, Any]:
        """Everything a stand-in holds, as its control port tells it."""
        address = f"{self.environment['SANDBOX_CONTROL_URL']}/{service}/state"
        async with self.http.get(address) as answer:
            answer.raise_for_status()
            found: dict[str, Any] = json.loads(await answer.text())
            return found

    async def log_time(self, fields: Mapping[str, Any]) -> str:
        """A person logs time in Salesforce; gives the record's id."""
        address = f"{self.environment['SALESFORCE_LOGIN_URL']}/services/data/v67.0/sobjects/TimeEntry__c"
        headers = {"Authorization": f"Bearer {await self.token()}"}
        async with self.http.post(address, json=dict(fields), headers=headers) as answer:
            found = json.loads(await answer.text())
            if answer.status != 201:
                raise ServiceError(f"The Salesforce stand-in refused a time entry: {found}")
            return str(found["id"])

    async def token(self) -> str:
        """A fresh session of the integration user."""
        address = f"{self.environment['SALESFORCE_LOGIN_URL']}/services/oauth2/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": self.environment["SALESFORCE_CLIENT_ID"],
            "client_secret": self.environment["SALESFORCE_CLIENT_SECRET"],
        }
        async with self.http.post(address, data=form) as answer:
            answer.raise_for_status()
            return str(json.loads(await answer.text())["access_token"])


@asynccontextmanager
async def standing_in(data: Path) -> AsyncIterator[StandIns]:
    """Both stand-ins with seeded records, on free ports, until the block ends."""
    child = Child("stand-ins", python("-m", "sandbox", "--seed", "--with-parent"), {}, data / "stand-ins.log")
    process = await start(child, pipe=True)
    try:
        environment = await _started(process, data)
        async with aiohttp.ClientSession(timeout=CALL) as http:
            yield StandIns(environment, http)
    finally:
        await stop(process, within=5)


async def _started(process: asyncio.subprocess.Process, data: Path) -> dict[str, str]:
    try:
        async with asyncio.timeout(START_WITHIN):
            return await _environment(process)
    except TimeoutError:
        raise ServiceError("The stand-ins did not start.", f"See {data / 'stand-ins.log'}.") from None


async def _environment(process: asyncio.subprocess.Process) -> dict[str, str]:
    assert process.stdout is not None
    found: dict[str, str] = {}
    async for line in process.stdout:
        text = line.decode().strip()
        if text == "ready":
            return found
        name, _, value = text.partition("=")
        found[name] = value
    raise ServiceError("The stand-ins ended before they were ready.")
