from collections.abc import AsyncIterator

import pytest
from xero_doubles import RawServer, raw_server


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    """A server that speaks raw bytes."""
    async with raw_server() as raw:
        yield raw
