"""Change events are parsed whatever is in them, and an echo is only what certainly is one."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listeners.avro import EventSchema, SchemaUnreadable, Undecodable
from listeners.events import ChangeEvent, avro_event, change_event, concerns, is_echo, repeats_replay_ids, unit_id
from tests.listeners.bus import FIELDS, HEADER, SCHEMA, bitmap, payload

TIME_ENTRY = EventSchema("schema-1", SCHEMA)
ADDRESS = {"type": "record", "name": "Address", "fields": [{"name": n, "type": "string"} for n in ("Street", "City")]}
COMPOUND = EventSchema(
    "compound",
    json.dumps(
        {
            "type": "record",
            "name": "AccountChangeEvent",
            "namespace": "com.example",
            "fields": [
                {"name": "ChangeEventHeader", "type": HEADER},
                {"name": "Name", "type": ["null", "string"]},
                {"name": "Billing", "type": ["null", "string", ADDRESS]},
                {"name": "Shipping", "type": ["null", "com.example.Address"]},
                {"name": "LastModifiedDate", "type": ["null", "long"]},
            ],
        }
    ),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
HEADER_FIELDS = [str(each["name"]) for each in HEADER["fields"]]  # type: ignore[index]
HEADERS = st.dictionaries(st.sampled_from(HEADER_FIELDS), ANYTHING, max_size=12)


def event(**header: Any) -> ChangeEvent:
    return avro_event(payload(**header), TIME_ENTRY, "position")


def test_an_event_says_which_records_changed_and_when() -> None:
    found = event(recordIds=["a00000000000001AAA", "a00000000000002AAA"], transactionKey="tx-7", sequenceNumber=3)
    assert found.record_ids == ("a00000000000001AAA", "a00000000000002AAA")
    assert (found.entity, found.change, found.kind) == ("TimeEntry__c", "CREATE", "normal")
    assert (found.transaction, found.sequence, found.replay) == ("tx-7", 3, "position")
    assert found.committed_at == datetime(2026, 11, 5, 10, tzinfo=UTC)
    assert found.client == "SfdcInternalAPI"


def test_short_record_ids_become_long_ones() -> None:
    assert event(recordIds=["001A0000006Vm9r"]).record_ids == ("001A0000006Vm9rIAC",)
    assert unit_id("TimeEntry__c", "001A0000006Vm9r") == "TimeEntry__c:001A0000006Vm9rIAC#0"


@pytest.mark.parametrize(
    ("change", "ids", "kind", "named"),
    [
        ("GAP_UPDATE", ["a00000000000001AAA"], "gap", 1),
        ("GAP_DELETE", [], "gap", 0),
        ("GAP_OVERFLOW", ["000000000000000AAA"], "overflow", 0),
        ("UPDATE", ["a00*"], "wildcard", 0),
        ("UPDATE", ["a00000000000001AAA", "a00*"], "wildcard", 1),
        ("UPDATE", [], "gap", 0),
        ("UPDATE", ["not an id"], "gap", 0),
        ("UPDATE", ["a00000000000001AAA", "?"], "gap", 1),
        ("DELETE", ["a00000000000001AAA"], "normal", 1),
    ],
)
def test_an_event_that_does_not_name_all_that_changed_says_so(
    change: str, ids: list[str], kind: str, named: int
) -> None:
    found = event(changeType=change, recordIds=ids)
    assert (found.kind, len(found.record_ids)) == (kind, named)


def test_bitmaps_name_fields_of_the_event_s_own_schema() -> None:
    names = event(changeType="UPDATE", changedFields=bitmap("Hours__c", "LastModifiedDate")).changed
    assert names == {"Hours__c", "LastModifiedDate"}


def test_emptied_and_differing_fields_count_as_changed() -> None:
    found = event(changeType="UPDATE", nulledFields=bitmap("Hours__c"), diffFields=bitmap("Billed__c"))
    assert found.changed == {"Hours__c", "Billed__c"}


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["0x10", "2-0x01"], {"LastModifiedDate", "Billing.Street"}),
        (["3-0x03"], {"Shipping.Street", "Shipping.City"}),
        (["0x0"], set()),
        (["1-0x01"], {"Name.#0"}),
        (["77-0x01"], {"#77.#0"}),
        (["0x40"], {"#6"}),
        (["LastModifiedDate"], {"LastModifiedDate"}),
        (["0xzz", ""], {"0xzz", ""}),
    ],
)
def test_bitmaps_reach_into_compound_fields_and_never_fail(texts: list[str], names: set[str]) -> None:
    assert COMPOUND.names(texts) == names


@given(st.lists(st.text() | st.from_regex(r"(\d{1,3}-)?0x[0-9a-fA-F]{1,40}", fullmatch=True)))
def test_any_text_in_the_place_of_a_bitmap_gives_names(texts: list[str]) -> None:
    assert all(isinstance(name, str) for name in COMPOUND.names(texts))


@given(st.sets(st.sampled_from(FIELDS)))
def test_a_bitmap_of_some_fields_names_exactly_those(names: set[str]) -> None:
    assert TIME_ENTRY.names(bitmap(*names)) == names


@given(HEADERS | ANYTHING)
def test_any_header_is_parsed_or_refused(header: Any) -> None:
    try:
        found = change_event(header, "position")
    except Undecodable:
        return
    assert found.kind in ("normal", "gap", "overflow", "wildcard")
    assert all(len(record) == 18 for record in found.record_ids)


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(raw: bytes) -> None:
    try:
        found = avro_event(raw, TIME_ENTRY, "position")
    except Undecodable:
        return
    assert found.entity


@given(st.binary(min_size=1, max_size=20))
def test_bytes_beyond_the_event_are_refused(more: bytes) -> None:
    with pytest.raises(Undecodable):
        avro_event(payload() + more, TIME_ENTRY, "position")


@given(st.text() | ANYTHING.map(lambda value: json.dumps(value, default=repr)))
def test_any_schema_is_understood_or_refused(text: str) -> None:
    try:
        EventSchema("schema-1", text)
    except SchemaUnreadable:
        return


OURS = "com/salesforce/api/rest/67.0;client=hourstream"


def update(*names: str, origin: str = OURS, **header: Any) -> ChangeEvent:
    return event(**({"changeType": "UPDATE", "changeOrigin": origin, "changedFields": bitmap(*names)} | header))


def test_our_own_write_back_is_an_echo() -> None:
    assert is_echo(update("Billed__c", "LastModifiedDate"), ["billed__C"])
    assert is_echo(update("Billed__c", origin=OURS + "/"), ["Billed__c"])


@pytest.mark.parametrize(
    "other",
    [
        update("Billed__c", "Hours__c"),
        update("Billed__c", origin="com/salesforce/api/rest/67.0;client=another"),
        update("Billed__c", origin="com/salesforce/api/rest/67.0"),
        update("Billed__c", changeType="CREATE"),
        update("Billed__c", changeType="GAP_UPDATE"),
        update("Billed__c", recordIds=["a00*"]),
        update("Billed__c", nulledFields=bitmap("Hours__c")),
        update("Billed__c", diffFields=bitmap("Hours__c")),
        update("Billed__c", changedFields=["0x8004"]),
        update("Billed__c", changedFields=[]),
    ],
    ids=lambda found: f"{found.change} {found.client} {sorted(found.changed)}",
)
def test_whatever_may_be_more_than_our_write_back_is_no_echo(other: ChangeEvent) -> None:
    assert not is_echo(other, ["Billed__c"])


def test_a_channel_may_carry_other_objects_and_repeat_replay_ids() -> None:
    assert concerns(event(), "timeentry__c")
    assert not concerns(event(entityName="Account"), "TimeEntry__c")
    assert repeats_replay_ids("/data/Time__chn")
    assert repeats_replay_ids("/data/ChangeEvents")
    assert not repeats_replay_ids("/data/TimeEntry__ChangeEvent")
