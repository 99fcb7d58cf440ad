"""What leaves for Xero: once, in time, whole, and nowhere else."""

import asyncio
import contextlib
import socket
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from xero_doubles import DROP, SILENT, TENANT, OpenGovernor, RawServer, TokensInMemory, answer, connected, permit

from worker.billing.model import DocumentType
from worker.limits import Limits
from worker.store.governor import Refused
from worker.xero.client import Method
from worker.xero.errors import Limited, NoAnswer
from worker.xero.transport import Deadline, Transport

EMPTY = {"Invoices": [], "pagination": {"page": 1, "pageCount": 1}}
WRITTEN = {"Invoices": [{"InvoiceID": "a" * 8 + "-0000-4000-8000-000000000001", "LineItems": []}]}
EVERY_WRITE: list[tuple[Method, DocumentType]] = [
    ("PUT", "ACCREC"),
    ("POST", "ACCREC"),
    ("PUT", "ACCRECCREDIT"),
    ("POST", "ACCRECCREDIT"),
]


async def test_the_server_of_these_tests_sees_aiohttp_repeat_a_dropped_put(server: RawServer) -> None:
    server.script = [DROP, DROP, DROP]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.put(f"{server.url}/Invoices", data=b"{}")
    assert len(server.requests) == 2


@pytest.mark.parametrize(("method", "kind"), EVERY_WRITE)
async def test_a_write_dropped_on_a_fresh_connection_arrives_once(
    server: RawServer, method: Method, kind: DocumentType
) -> None:
    server.script = [DROP, DROP, DROP]
    async with connected(server.url) as client:
        server.connections = 0
        outcome = await client.send(method, kind, b"{}", "key", permit=await permit(client))
    assert outcome.outcome == "unknown"
    assert [request.method for request in server.requests] == [method]


@pytest.mark.parametrize(("method", "kind"), EVERY_WRITE)
async def test_a_write_dropped_on_a_reused_connection_arrives_once(
    server: RawServer, method: Method, kind: DocumentType
) -> None:
    server.script = [answer(200, EMPTY), DROP, DROP, DROP]
    async with connected(server.url) as client:
        await client.invoices()
        outcome = await client.send(method, kind, b"{}", "key", permit=await permit(client))
    assert outcome.outcome == "unknown"
    assert [request.method for request in server.requests] == ["GET", method]
    assert len({request.connection for request in server.requests}) == 1


async def test_a_write_cut_off_in_the_middle_of_its_answer_is_unknown_and_not_repeated(server: RawServer) -> None:
    server.script = [answer(200, b'{"Invoices":[', Content_Length="1000") + b"x"]
    async with connected(server.url, limits=replace(Limits(), request=0.3)) as client:
        outcome = await client.send("PUT", "ACCREC", b"{}", "key", permit=await permit(client))
    assert outcome.outcome == "unknown"
    assert len(server.requests) == 1


async def test_redirects_are_not_followed(server: RawServer) -> None:
    server.script = [answer(307, Location="/elsewhere"), answer(200, WRITTEN)]
    async with connected(server.url) as client:
        outcome = await client.send("PUT", "ACCREC", b"{}", "key", permit=await permit(client))
    assert (outcome.outcome, outcome.status) == ("unknown", 307)
    assert len(server.requests) == 1


