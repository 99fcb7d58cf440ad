"""An org to check setup files against. Property tests count examples, not milliseconds: the machine may be busy."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings as hypothesis_settings

from sandbox.serve import Ports, Running, running
from worker.limits import Limits
from worker.salesforce.auth import MemoryTokens
from worker.salesforce.client import SalesforceClient
from worker.settings import Settings

hypothesis_settings.register_profile("hourstream", deadline=None)
hypothesis_settings.load_profile("hourstream")


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with running(Ports()) as sandbox:
        yield sandbox


@pytest.fixture
async def org(sandbox: Running) -> AsyncIterator[SalesforceClient]:
    given = {name.lower(): value for name, value in sandbox.environment.items() if name.startswith("SALESFORCE_")}
    settings = Settings(_env_file=None, **given)
    async with SalesforceClient.from_settings(settings, Limits(backoff_base=0.05), MemoryTokens()) as client:
        yield client
