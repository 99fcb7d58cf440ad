from collections.abc import AsyncIterator

import pytest
from salesforce_wire import LIMITS, Org, serving

from worker.salesforce.auth import MemoryTokens
from worker.salesforce.client import SalesforceClient
from worker.salesforce.flows import ClientCredentials


@pytest.fixture
async def org() -> AsyncIterator[Org]:
    async with serving(Org()) as org:
        yield org


@pytest.fixture
def tokens() -> MemoryTokens:
    return MemoryTokens()


@pytest.fixture
def flow(org: Org) -> ClientCredentials:
    return ClientCredentials(org.url, "client-id", "client-secret")


@pytest.fixture
async def client(flow: ClientCredentials, tokens: MemoryTokens) -> AsyncIterator[SalesforceClient]:
    async with SalesforceClient(flow, LIMITS, tokens) as client:
        yield client
