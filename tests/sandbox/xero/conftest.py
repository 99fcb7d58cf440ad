from collections.abc import AsyncIterator

import pytest
from xero_support import DESCRIPTION, Judge, Xero, running

from sandbox.clock import Clock


@pytest.fixture(scope="session")
def judge() -> Judge:
    """Xero's API description, read once."""
    return Judge(DESCRIPTION)


@pytest.fixture
async def xero(judge: Judge) -> AsyncIterator[Xero]:
    """A fresh company on a free port, its client authenticated."""
    async with running(judge, Clock(scale=1)) as server:
        await server.authenticate()
        yield server
