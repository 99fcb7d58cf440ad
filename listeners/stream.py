"""A stream's channel, for ever: resume from the stored position, or anchor one; store; mend; never skip.

Where there is no position the stream is opened from now on, and Salesforce is read instead of what was not heard: at
once from the start, and again, once the first position is stored, from before the stream was opened.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from listeners.faults import Backoff, Fault, StreamFault
from listeners.intake import Intake, Refused, knock
from listeners.lease import Lease
from listeners.ports import ChangeSource, Inbox, Org, Position, Resync, Ring, Source, Subscription
from listeners.status import Status
from listeners.times import back, stamp
from worker.errors import ServiceError
from worker.limits import Limits

log = structlog.get_logger(__name__)

QUIET = "Subscribed; Salesforce has said nothing yet, which takes a quiet org up to 270 seconds."
LASTING = frozenset({Fault.LIMIT, Fault.REFUSED, Fault.REQUEST})  # trying again soon will not help


class StandIn(ServiceError):  # noqa: N818 - a turn of events
    """The stream cannot be had for now; polling has to stand in for it for `seconds`."""

    def __init__(self, cause: StreamFault, seconds: float) -> None:
        super().__init__(cause.what, cause.remedy)
        self.seconds = seconds


class Stream:
    """Listens on one channel under a lease."""

    def __init__(
        self,
        *,
        door: ChangeSource,
        inbox: Inbox,
        org: Org,
        source: Source,
        lease: Lease,
        ring: Ring,
        limits: Limits,
        status: Status,
        backoff: Backoff,
        stand_in: bool,
    ) -> None:
        """`stand_in`: raise `StandIn` instead of waiting where polling could do the work."""
        self._door, self._inbox, self._org, self._source = door, inbox, org, source
        self._lease, self._ring, self._limits, self._status = lease, ring, limits, status
        self._backoff, self._stand_in = backoff, stand_in
        self._lost: str | None = None  # the stored position, when Salesforce does not know it
        self._before_subscribe = ""  # of the first attempt to anchor: nothing before it is unread

    async def run(self) -> None:
        """For ever. Raises `LeaseLost` and `StandIn`."""
        while True:
            try:
                await self._once()
            except Refused as refused:
                await self._lease.renew()
                await self._failed(StreamFault(Fault.MOVED, refused.what))
            except StreamFault as fault:
                await self._failed(fault)

    async def _once(self) -> None:
        self._status.now("connecting", self._status.reason if self._status.state == "retrying" else "")
        position = await self._inbox.position(self._source.channel)
        if position is None or position.replay == self._lost:
            await self._anchor(position)
        else:
            await self._follow(position)

    async def _follow(self, position: Position) -> None:
        try:
            async with self._door.subscribe(self._source.channel, position.replay) as responses:
                intake = self._intake(position.replay, position.committed_at)
                with self._subscribed():
                    await self._take(responses, intake, {})
        except StreamFault as fault:
            if fault.fault is Fault.POSITION:
                self._lost = position.replay
            raise

    async def _anchor(self, position: Position | None) -> None:
        """Listen from now on, and have read what was not heard."""
        first = not self._before_subscribe
        if first:
            now = (await self._org.clock(self._source.sobject)).now
            self._before_subscribe = stamp(now - timedelta(seconds=self._limits.watermark_margin))
        async with self._door.subscribe(self._source.channel, None) as responses:
            if first:
                await self._have_read(position)
            intake = self._intake(position.replay if position else None, self._before_subscribe)
            with self._subscribed():
                await self._take(responses, intake, {Resync.ANCHORED: self._before_subscribe})

    @contextmanager
    def _subscribed(self) -> Iterator[None]:
        """What refuses a subscription does so at once: one that stands for a while is told as listening.

        A quiet org answers with its first keep-alive only (Salesforce: Pub/Sub API, Subscribe RPC), and gRPC's headers
        may come with that one too, so neither can be waited for.
        """
        quiet = asyncio.get_running_loop().call_later(self._limits.heartbeat, self._quiet)
        try:
            yield
        finally:
            quiet.cancel()

    def _quiet(self) -> None:
        if self._status.state == "connecting":
            self._status.now("listening", QUIET)

    async def _have_read(self, position: Position | None) -> None:
        kind = Resync.POSITION if position else Resync.INITIAL
        since = back(position.committed_at, self._limits.watermark_margin) if position else ""
        log.warning("no usable position: reading Salesforce", channel=self._source.channel, kind=kind, since=since)
        self._status.resyncs[kind] += 1
        await self._inbox.request_resync(Resync.named(kind, self._lease.token), since)
        await knock(self._ring, self._limits, reconcile=True)

    async def _take(self, responses: Subscription, intake: Intake, resync: dict[str, str]) -> None:
        async for response in responses:
            await intake.take(response, resync)
            if response.events or response.latest:
                resync = {}
                self._lost, self._before_subscribe = None, ""
            if not response.opening:
                self._backoff.received()
            self._status.now("listening")
            await responses.stored(len(response.events))

    async def _failed(self, fault: StreamFault) -> None:
        wait = self._backoff.failed(fault.fault)
        self._status.reconnects[fault.fault] += 1
        log.warning(
            "stream ended", channel=self._source.channel, fault=str(fault.fault), error=str(fault), again_in=wait
        )
        if self._stand_in and (fault.fault in LASTING or self._backoff.failing_for > self._limits.minute):
            raise StandIn(fault, max(wait, self._limits.backoff_cap))
        self._status.now("retrying", str(fault))
        await asyncio.sleep(wait)

    def _intake(self, expected: str | None, committed_at: str) -> Intake:
        return Intake(
            inbox=self._inbox,
            door=self._door,
            source=self._source,
            lease=self._lease,
            ring=self._ring,
            limits=self._limits,
            status=self._status,
            expected=expected,
            committed_at=committed_at,
        )
