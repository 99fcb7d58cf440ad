"""The poll door: what changed since the watermark, asked every minute. It needs no Change Data Capture.

The watermark is the time up to which Salesforce says all transactions are finished, else its clock minus a margin: a
change carries the time it was made, and becomes visible when its transaction ends (Salesforce: getUpdated).
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from listeners.events import unit_id
from listeners.intake import Refused, knock
from listeners.lease import Lease
from listeners.ports import Inbox, Org, Position, Resync, Ring, Source
from listeners.status import Status
from listeners.tasks import finished
from listeners.times import moment, stamp
from worker.limits import Limits

log = structlog.get_logger(__name__)


def poll_channel(sobject: str) -> str:
    """Under this name polling keeps its watermark and its lease, beside the stream's."""
    return f"/poll/{sobject}"


class Poll:
    """Polls one object under a lease."""

    name = "poll"

    def __init__(
        self,
        *,
        inbox: Inbox,
        org: Org,
        source: Source,
        lease: Lease,
        ring: Ring,
        limits: Limits,
        status: Status,
        reason: str = "",
    ) -> None:
        """`reason`: why it polls, for people."""
        self._inbox, self._org, self._source, self._lease = inbox, org, source, lease
        self._ring, self._limits, self._status = ring, limits, status
        self._channel, self._reason = poll_channel(source.sobject), reason
        self._seen: dict[str, str] = {}  # what the margin will show again: record → its time of change

    async def run(self, heard_until: str = "") -> None:
        """Every `Limits.poll`, for ever; a stream has told everything before `heard_until`. Raises `Refused`."""
        while True:
            await self._once(heard_until)
            self._status.now("listening", self._reason)
            await asyncio.sleep(self._limits.poll)

    async def _once(self, heard_until: str) -> None:
        position = await self._inbox.position(self._channel)
        clock = await self._org.clock(self._source.sobject)
        until = min(clock.now, clock.covered or clock.now - timedelta(seconds=self._limits.watermark_margin))
        if position is None and not heard_until:
            await self._begin(until)
        else:
            await self._read(position, max(heard_until, position.replay if position else ""), clock.now, until)

    async def _begin(self, until: datetime) -> None:
        """Nothing is known yet: watch from here on, and have everything read that is there."""
        log.warning("no watermark: reading Salesforce", sobject=self._source.sobject)
        self._status.resyncs[Resync.INITIAL] += 1
        await self._store(None, stamp(until), [], {Resync.named(Resync.INITIAL, stamp(until)): ""})

    async def _read(self, position: Position | None, since: str, now: datetime, until: datetime) -> None:
        """One pass: every page is stored under the old watermark, the last one together with the new one."""
        expected = position.replay if position else None
        start, held, recent = moment(since), list[str](), dict[str, str]()
        async for page in self._org.changed(self._source.sobject, start):
            if held and expected is not None:
                await self._store(expected, expected, held, {})
                held = []
            held += self._fresh(page)
            recent.update((record, at) for record, at in page if moment(at) >= until)
        deletions = await self._org.deleted(self._source.sobject, start, now)
        held += self._fresh(deletions.rows)
        until = min(until, deletions.covered)
        recent.update((record, at) for record, at in deletions.rows if moment(at) >= until)
        watermark = max(since, stamp(until))
        resync = {Resync.named(Resync.DELETES, watermark): since} if deletions.earliest > start else {}
        await self._store(expected, watermark, held, resync)
        self._seen = recent
        newest = max((moment(at) for at in recent.values()), default=None)
        self._status.responded(newest if held else None, len(held))

    def _fresh(self, rows: Sequence[tuple[str, str]]) -> list[str]:
        return [record for record, at in rows if self._seen.get(record) != at]

    async def _store(
        self, expected: str | None, watermark: str, records: Sequence[str], resync: Mapping[str, str]
    ) -> None:
        ids = list(dict.fromkeys(unit_id(self._source.sobject, record) for record in records))
        stored = await finished(
            self._inbox.store(self._lease.token, self._channel, expected, watermark, ids, resync, watermark)
        )
        if not stored:
            self._seen = {}
            raise Refused(
                f"The inbox did not take what polling {self._source.sobject} brought: its watermark or lease moved."
            )
        await knock(self._ring, self._limits, collect=bool(ids), reconcile=bool(resync))
