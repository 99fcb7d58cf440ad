from collections.abc import AsyncIterator

import pytest
from xero_doubles import OpenGovernor, RawServer, TokensInMemory, raw_server
from xero_standin import Company, its_config, stand_in

from worker.limits import Limits
from worker.xero.client import XeroClient


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    """A server that speaks raw bytes."""
    async with raw_server() as raw:
        yield raw


@pytest.fixture
async def xero() -> AsyncIterator[Company]:
    """The stand-in with a client that is connected to it."""
    async with (
        stand_in() as (url, company, faults),
        XeroClient(its_config(url), TokensInMemory(), OpenGovernor(), Limits()) as client,
    ):
        await client.connect()
        yield Company(company, faults, client)