async def test_a_write_ends_after_its_time_and_its_socket_is_closed(server: RawServer) -> None:
    server.script = [SILENT]
    began = time.monotonic()
    async with connected(server.url, limits=replace(Limits(), request=0.2)) as client:
        outcome = await client.send("PUT", "ACCREC", b"{}", "key", permit=await permit(client))
        assert outcome.outcome == "unknown"
        assert time.monotonic() - began < 5
        await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_what_has_not_left_when_the_time_is_over_never_leaves() -> None:
    body = b"x" * 300_000  # fits into the buffers on our side, not into those of the server
    gate, received = asyncio.Event(), bytearray()
    done = asyncio.Event()

    async def late_reader(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(65536):
                received.extend(chunk)
        writer.close()
        done.set()

    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.bind(("127.0.0.1", 0))
    stalled = await asyncio.start_server(late_reader, sock=listening, limit=65536)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with stalled, Transport() as transport:
        with pytest.raises(NoAnswer):
            await transport.request("PUT", url, deadline=Deadline(total=0.3, connect=0.3), headers={}, body=body)
        gate.set()
        await asyncio.wait_for(done.wait(), 10)
    assert len(received) < len(body)


async def test_nothing_listening_means_not_sent_and_the_permit_is_given_back(server: RawServer) -> None:
    governor = OpenGovernor()
    server.give_connections = lambda _: answer(200, [{"tenantId": TENANT}], Connection="close")
    async with connected(server.url, governor=governor) as client:
        admitted = await permit(client)
        await server.close()
        outcome = await client.send("PUT", "ACCREC", b"{}", "key", permit=admitted)
    assert outcome.outcome == "not-sent"
    assert "cannot be reached" in outcome.problem
    assert governor.given_back == ["permit-1"]
    assert governor.ended == []


async def test_bytes_that_could_not_leave_in_time_do_not_leave_at_all(server: RawServer) -> None:
    governor = OpenGovernor()
    server.script = [answer(401, {"Detail": "TokenExpired: token expired"}), answer(200, WRITTEN)]
    async with connected(server.url, governor=governor) as client:
        refused = await client.send("PUT", "ACCREC", b"{}", "key", permit=await permit(client))
        late = await permit(client)
        server.give_token = lambda _: SILENT
        outcome = await client.send("PUT", "ACCREC", b"{}", "key", permit=late, within=0.0)
    assert (refused.outcome, outcome.outcome) == ("auth", "not-sent")
    assert len(server.requests) == 1
    assert governor.given_back == ["permit-2"]


async def test_a_write_says_what_xero_needs_to_know_and_sends_the_bytes_as_they_are(server: RawServer) -> None:
    server.script = [answer(200, WRITTEN)]
    body = b'{"Invoices":[{"UnitAmount":100.1230}]}'
    async with connected(server.url) as client:
        await client.send("PUT", "ACCREC", body, "01JDK0000000000000000000AA", permit=await permit(client))
    sent = server.requests[0]
    assert sent.body == body
    assert urlsplit(sent.target).path == "/api.xro/2.0/Invoices"
    assert parse_qs(urlsplit(sent.target).query) == {"summarizeErrors": ["false"], "unitdp": ["4"]}
    assert sent.headers["authorization"] == "Bearer first"
    assert sent.headers["idempotency-key"] == "01JDK0000000000000000000AA"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept"] == "application/json"
    assert "xero-tenant-id" not in sent.headers


async def test_calls_name_the_company_where_a_person_signed_in(server: RawServer) -> None:
    server.script = [answer(200, EMPTY)]
    tokens = TokensInMemory([{"access_token": "t", "expires_at": time.time() + 900, "refresh_token": "r"}])
    async with connected(server.url, tokens=tokens, grant="authorization_code") as client:
        await client.invoices()
    assert server.requests[0].headers["xero-tenant-id"] == TENANT


async def test_lists_of_invoices_are_always_paged_and_to_four_decimals(server: RawServer) -> None:
    server.script = [answer(200, EMPTY)] * 4
    moment = datetime(2026, 11, 25, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=13)))
    async with connected(server.url) as client:
        await client.invoices(page=3, modified_since=moment, created_by_my_app=True)
        await client.invoices(ids=["a", "b", "a"])
        await client.invoices(numbers=["TT-00001"])
    queries = [parse_qs(urlsplit(request.target).query) for request in server.requests]
    paged = {"page": ["1"], "pageSize": ["100"], "unitdp": ["4"]}
    assert queries == [
        paged | {"page": ["3"], "createdByMyApp": ["true"]},
        paged | {"IDs": ["a,b"]},
        paged | {"InvoiceNumbers": ["TT-00001"]},
    ]
    assert server.requests[0].headers["if-modified-since"] == "2026-11-24T14:04:05"


async def test_looking_up_nothing_asks_nothing(server: RawServer) -> None:
    async with connected(server.url) as client:
        page = await client.invoices(ids=[])
        assert (await client.contacts_by_id([])).items == ()
    assert (page.items, page.more, server.requests) == ((), False, [])


