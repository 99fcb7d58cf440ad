from pathlib import Path

import grpc
import pytest
from salesforce_support import ENTRIES, Control, Salesforce, Subscription, eventually

from eventbus import pubsub_api_pb2 as pb
from eventbus import pubsub_api_pb2_grpc as rpc
from sandbox.clock import Clock

EARLIEST, CUSTOM = pb.EARLIEST, pb.CUSTOM
INVALID = grpc.StatusCode.INVALID_ARGUMENT
PREFIX = "sfdc.platform.eventbus.grpc."


async def _subscribed(salesforce: Salesforce, count: int = 1) -> None:
    await eventually(lambda: salesforce.sandbox.salesforce.bus.subscribers == count)


async def test_the_wire_names_the_preset_custom_2() -> None:
    assert (pb.LATEST, pb.EARLIEST, pb.CUSTOM) == (0, 1, 2)


async def test_a_created_record_arrives_with_all_its_fields_and_the_clients_name(salesforce: Salesforce) -> None:
    salesforce.headers["Sforce-Call-Options"] = "client=hourstream"
    async with salesforce.subscription(replay_preset=EARLIEST) as subscription:
        entry = await salesforce.create(Hours__c=2.5, Work_Date__c="2026-11-25", Description__c="Ünïcode")
        [event] = await subscription.events(1)
    header, body = event["header"], event["body"]
    assert header["recordIds"] == [entry]
    assert header["entityName"] == "TimeEntry__c"
    assert (header["changeType"], header["changedFields"]) == ("CREATE", [])
    assert header["changeOrigin"] == "com/salesforce/api/rest/67.0;client=hourstream"
    assert header["sequenceNumber"] == 1
    assert (body["Hours__c"], body["Description__c"], body["Billable__c"]) == (2.5, "Ünïcode", False)
    assert body["Work_Date__c"] == 1_795_564_800_000
    assert {"Id", "SystemModstamp", "IsDeleted"}.isdisjoint(body)
    assert len(event["replay_id"]) == 10


async def test_an_update_names_what_changed_and_leaves_the_rest_null(salesforce: Salesforce) -> None:
    entry = await salesforce.create(Hours__c=1, Status__c="Draft", Description__c="old")
    async with salesforce.subscription() as subscription:
        await _subscribed(salesforce)
        await salesforce.call("PATCH", f"/sobjects/TimeEntry__c/{entry}", {"Hours__c": 3, "Description__c": None})
        [event] = await subscription.events(1)
    assert {"Hours__c", "Description__c", "LastModifiedDate"} == set(event["changed"])
    assert event["nulled"] == ["Description__c"]
    assert (event["body"]["Hours__c"], event["body"]["Status__c"]) == (3.0, None)


async def test_deletes_and_undeletes_are_told(salesforce: Salesforce, control: Control) -> None:
    entry = await salesforce.create(Hours__c=1)
    await salesforce.call("DELETE", f"/sobjects/TimeEntry__c/{entry}")
    await control.post("/salesforce/records", action="undelete", ids=[entry])
    async with salesforce.subscription(replay_preset=EARLIEST) as subscription:
        events = await subscription.events(3)
    assert [event["header"]["changeType"] for event in events] == ["CREATE", "DELETE", "UNDELETE"]
    assert [event["body"]["Hours__c"] for event in events] == [1.0, None, 1.0]


async def test_the_same_change_of_several_records_in_one_call_is_one_event(salesforce: Salesforce) -> None:
    entries = [await salesforce.create(Hours__c=1) for _ in range(3)]
    async with salesforce.subscription() as subscription:
        await _subscribed(salesforce)
        records = [{"attributes": {"type": "TimeEntry__c"}, "id": entry, "Status__c": "Approved"} for entry in entries]
        records[2]["Status__c"] = "Rejected"
        await salesforce.call("PATCH", "/composite/sobjects", {"records": records})
        one, two = await subscription.events(2)
    assert (one["header"]["recordIds"], two["header"]["recordIds"]) == (entries[:2], entries[2:])
    assert one["header"]["transactionKey"] == two["header"]["transactionKey"]
    assert [event["header"]["sequenceNumber"] for event in (one, two)] == [1, 2]


