"""One active listener per channel: a lease in Redis, renewed while its holder runs. Its token fences the inbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from listeners.ports import Locks
from worker.errors import ServiceError
from worker.limits import Limits

log = structlog.get_logger(__name__)


class LeaseLost(ServiceError):  # noqa: N818 - a state, not a failure
    """Another listener holds the channel now."""


class Lease:
    """The right to store what a channel brings."""

    def __init__(self, locks: Locks, channel: str, token: str, seconds: float) -> None:
        self._locks, self._name, self._seconds = locks, lock_name(channel), seconds
        self.channel = channel
        self.token = token

    async def renew(self) -> None:
        """Hold on to it. Raises `LeaseLost`."""
        async with asyncio.timeout(self._seconds):
            held = await self._locks.renew(self._name, self.token, self._seconds)
        if not held:
            raise LeaseLost(f"Another listener took over {self.channel}.", "Nothing to do: this one stands by.")

    async def keep(self) -> None:
        """Renew for ever. Raises `LeaseLost`, also when Redis did not answer for as long as the lease lasts."""
        loop = asyncio.get_running_loop()
        held_until = loop.time() + self._seconds
        while True:
            await asyncio.sleep(self._seconds / 4)
            try:
                await self.renew()
                held_until = loop.time() + self._seconds
            except LeaseLost:
                raise
            except Exception as error:  # Redis is away: whatever its client raises, the lease may still be ours
                if loop.time() > held_until:
                    raise LeaseLost(f"The lease of {self.channel} could not be renewed: {error!r}.") from error
                log.warning("lease not renewed", channel=self.channel, error=repr(error))

    async def release(self) -> None:
        """Give it back, so that a standby need not wait for it to lapse."""
        try:
            async with asyncio.timeout(self._seconds / 4):
                await self._locks.release(self._name, self.token)
        except Exception as error:  # it lapses by itself
            log.info("lease left to lapse", channel=self.channel, error=repr(error))


def lock_name(channel: str) -> str:
    """The lock that the inbox script compares with the token it is given."""
    return f"listener:{channel}"


@asynccontextmanager
async def leased(locks: Locks, channel: str, limits: Limits) -> AsyncIterator[Lease]:
    """Wait, as standby, until the channel is ours; give it back at the end.

    A lease lasts 7 tenths of `Limits.listener_lease` and is asked for every tenth: a standby takes over within it, with
    two tenths left for signing in and opening the stream.
    """
    seconds = limits.listener_lease * 0.7
    while (token := await locks.acquire(lock_name(channel), seconds)) is None:  # noqa: ASYNC110 - Redis tells nobody
        await asyncio.sleep(limits.listener_lease / 10)
    lease = Lease(locks, channel, token, seconds)
    try:
        yield lease
    finally:
        await asyncio.shield(lease.release())
