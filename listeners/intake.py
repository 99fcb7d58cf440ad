"""From a response of the stream to the inbox: one script for each, or two where an event cannot be read at once.

What is stored is which units may have changed, from when Salesforce has to be read again, and the position. It never
steps over an event that is neither stored nor covered by a resync flag in the same script.
"""

import asyncio
import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from time import monotonic

import structlog

from listeners.avro import SchemaUnreadable, Undecodable
from listeners.events import ChangeEvent, concerns, is_echo, repeats_replay_ids, unit_id
from listeners.faults import jitter
from listeners.lease import Lease
from listeners.ports import ChangeSource, Inbox, RawEvent, Response, Resync, Ring, Source
from listeners.status import Status
from listeners.tasks import finished
from listeners.times import back, stamp
from worker.errors import ServiceError
from worker.limits import Limits

log = structlog.get_logger(__name__)

TRIES = 3  # with fresh schema and token, before an event is parked


class Refused(ServiceError):  # noqa: N818 - an answer of the inbox
    """The inbox did not take a response: the lease or the stored position moved. Nothing was stored."""


@dataclass
class Batch:
    """What one script will store."""

    position: str
    occasion: str = ""  # the last replay id in it
    ids: dict[str, None] = field(default_factory=dict)
    resync: dict[str, str] = field(default_factory=dict)
    committed: datetime | None = None
    events: int = 0

    def add(self, event: ChangeEvent, source: Source, since: str, status: Status) -> None:
        """Take in one event; `since` is the time to read again from, should it not name all that changed."""
        self.events += 1
        if event.committed_at is not None:
            self.committed = max(self.committed or event.committed_at, event.committed_at)
        if not concerns(event, source.sobject):
            return
        if is_echo(event, source.write_back):
            status.echoes += 1
            return
        self.ids.update(dict.fromkeys(unit_id(source.sobject, record) for record in event.record_ids))
        if event.kind == "wildcard":
            self.reread(Resync.WILDCARD, "")  # a field's type was converted, which no record's time of change tells
        elif event.kind != "normal":
            self.reread(event.kind, min(since, stamp(event.committed_at)) if event.committed_at else since)

    def reread(self, kind: str, since: str) -> None:
        """Ask for everything changed since then; the earliest time counts."""
        self.resync[kind] = min(self.resync.get(kind, since), since)