async def test_objects_are_told_of_only_where_selected_on_their_channel_and_the_common_one(
    salesforce: Salesforce, control: Control
) -> None:
    async with salesforce.subscription(topic_name="/data/Project__ChangeEvent") as subscription:
        assert await subscription.failure() == (
            grpc.StatusCode.NOT_FOUND,
            PREFIX + "subscription.fetch.topic.not.found",
        )
    await control.post("/salesforce/switches", cdc_objects=["Project__c", "Account"])
    async with salesforce.subscription(topic_name="/data/ChangeEvents") as subscription:
        await _subscribed(salesforce)
        await salesforce.create()
        await salesforce.create("Project__c", Name="P")
        await salesforce.create("Account", Name="A", BillingStreet="1 High Street")
        events = await subscription.events(2)
    assert [event["header"]["entityName"] for event in events] == ["Project__c", "Account"]
    assert events[1]["body"]["BillingAddress"]["Street"] == "1 High Street"


async def test_an_enriched_channel_tells_of_each_record_under_one_replay_id(
    salesforce: Salesforce, control: Control
) -> None:
    channel = "/data/Time__chn"
    custom = {channel: {"objects": ["TimeEntry__c"], "enriched": ["Hours__c"]}}
    await control.post("/salesforce/switches", cdc_objects=[], channels=custom)
    entries = [await salesforce.create(Hours__c=number) for number in (1, 2)]
    await control.post("/clock", advance=2)  # the time of the last change moves for both, so both changes are the same
    records = [{"attributes": {"type": "TimeEntry__c"}, "id": entry, "Status__c": "Approved"} for entry in entries]
    await salesforce.call("PATCH", "/composite/sobjects", {"records": records})
    async with salesforce.subscription(3, topic_name=channel, replay_preset=EARLIEST) as subscription:
        *_, one = await subscription.events(3)
        await subscription.ask(1)
        [two] = await subscription.events(1)
    assert [event["header"]["recordIds"] for event in (one, two)] == [[entries[0]], [entries[1]]]
    assert one["replay_id"] == two["replay_id"]
    assert [event["body"]["Hours__c"] for event in (one, two)] == [1.0, 2.0]
    assert set(one["changed"]) <= {"Status__c", "LastModifiedDate"}


async def test_no_more_events_come_than_were_asked_for(salesforce: Salesforce) -> None:
    for _ in range(5):
        await salesforce.create()
    async with salesforce.subscription(2, replay_preset=EARLIEST) as subscription:
        first = await subscription.answer()
        assert (len(first.events), first.pending_num_requested) == (2, 0)
        await subscription.ask(1)
        second = await subscription.answer()
        assert (len(second.events), second.pending_num_requested) == (1, 0)
        await subscription.ask(500)
        third = await subscription.answer()
        assert (len(third.events), third.pending_num_requested) == (2, 98)


async def test_a_position_resumes_after_its_event(salesforce: Salesforce) -> None:
    entries = [await salesforce.create() for _ in range(3)]
    async with salesforce.subscription(replay_preset=EARLIEST) as subscription:
        first = (await subscription.events(3))[0]
    async with salesforce.subscription(replay_preset=CUSTOM, replay_id=first["replay_id"]) as subscription:
        rest = await subscription.events(2)
    assert [event["header"]["recordIds"][0] for event in rest] == entries[1:]


async def test_a_quiet_stream_is_kept_alive_with_a_position_that_works(
    salesforce: Salesforce, control: Control
) -> None:
    async with salesforce.subscription() as subscription:
        await _subscribed(salesforce)
        await control.post("/clock", advance=61)
        keepalive = await subscription.answer()
    assert (list(keepalive.events), keepalive.pending_num_requested) == ([], 100)
    entry = await salesforce.create()
    async with salesforce.subscription(replay_preset=CUSTOM, replay_id=keepalive.latest_replay_id) as subscription:
        [event] = await subscription.events(1)
    assert event["header"]["recordIds"] == [entry]


async def test_a_stream_that_asks_for_nothing_more_is_closed(salesforce: Salesforce, control: Control) -> None:
    await salesforce.create()
    async with salesforce.subscription(1, replay_preset=EARLIEST) as subscription:
        await subscription.answer()
        await control.post("/clock", advance=61)
        assert await subscription.answer() is grpc.aio.EOF


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"num": 0}, "subscription.fetch.requested.events.invalid"),
        ({"replay_preset": CUSTOM}, "subscription.fetch.replayid.validation.failed"),
        ({"replay_preset": CUSTOM, "replay_id": b"\x00" * 10}, "subscription.fetch.replayid.corrupted"),
        ({"replay_preset": CUSTOM, "replay_id": b"nonsense"}, "subscription.fetch.replayid.corrupted"),
    ],
)
async def test_bad_requests_are_told_apart_by_trailer(
    salesforce: Salesforce, request_: dict[str, object], code: str
) -> None:
    async with salesforce.subscription(**request_) as subscription:  # type: ignore[arg-type]
        assert await subscription.failure() == (INVALID, PREFIX + code)


