"""Acts that reach Salesforce and Xero: one hold on both for the whole application, opened at the first act.

Pages only read the store. What a person does here goes through the same functions as on the command line, with the
person's own name in the audit trail.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

from aiohttp import web

from console.web.rendering import PERSON
from worker.context import Context
from worker.main import wire
from worker.settings import Settings


class Acting:
    """Gives contexts. `renew` after credentials were changed: the next act signs in with the new ones."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, asyncio.Lock()
        self._open: AsyncExitStack | None = None
        self._context: Context | None = None

    async def context(self, who: str) -> Context:
        """A hold on both services in this person's name.

        Raises `ConfigurationError` where credentials are missing.
        """
        async with self._lock:
            if self._context is None:
                async with AsyncExitStack() as stack:
                    self._context = await stack.enter_async_context(wire(self._settings, who))
                    self._open = stack.pop_all()
            return replace(self._context, who=who)

    async def renew(self) -> None:
        """Let go of both services."""
        async with self._lock:
            held, self._open, self._context = self._open, None, None
        if held is not None:
            await held.aclose()


ACTING: web.AppKey[Acting] = web.AppKey("acting", Acting)


async def context_of(request: web.Request) -> Context:
    """A hold on both services in the name of whoever asks; as `Acting.context`."""
    return await request.app[ACTING].context(request[PERSON].who)


async def let_go(app: web.Application) -> AsyncIterator[None]:
    """For `cleanup_ctx`: both services are let go of when the application ends."""
    yield
    await app[ACTING].renew()
