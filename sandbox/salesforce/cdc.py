"""Change Data Capture: committed changes become events on one bus, kept for a while, read from any position.

Nothing here knows how events travel; the Pub/Sub server (and any other transport) reads through `Cursor`s.
"""

import asyncio
import secrets
import uuid
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from difflib import unified_diff
from itertools import islice
from types import MappingProxyType

from sandbox.salesforce.avro import EventSchema, schema_of
from sandbox.salesforce.org import Org, Record
from sandbox.salesforce.schema import SObject
from sandbox.salesforce.values import epoch_ms
from sandbox.salesforce.writes import Change

ALL_CHANGES = "/data/ChangeEvents"
REPLAY_ID_BYTES = 10
UNREADABLE = b"\xff" * 7  # the payload of an event that fits no schema
Key = tuple[object, ...]


class InvalidReplayIdError(Exception):
    """A position that never was, is past retention, or belongs to a stream that was reset."""


@dataclass(frozen=True)
class Event:
    """One change event. `index` orders events inside this process only; outsiders see the opaque `replay_id`."""

    index: int
    replay_id: bytes
    id: str
    entity: str
    at: datetime
    header: dict[str, object]
    body: dict[str, object]
    schema: EventSchema
    payload: bytes


@dataclass(eq=False)
class Cursor:
    """Where one subscriber of one channel stands: it has seen every event up to `index`."""

    channel: str
    index: int
    waiting: "deque[Event]" = field(default_factory=deque)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False