async def test_a_position_older_than_72_hours_is_invalid_and_its_events_are_gone(
    salesforce: Salesforce, control: Control
) -> None:
    await salesforce.create()
    async with salesforce.subscription(replay_preset=EARLIEST) as subscription:
        [event] = await subscription.events(1)
    await _subscribed(salesforce, 0)
    await control.post("/clock", advance=73 * 3600)
    await salesforce.login()
    async with salesforce.subscription(replay_preset=CUSTOM, replay_id=event["replay_id"]) as subscription:
        assert (await subscription.failure())[1].endswith("replayid.corrupted")
    entry = await salesforce.create()
    async with salesforce.subscription(replay_preset=EARLIEST) as subscription:
        [event] = await subscription.events(1)
    assert event["header"]["recordIds"] == [entry]


async def test_the_topic_of_a_stream_cannot_change(salesforce: Salesforce) -> None:
    async with salesforce.subscription(1) as subscription:
        await subscription.ask(1, topic_name="/data/TimeSheetEntryChangeEvent")
        assert (await subscription.failure())[0] is INVALID


async def test_a_stream_outlives_its_token_but_other_calls_need_a_live_one(
    salesforce: Salesforce, control: Control
) -> None:
    async with salesforce.subscription() as subscription:
        await _subscribed(salesforce)
        await control.post("/salesforce/sessions")
        await control.post("/salesforce/records", action="insert", records=[{"Hours__c": 1}])
        answer = await subscription.answer()
        assert len(answer.events) == 1
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await subscription.decode(answer.events[0])
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    async with salesforce.subscription() as again:
        assert await again.failure() == (grpc.StatusCode.UNAUTHENTICATED, PREFIX + "service.auth.error")


