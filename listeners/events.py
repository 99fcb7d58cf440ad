"""A change event, whichever door it came through. Pure parsing: nothing here waits or remembers.

An event is a hint that records changed. What is billed is read from Salesforce afterwards, so of an event only its
header matters (Salesforce: Change Data Capture, ChangeEventHeader).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from listeners.avro import EventSchema, Undecodable
from worker.salesforce.ids import id18, is_id

Kind = Literal["normal", "gap", "overflow", "wildcard"]

CLIENT = "hourstream"  # what our writes carry in Sforce-Call-Options
STAMPS = frozenset({"lastmodifieddate", "lastmodifiedbyid", "systemmodstamp"})
NOBODY = "0" * 15  # the record id of an overflow event
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """What a change event says about which records changed.

    `changed` holds names of changed, emptied and differing fields; `committed_at` is None when the header has no usable
    time. `kind` other than "normal" means that `record_ids` may not name everything that changed: a "gap" is somewhere
    since the last event, "overflow" is a transaction's remainder, a "wildcard" stands for any records of the object.
    """

    entity: str
    record_ids: tuple[str, ...]
    change: str
    kind: Kind
    origin: str
    client: str
    changed: frozenset[str]
    committed_at: datetime | None
    transaction: str
    sequence: int
    replay: str


def unit_id(sobject: str, record: str) -> str:
    """The unit that a record is billed as; a record has one component."""
    return f"{sobject}:{id18(record)}#0"


def repeats_replay_ids(channel: str) -> bool:
    """Whether several events of the channel may share a replay id: enriched ones do, and only these channels enrich."""
    return channel.endswith("__chn") or channel == "/data/ChangeEvents"


def avro_event(payload: bytes, schema: EventSchema, replay: str) -> ChangeEvent:
    """The event in a Pub/Sub payload written with `schema`. Raises `Undecodable`."""
    return change_event(schema.decode(payload).get("ChangeEventHeader"), replay, schema.names)


def change_event(header: Any, replay: str, names: Callable[[Iterable[str]], frozenset[str]] = frozenset) -> ChangeEvent:
    """The event that `header` describes; `names` reads the header's lists of fields. Raises `Undecodable`."""
    if not isinstance(header, Mapping):
        raise Undecodable("An event has no ChangeEventHeader.")
    entity, change = header.get("entityName"), header.get("changeType")
    if not (isinstance(entity, str) and entity and isinstance(change, str) and change):
        raise Undecodable("An event's header names no entity or no kind of change.")
    ids, shape = _record_ids(header.get("recordIds"))
    origin = header.get("changeOrigin")
    origin = origin if isinstance(origin, str) else ""
    lists = (header.get(name) for name in ("changedFields", "nulledFields", "diffFields"))
    sequence = header.get("sequenceNumber")
    return ChangeEvent(
        entity=entity,
        record_ids=ids,
        change=change,
        kind=_kind(change, shape),
        origin=origin,
        client=_client(origin),
        changed=names([text for each in lists for text in _texts(each)]),
        committed_at=_time(header.get("commitTimestamp")),
        transaction=str(header.get("transactionKey") or ""),
        sequence=sequence if isinstance(sequence, int) else 0,
        replay=replay,
    )


def is_echo(event: ChangeEvent, write_back: Iterable[str]) -> bool:
    """Whether the event only tells of our own write back: our client name, and nothing changed but what we write."""
    if event.change != "UPDATE" or event.kind != "normal" or event.client != CLIENT or not event.changed:
        return False
    return {name.lower() for name in event.changed} <= STAMPS | {name.lower() for name in write_back}


def concerns(event: ChangeEvent, sobject: str) -> bool:
    """Whether the event is about the object we listen for: a channel may carry several."""
    return event.entity.lower() == sobject.lower()


def _record_ids(listed: Any) -> tuple[tuple[str, ...], Kind]:
    """The proper ids in their long form, and what the others amount to: a pattern (`001*`), or a gap."""
    texts = _texts(listed)
    usable = [each for each in texts if is_id(each)]
    named = tuple(dict.fromkeys(id18(each) for each in usable if each[:15] != NOBODY))
    if any(each.endswith("*") for each in texts):
        return named, "wildcard"
    return named, "normal" if named and isinstance(listed, list) and len(usable) == len(listed) else "gap"


def _kind(change: str, shape: Kind) -> Kind:
    if change == "GAP_OVERFLOW":
        return "overflow"
    return "gap" if change.startswith("GAP_") else shape


def _client(origin: str) -> str:
    """`com/salesforce/api/rest/67.0;client=hourstream` → `hourstream`."""
    options = (part.strip() for part in origin.split(";")[1:])
    return next((part[len("client=") :].rstrip("/") for part in options if part.startswith("client=")), "")


def _texts(listed: Any) -> list[str]:
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []


def _time(milliseconds: Any) -> datetime | None:
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool) or milliseconds <= 0:
        return None
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