class ChangeBus:
    """The event bus of one org."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.events: list[Event] = []
        self.delivered: list[tuple[datetime, int]] = []
        self.published = 0
        self.undecodable = 0
        self.schemas: dict[str, EventSchema] = {}
        self._cursors: set[Cursor] = set()
        self._positions: dict[bytes, tuple[int, datetime]] = {}
        self._commit_number = 10_000_000_000
        self._index = 0
        self._number = secrets.randbelow(1 << 40) + (1 << 40)
        self._latest = self._new_position()

    # Publishing

    def publish(self, changes: Sequence[Change], *, origin: str, user_id: str) -> None:
        """One transaction's changes as events, in order; objects nobody selected are left out."""
        wanted = {
            *self.org.now.cdc_objects,
            *(name for item in self.org.now.channels.values() for name in item["objects"]),
        }
        selected = [item for item in changes if item.sobject in wanted]
        if not selected:
            return
        transaction = str(uuid.uuid4())
        self._commit_number += secrets.randbelow(900) + 1
        groups: dict[Key, list[Change]] = {}
        for number, change in enumerate(selected):
            groups.setdefault(self._merge_key(change, number), []).append(change)
        for sequence, group in enumerate(groups.values(), 1):
            self._publish_group(group, transaction, sequence, origin, user_id)

    def _merge_key(self, change: Change, number: int) -> Key:
        if not self.org.now.merge_events:
            return (number,)
        if change.type == "DELETE":
            return (change.sobject, change.type)
        if change.type != "UPDATE":
            return (number,)
        changed = tuple((name, change.after.get(name)) for name in changed_fields(change))
        return (change.sobject, change.type, changed)

    def _publish_group(self, group: list[Change], transaction: str, sequence: int, origin: str, user_id: str) -> None:
        change = group[0]
        sobject = self.org.schema(change.sobject)
        assert sobject is not None
        schema = self.schema(sobject)
        changed = changed_fields(change) if change.type == "UPDATE" else []
        header: dict[str, object] = {
            "recordIds": [item.record_id for item in group],
            "changeType": change.type,
            "changeOrigin": origin,
            "transactionKey": transaction,
            "sequenceNumber": sequence,
            "commitUser": user_id,
            "changedFields": changed,
            "nulledFields": [name for name in changed if change.after.get(name) is None],
        }
        diffs = _diffs(sobject, change, changed) if self.org.now.long_text_diffs else {}
        shown = {"CREATE": None, "UNDELETE": None, "UPDATE": set(changed), "DELETE": set[str]()}[change.type]
        self._append(sobject, schema, header, _body(sobject, change.after, shown), diffs)

    def announce(self, sobject: SObject, change_type: str, record_ids: list[str]) -> None:
        """A header-only event: gaps, overflow, wildcards; what the org itself says, not a transaction of a user."""
        header: dict[str, object] = {
            "recordIds": record_ids,
            "changeType": change_type,
            "changeOrigin": "",
            "transactionKey": str(uuid.uuid4()),
            "sequenceNumber": 1,
            "commitUser": "",
            "changedFields": [],
            "nulledFields": [],
        }
        self._append(sobject, self.schema(sobject), header, {})

    def _append(
        self,
        sobject: SObject,
        schema: EventSchema,
        header: dict[str, object],
        body: dict[str, object],
        diffs: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        now = self.org.clock.now()
        full = header | {
            "entityName": sobject.name,
            "commitTimestamp": int(now.timestamp() * 1000),
            "commitNumber": self._commit_number,
            "diffFields": list(diffs),
        }
        self._index += 1
        self.published += 1
        self._latest = self._new_position()
        payload = _encode(sobject, schema, full, {**body, **diffs})
        if self.undecodable > 0:
            self.undecodable -= 1
            payload = UNREADABLE
        event = Event(self._index, self._latest, str(uuid.uuid4()), sobject.name, now, full, body, schema, payload)
        self.events.append(event)
        self.wake()

    def repeat_last(self) -> None:
        """Deliver the latest event once more, under its own replay id (delivery is at least once)."""
        if self.events:
            last = self.events[-1]
            self._index += 1
            self.events.append(replace(last, index=self._index))
            self._positions[last.replay_id] = (self._index, self.org.clock.now())
            self.wake()

    def schema(self, sobject: SObject) -> EventSchema:
        """The object's schema now; every version ever used stays known by its id."""
        made = schema_of(sobject)
        return self.schemas.setdefault(made.id, made)

    @property
    def subscribers(self) -> int:
        """How many streams are open."""
        return len(self._cursors)

    # Positions

    def _new_position(self) -> bytes:
        self._number += secrets.randbelow(40) + 1
        replay_id = self._number.to_bytes(8, "big").ljust(REPLAY_ID_BYTES, b"\x00")
        self._positions[replay_id] = (self._index, self.org.clock.now())
        return replay_id

    def latest(self) -> bytes:
        """The position after everything published so far, good for a subscription until retention ends."""
        self._positions[self._latest] = (self._index, self.org.clock.now())
        return self._latest

    def locate(self, replay_id: bytes) -> int:
        """The index behind a position. Raises InvalidReplayIdError."""
        # Stock Node clients keep the first eight bytes only, which the real service takes as well.
        known = self._positions.get(replay_id.ljust(REPLAY_ID_BYTES, b"\x00"))
        if known is None or known[1] < self._horizon():
            raise InvalidReplayIdError(replay_id.hex())
        return known[0]

    def oldest(self) -> int:
        """The index before the oldest retained event."""
        self._expire()
        return self.events[0].index - 1 if self.events else self._index

    def newest(self) -> int:
        """The index of the newest event."""
        return self._index

    def forget(self) -> None:
        """Every position handed out until now becomes invalid and every event is gone, as after an org move."""
        self._positions.clear()
        self.events.clear()
        self._number += 1 << 20
        self._latest = self._new_position()

    def _horizon(self) -> datetime:
        return self.org.clock.now() - timedelta(seconds=self.org.now.event_retention_seconds)

    def _expire(self) -> None:
        horizon = self._horizon()
        self.events = [event for event in self.events if event.at >= horizon]

    # Reading

    def entities(self, channel: str) -> frozenset[str] | None:
        """The objects whose events a channel carries; None where there is no such channel."""
        if channel in self.org.now.channels:
            return frozenset(self.org.now.channels[channel]["objects"])
        selected = [self.org.schema(name) for name in self.org.now.cdc_objects]
        objects = [sobject for sobject in selected if sobject is not None]
        if channel == ALL_CHANGES:
            return frozenset(sobject.name for sobject in objects)
        return frozenset(item.name for item in objects if channel == f"/data/{item.event_name}") or None

    def open(self, channel: str, index: int) -> Cursor:
        """A subscriber that has seen everything up to `index`; close it when it leaves."""
        cursor = Cursor(channel, index)
        self._cursors.add(cursor)
        return cursor

    def close(self, cursor: Cursor) -> None:
        """The subscriber left."""
        self._cursors.discard(cursor)

    def read(self, cursor: Cursor, limit: int) -> list[Event]:
        """Up to `limit` further events of the cursor's channel; moves the cursor past what it skipped and gave."""
        entities = self.entities(cursor.channel) or frozenset()
        start = bisect_right(self.events, cursor.index, key=lambda event: event.index)
        further = islice(self.events, start, None)
        found: list[Event] = []
        while len(found) < limit:
            if cursor.waiting:
                found.append(cursor.waiting.popleft())
                continue
            event = next(further, None)
            if event is None:
                break
            cursor.index = event.index
            if event.entity in entities:
                cursor.waiting.extend(self._as_told(event, cursor.channel))
        return found

    def _as_told(self, event: Event, channel: str) -> list[Event]:
        """An enriched channel tells of each record alone, under one replay id, with values as they are now."""
        enriched = self.org.now.channels.get(channel, {}).get("enriched", [])
        sobject = self.org.schema(event.entity)
        if not enriched or sobject is None or event.header["changeType"] not in {"UPDATE", "DELETE"}:
            return [event]
        told = []
        for record_id in strings(event.header["recordIds"]):
            record = self.org.record(event.entity, record_id) or {}
            body = event.body | {name: epoch_ms(record.get(name)) for name in enriched}
            header = event.header | {"recordIds": [record_id], "diffFields": []}
            payload = _encode(sobject, event.schema, header, body)
            told.append(replace(event, header=header, body=body, payload=payload))
        return told

    def wake(self) -> None:
        """Let every subscriber look again."""
        for cursor in self._cursors:
            cursor.moved.set()

    def cut(self) -> int:
        """Break every open stream; answers how many there were."""
        for cursor in self._cursors:
            cursor.cut = True
        self.wake()
        return len(self._cursors)

    def spend(self, count: int) -> None:
        """Count delivered events against the org's 24 hours."""
        self.delivered.append((self.org.clock.now(), count))

    def spent(self) -> int:
        """Events delivered to all subscribers in the last 24 hours."""
        since = self.org.clock.now() - timedelta(hours=24)
        self.delivered = [item for item in self.delivered if item[0] > since]
        return sum(count for _, count in self.delivered)


def changed_fields(change: Change) -> list[str]:
    """What an update changed, LastModifiedDate always among it, SystemModstamp never."""
    before, after = change.before, change.after
    names = [name for name in after if name != "SystemModstamp" and before.get(name) != after[name]]
    return [*names, *(["LastModifiedDate"] if "LastModifiedDate" not in names else [])]


def _diffs(sobject: SObject, change: Change, changed: Sequence[str]) -> dict[str, str]:
    """How each long text that was there before and is there still has changed."""
    found = {}
    for name in changed:
        field, before, after = sobject.find(name), change.before.get(name), change.after.get(name)
        if field and not field.filterable and isinstance(before, str) and isinstance(after, str):
            found[name] = "\n".join(unified_diff(before.splitlines(), after.splitlines(), lineterm=""))
    return found


def _body(sobject: SObject, record: Record, shown: set[str] | None) -> dict[str, object]:
    return {
        item.name: epoch_ms(record.get(item.name))
        for item in sobject.fields
        if item.in_events and (shown is None or item.name in shown)
    }


def _encode(sobject: SObject, schema: EventSchema, header: dict[str, object], body: dict[str, object]) -> bytes:
    names = {name: strings(header[name]) for name in ("changedFields", "nulledFields", "diffFields")}
    names["changedFields"] = [name for name in names["changedFields"] if name not in names["diffFields"]]
    bitmaps = {name: schema.bitmaps(listed) for name, listed in names.items()}
    return schema.encode(nested(sobject, body) | {"ChangeEventHeader": header | bitmaps})


def nested(sobject: SObject, body: dict[str, object]) -> dict[str, object]:
    """Compound fields as the nested records that the schema wants."""
    flat: dict[str, object] = {}
    inner: dict[str, dict[str, object]] = {}
    for item in sobject.fields:
        if item.compound and body.get(item.name) is not None:
            inner.setdefault(item.compound, {})[item.component] = body[item.name]
        elif not item.compound and item.name in body:
            flat[item.name] = body[item.name]
    return flat | inner


def strings(value: object) -> list[str]:
    """A header's list, as text."""
    return [str(item) for item in value] if isinstance(value, list) else []