async def test_many_ids_are_asked_for_in_several_calls(server: RawServer) -> None:
    server.script = [answer(200, EMPTY)] * 3
    async with connected(server.url) as client:
        await client.invoices(ids=[f"id-{number}" for number in range(101)])
    asked = [parse_qs(urlsplit(request.target).query)["IDs"][0].split(",") for request in server.requests]
    assert [len(ids) for ids in asked] == [50, 50, 1]


async def test_contacts_come_archived_ones_included_and_never_in_summary(server: RawServer) -> None:
    server.script = [answer(200, {"Contacts": []})]
    async with connected(server.url) as client:
        page = await client.contacts()
    query = parse_qs(urlsplit(server.requests[0].target).query)
    assert query == {"page": ["1"], "pageSize": ["100"], "includeArchived": ["true"]}
    assert page.date == "2026-11-25T03:04:05Z"


async def test_a_read_that_was_dropped_is_tried_once_more_under_a_permit_of_its_own(server: RawServer) -> None:
    governor = OpenGovernor()
    server.script = [DROP, answer(200, EMPTY)]
    async with connected(server.url, governor=governor) as client:
        await client.invoices()
    assert len(server.requests) == len(governor.admitted) == len(governor.ended) == 2


async def test_a_read_dropped_twice_has_failed(server: RawServer) -> None:
    server.script = [DROP, DROP, answer(200, EMPTY)]
    async with connected(server.url) as client:
        with pytest.raises(NoAnswer, match="dropped"):
            await client.invoices()
    assert len(server.requests) == 2


async def test_a_read_that_took_too_long_is_not_repeated(server: RawServer) -> None:
    server.script = [SILENT, answer(200, EMPTY)]
    async with connected(server.url, limits=replace(Limits(), read_request=0.3)) as client:
        with pytest.raises(NoAnswer):
            await client.invoices()
    assert len(server.requests) == 1


async def test_the_governor_hears_what_every_answer_says_about_the_limits(server: RawServer) -> None:
    governor = OpenGovernor()
    limits = {"X_MinLimit_Remaining": "59", "X_DayLimit_Remaining": "4999", "X_AppMinLimit_Remaining": "9876"}
    server.script = [
        answer(200, EMPTY, **limits),
        answer(429, X_Rate_Limit_Problem="minute", Retry_After="26", X_MinLimit_Remaining="0"),
        DROP,
    ]
    async with connected(server.url, governor=governor) as client:
        await client.invoices()
        limited = await client.send("PUT", "ACCREC", b"{}", "key", permit=await permit(client))
        await client.send("PUT", "ACCREC", b"{}", "key", permit=await permit(client))
    assert governor.ended == [
        {"permit": "permit-1", "min": 59, "day": 4999, "problem": "", "after": None, "app": 9876},
        {"permit": "permit-2", "min": 0, "day": None, "problem": "minute", "after": 26.0},
        {"permit": "permit-3", "min": None, "day": None, "problem": "", "after": None},
    ]
    assert (limited.outcome, limited.problem, limited.retry_after) == ("limited", "minute", 26.0)


async def test_a_read_does_not_wait_unless_told_to(server: RawServer) -> None:
    governor = OpenGovernor(refusals=[Refused(0.05, "behind"), Refused(0.05, "behind")])
    server.script = [answer(200, EMPTY)]
    async with connected(server.url, governor=governor) as client:
        with pytest.raises(Limited) as refused:
            await client.invoices()
        assert (refused.value.wait, refused.value.why, server.requests) == (0.05, "behind", [])
        assert (await client.invoices(patience=20)).items == ()


async def test_a_read_told_to_wait_longer_than_its_patience_says_how_long(server: RawServer) -> None:
    server.script = [answer(429, X_Rate_Limit_Problem="day", Retry_After="7200")]
    async with connected(server.url) as client:
        with pytest.raises(Limited) as refused:
            await client.contacts(patience=5)
    assert (refused.value.wait, refused.value.why) == (7200, "day")


async def test_an_answer_is_not_lost_when_the_governor_cannot_be_told(server: RawServer) -> None:
    class Deaf(OpenGovernor):
        async def answered(self, permit: str, **_: object) -> None:
            raise ConnectionError("Redis is away")

    server.script = [answer(200, WRITTEN)]
    async with connected(server.url, governor=Deaf()) as client:
        outcome = await client.send("PUT", "ACCREC", b"{}", "key", permit=await permit(client))
    assert outcome.outcome == "answered"
