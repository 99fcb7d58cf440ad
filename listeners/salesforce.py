"""The Salesforce listener: waits for a setup, chooses the door, holds the channel's lease, survives everything.

setup → door (stream, or polling with the reason) → lease → inbox
"""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

import structlog

from listeners.faults import Backoff, Fault
from listeners.lease import LeaseLost, leased
from listeners.poll import Poll, poll_channel
from listeners.ports import ChangeSource, Inbox, Locks, Org, Ring, Setups, Source
from listeners.status import Status
from listeners.stream import StandIn, Stream
from listeners.tasks import until_first
from listeners.times import back
from worker.limits import Limits

log = structlog.get_logger(__name__)

Transport = Literal["auto", "stream", "poll"]


@dataclass
class Listener:
    """One listener process. Any number may run: one is active, the others stand by.

    `transport`: "stream" and "poll" take that door and nothing else; "auto" takes the stream, and polls while it cannot
    be had.
    """

    inbox: Inbox
    locks: Locks
    org: Org
    setups: Setups
    door: ChangeSource
    ring: Ring
    limits: Limits
    transport: Transport = "auto"
    status: Status = field(default_factory=Status)

    def __post_init__(self) -> None:
        self._backoff = Backoff(self.limits)  # the stream's: only what the stream says ends it, no polling meanwhile
        self._others = Backoff(self.limits)  # Redis', Salesforce's REST API's

    async def run(self) -> None:
        """Until cancelled; whatever fails is shown, waited for and tried again."""
        try:
            await self._for_ever()
        finally:
            self.status.now("stopped")

    async def _for_ever(self) -> None:
        while True:
            try:
                source = await self._wait_for_setup()
                await until_first(self._until_setup_moves(source), self._listen(source))
            except LeaseLost as lost:
                log.warning("standing by", reason=lost.what)
            except Exception as error:  # the one place that catches everything: a listener does not end
                if self.status.state == "listening":
                    self._others.received()
                wait = self._others.failed(Fault.UNAVAILABLE)
                log.warning("listening failed", error=repr(error), again_in=wait)
                self.status.now("retrying", str(error) or repr(error))
                await asyncio.sleep(wait)

    async def _wait_for_setup(self) -> Source:
        while (source := await self.setups()) is None:
            todo = "choose the time object on the Setup page, or hourstream setup apply FILE."
            self.status.now("waiting for a setup", f"Nothing is set up yet: {todo}")
            await asyncio.sleep(self.limits.doorbell)
        return source

    async def _until_setup_moves(self, source: Source) -> None:
        """End when another object or channel, or other write-back fields, are set up."""
        while True:
            await asyncio.sleep(self.limits.heartbeat)
            try:
                current = await self.setups()
            except Exception as error:  # Redis is away: what we listen to has not changed by that
                log.info("setup not read", error=repr(error))
                continue
            if current is not None and current != source:
                log.info("setup changed", sobject=current.sobject, channel=current.channel)
                return

    async def _listen(self, source: Source) -> None:
        if self.transport == "poll":
            return await self._poll(source, "")
        try:
            await self._stream(source)
        except StandIn as cause:
            await self._poll_for_a_while(source, cause)

    async def _poll_for_a_while(self, source: Source, cause: StandIn) -> None:
        log.warning("polling stands in", reason=str(cause), seconds=cause.seconds)
        try:
            async with asyncio.timeout(cause.seconds) as while_:
                await self._poll(source, f"Polling, because the event stream cannot be had: {cause}")
        except TimeoutError:
            if not while_.expired():
                raise
            log.info("trying the stream again", channel=source.channel)

    async def _stream(self, source: Source) -> None:
        self._stand_by(self.door.name, source.channel)
        async with leased(self.locks, source.channel, self.limits) as lease:
            stream = Stream(
                door=self.door,
                inbox=self.inbox,
                org=self.org,
                source=source,
                lease=lease,
                ring=self.ring,
                limits=self.limits,
                status=self.status,
                backoff=self._backoff,
                stand_in=self.transport == "auto",
            )
            await until_first(lease.keep(), stream.run())

    async def _poll(self, source: Source, reason: str) -> None:
        channel = poll_channel(source.sobject)
        heard = await self.inbox.position(source.channel) if reason else None
        self._stand_by(Poll.name, channel)
        async with leased(self.locks, channel, self.limits) as lease:
            poll = Poll(
                inbox=self.inbox,
                org=self.org,
                source=source,
                lease=lease,
                ring=self.ring,
                limits=self.limits,
                status=self.status,
                reason=reason,
            )
            heard_until = back(heard.committed_at, self.limits.watermark_margin) if heard else ""
            await until_first(lease.keep(), poll.run(heard_until))

    def _stand_by(self, transport: str, channel: str) -> None:
        self.status.transport, self.status.channel = transport, channel
        self.status.now("standing by", "Another listener is active on this channel.")