async def test_a_wrong_tenant_or_instance_is_an_authentication_error(salesforce: Salesforce) -> None:
    wrong = [("tenantid", "00D000000000000AAA"), ("instanceurl", "http://127.0.0.1:1")]
    async with salesforce.pubsub() as stub:
        for name, value in wrong:
            metadata = tuple((dict(salesforce.metadata()) | {name: value}).items())
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.GetTopic(pb.TopicRequest(topic_name=ENTRIES), metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_topic_says_its_schema_and_publishing_is_not_offered(salesforce: Salesforce) -> None:
    async with salesforce.pubsub() as stub:
        topic = await stub.GetTopic(pb.TopicRequest(topic_name=ENTRIES), metadata=salesforce.metadata())
        assert (topic.can_subscribe, topic.can_publish) == (True, False)
        request = pb.SchemaRequest(schema_id=topic.schema_id)
        schema = await stub.GetSchema(request, metadata=salesforce.metadata())
        assert '"name":"TimeEntry__ChangeEvent"' in schema.schema_json
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Publish(pb.PublishRequest(topic_name=ENTRIES), metadata=salesforce.metadata())
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await stub.GetSchema(pb.SchemaRequest(schema_id="nope"), metadata=salesforce.metadata())
        assert unknown.value.code() is INVALID


async def test_a_new_field_makes_a_new_schema_and_old_events_keep_theirs(
    salesforce: Salesforce, control: Control
) -> None:
    await salesforce.create(Hours__c=1)
    new = {"sobject": "TimeEntry__c", "name": "Phase__c", "type": "string", "length": 40}
    await control.post("/salesforce/switches", extra_fields=[new])
    await salesforce.create(Hours__c=2, Phase__c="Design")
    async with salesforce.subscription(replay_preset=EARLIEST) as subscription:
        old, fresh = await subscription.events(2)
    assert "Phase__c" not in old["body"]
    assert fresh["body"]["Phase__c"] == "Design"


async def test_without_view_all_a_single_channel_is_refused(salesforce: Salesforce, control: Control) -> None:
    await control.post("/salesforce/switches", view_all=False)
    async with salesforce.subscription() as subscription:
        assert (await subscription.failure())[0] is grpc.StatusCode.PERMISSION_DENIED


async def test_the_daily_allocation_of_delivered_events_ends(salesforce: Salesforce, control: Control) -> None:
    await control.post("/salesforce/switches", daily_events=1)
    for _ in range(2):
        await salesforce.create()
    async with salesforce.subscription(1, replay_preset=EARLIEST) as subscription:
        await subscription.answer()
        await subscription.ask(1)
        assert (await subscription.failure())[1] == PREFIX + "subscription.limit.exceeded"


async def test_the_stream_can_be_scripted(salesforce: Salesforce, control: Control) -> None:
    entry = await salesforce.create()
    async with salesforce.subscription(replay_preset=EARLIEST) as subscription:
        [first] = await subscription.events(1)
        await control.post("/salesforce/stream", action="duplicate-last")
        [again] = await subscription.events(1)
        assert again["replay_id"] == first["replay_id"]
        await control.post("/salesforce/stream", action="gap", ids=[entry])
        await control.post("/salesforce/stream", action="overflow")
        await control.post("/salesforce/stream", action="wildcard")
        gap, overflow, wildcard = await subscription.events(3)
        assert (gap["header"]["changeType"], gap["header"]["recordIds"]) == ("GAP_UPDATE", [entry])
        assert overflow["header"]["changeType"] == "GAP_OVERFLOW"
        assert overflow["header"]["recordIds"] == ["000000000000000AAA"]
        assert wildcard["header"]["recordIds"] == ["a00*"]
        await control.post("/salesforce/stream", action="undecodable")
        await salesforce.create()
        broken = await subscription.answer()
        with pytest.raises((EOFError, ValueError, IndexError)):
            await subscription.decode(broken.events[0])
        await control.post("/salesforce/stream", action="break")
        assert await subscription.failure() == (grpc.StatusCode.UNAVAILABLE, PREFIX + "service.unavailable")
    await control.post("/salesforce/stream", action="expire-before")
    async with salesforce.subscription(replay_preset=CUSTOM, replay_id=gap["replay_id"]) as subscription:
        assert (await subscription.failure())[1].endswith("replayid.corrupted")


async def test_a_silent_stream_says_nothing_until_it_speaks_again(salesforce: Salesforce, control: Control) -> None:
    await control.post("/salesforce/stream", action="silence")
    async with salesforce.subscription() as subscription:
        await _subscribed(salesforce)
        entry = await salesforce.create()
        await control.post("/clock", advance=300)
        await control.post("/salesforce/stream", action="speak")
        answer = await subscription.answer()
        assert (await subscription.decode(answer.events[0]))["header"]["recordIds"] == [entry]


async def test_faults_reach_the_grpc_methods(salesforce: Salesforce, control: Control) -> None:
    fault = {"method": "GRPC", "path": ".*/Subscribe", "kind": "status", "status": 14}
    await control.post("/salesforce/faults", **fault, body="service.unavailable")
    async with salesforce.subscription() as subscription:
        assert await subscription.failure() == (grpc.StatusCode.UNAVAILABLE, PREFIX + "service.unavailable")
    async with salesforce.subscription(replay_preset=EARLIEST) as subscription:
        await salesforce.create()
        assert len((await subscription.answer()).events) == 1


async def test_waits_shrink_with_the_time_scale(salesforce: Salesforce, control: Control) -> None:
    clock: Clock = salesforce.sandbox.clock
    await control.post("/clock", scale=600)
    assert clock.seconds(60) == 0.1
    async with salesforce.subscription() as subscription:
        assert list((await subscription.answer()).events) == []


async def test_tls_is_served_with_the_printed_certificate(salesforce: Salesforce) -> None:
    environment = salesforce.sandbox.environment
    credentials = grpc.ssl_channel_credentials(Path(environment["SANDBOX_PUBSUB_CA_FILE"]).read_bytes())
    entry = await salesforce.create()
    async with grpc.aio.secure_channel(environment["SANDBOX_PUBSUB_TLS_TARGET"], credentials) as channel:
        stub = rpc.PubSubStub(channel)
        stream = stub.Subscribe(metadata=salesforce.metadata())
        subscription = Subscription(stub, stream, salesforce)
        await subscription.ask(1, topic_name=ENTRIES, replay_preset=EARLIEST)
        [event] = await subscription.events(1)
        stream.cancel()
    assert event["header"]["recordIds"] == [entry]