class Intake:
    """Stores the responses of one subscription, in order."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        door: ChangeSource,
        source: Source,
        lease: Lease,
        ring: Ring,
        limits: Limits,
        status: Status,
        expected: str | None,
        committed_at: str,
    ) -> None:
        """`expected`: the stored position that this subscription continues; `committed_at`: the last good commit."""
        self._inbox, self._door, self._source, self._lease = inbox, door, source, lease
        self._ring, self._limits, self._status = ring, limits, status
        self._expected, self._committed_at = expected, committed_at
        self._tail = ""  # the last replay id heard, where more events may follow under it
        self._broken: dict[str, float] = {}  # schema id → until when it is not asked for again
        self._repeats = repeats_replay_ids(source.channel)

    async def take(self, response: Response, resync: Mapping[str, str] | None = None) -> None:
        """Store a response; `resync` goes into its first script. Raises `Refused`."""
        if not response.events:
            if response.latest:
                self._tail = ""
                await self._store(Batch(response.latest, resync=dict(resync or {})))
            return
        batch = Batch(self._expected or "", resync=dict(resync or {}))
        for group in _runs(response.events):
            batch = await self._take_group(group, batch)
        if self._repeats and self._expected is not None:
            batch.position = self._before_tail(response.events)
            self._tail = response.events[-1].replay
        await self._store(batch)

    async def _take_group(self, group: list[RawEvent], batch: Batch) -> Batch:
        """Add the events that share a replay id; where one cannot be read, store what came before them first."""
        read: list[ChangeEvent] = []
        lost: list[RawEvent] = []
        for raw in group:
            try:
                self._refuse_broken(raw)
                read.append(await self._door.decode(raw))
            except Undecodable as error:
                if batch.events:
                    await self._store(batch)
                    batch = Batch(batch.position)
                event = await self._again(raw, error)
                if event is None:
                    lost.append(raw)
                else:
                    read.append(event)
        since = back(self._committed_at, self._limits.watermark_margin)
        for event in read:
            batch.add(event, self._source, since, self._status)
        if lost:
            batch.events += len(lost)
            batch.reread(Resync.UNDECODABLE, since)
        batch.position = batch.occasion = group[-1].replay
        return batch

    async def _again(self, raw: RawEvent, error: Undecodable) -> ChangeEvent | None:
        """Try an event again with fresh schema and token; after the last try park it, and None."""
        if raw.schema not in self._broken:
            for _ in range(TRIES):
                await asyncio.sleep(jitter(self._limits.backoff_base))
                try:
                    return await self._door.decode(raw, fresh=True)
                except Undecodable as again:
                    error = again
            if isinstance(error, SchemaUnreadable):
                self._broken[raw.schema] = monotonic() + self._limits.backoff_cap
        await self._park(raw, error)
        return None

    def _refuse_broken(self, raw: RawEvent) -> None:
        """Not every event of a schema that cannot be had is worth three tries: for a while they are parked at once."""
        until = self._broken.get(raw.schema)
        if until is not None and until > monotonic():
            raise SchemaUnreadable(f"The schema {raw.schema} could not be read a moment ago.")
        self._broken.pop(raw.schema, None)

    async def _park(self, raw: RawEvent, error: Undecodable) -> None:
        self._status.parked += 1
        log.error("event parked", channel=self._source.channel, replay=raw.replay, schema=raw.schema, error=error.what)
        await self._inbox.park(
            self._source.channel,
            raw.replay,
            base64.b64encode(raw.payload).decode(),
            f"schema {raw.schema}: {error.what}",
        )

    def _before_tail(self, events: tuple[RawEvent, ...]) -> str:
        """The position before the last replay id of a response: more events may yet come under that one."""
        last = events[-1].replay
        heard = [self._expected or "", self._tail, *(event.replay for event in events)]
        return next((replay for replay in reversed(heard) if replay and replay != last), last)

    async def _store(self, batch: Batch) -> None:
        if batch.committed is not None:
            self._committed_at = max(self._committed_at, stamp(batch.committed))
        resync = {Resync.named(kind, batch.occasion or batch.position): since for kind, since in batch.resync.items()}
        stored = await finished(
            self._inbox.store(
                self._lease.token,
                self._source.channel,
                self._expected,
                batch.position,
                list(batch.ids),
                resync,
                self._committed_at,
            )
        )
        if not stored:
            raise Refused(f"The inbox did not take what {self._source.channel} brought: its position or lease moved.")
        self._expected = batch.position
        self._status.responded(batch.committed, batch.events)
        self._status.resyncs.update(batch.resync.keys())
        await knock(self._ring, self._limits, collect=bool(batch.ids), reconcile=bool(resync))


async def knock(ring: Ring, limits: Limits, *, collect: bool = False, reconcile: bool = False) -> None:
    """Ring these stages' doorbells. When that fails nothing is lost: what is due rings by itself within a second."""
    for stage, wanted in (("collect", collect), ("reconcile", reconcile)):
        if not wanted:
            continue
        try:
            async with asyncio.timeout(limits.heartbeat):
                await ring(stage)
        except Exception as error:  # whatever the client raises
            log.info("doorbell not rung", stage=stage, error=repr(error))


def _runs(events: Iterable[RawEvent]) -> Iterator[list[RawEvent]]:
    """The events in runs of one replay id: a response may be cut only between them."""
    for _, run in groupby(events, key=lambda event: event.replay):
        yield list(run)
