"""`salesforce`: a fresh stand-in org, logged in; `control`: its control port."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from salesforce_support import Control, Salesforce

from sandbox.clock import Clock
from sandbox.serve import Ports, running


@pytest.fixture
async def salesforce() -> AsyncIterator[Salesforce]:
    async with running(Ports(), clock=Clock(scale=1)) as sandbox, aiohttp.ClientSession() as http:
        client = Salesforce(sandbox, http)
        await client.login()
        yield client


@pytest.fixture
def control(salesforce: Salesforce) -> Control:
    return Control(salesforce.sandbox.environment["SANDBOX_CONTROL_URL"], salesforce.http)
