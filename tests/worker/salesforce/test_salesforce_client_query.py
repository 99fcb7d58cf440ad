"""Reading: pages, chunks, and what is done about each kind of failure."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from aiohttp import web
from salesforce_wire import LIMITS, Org, dropped, html, in_turn, page, refused, serving

from worker.salesforce.auth import MemoryTokens
from worker.salesforce.client import SalesforceClient
from worker.salesforce.errors import (
    LimitExceeded,
    MappingBroken,
    RequestRefused,
    SalesforceError,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from worker.salesforce.flows import ClientCredentials
from worker.salesforce.wire import LARGE, ApiUsage

QUERY = "SELECT Id FROM TimeEntry__c"
NEXT = "/services/data/v67.0/query/01gRM000000000XYAQ-2000"


def entry(number: int, **fields: object) -> dict[str, object]:
    return {"attributes": {"type": "TimeEntry__c"}, "Id": f"a00{number:012}AAA"} | fields


async def rows(client: SalesforceClient, soql: str = QUERY) -> list[dict[str, object]]:
    return [row async for page in client.query(soql) for row in page]


def at(response: web.Response, moment: str, usage: str = "") -> web.Response:
    response.headers["Date"] = moment
    if usage:
        response.headers["Sforce-Limit-Info"] = usage
    return response


async def test_every_page_of_a_query_is_read_and_dated(org: Org, client: SalesforceClient) -> None:
    org.answer = in_turn(
        at(page([entry(1), entry(2)], after=NEXT), "Thu, 05 Nov 2026 09:30:00 GMT"),
        at(page([entry(3)]), "Thu, 05 Nov 2026 09:30:07 GMT"),
    )
    pages = [page async for page in client.query(QUERY)]
    assert [[row["Id"][-4] for row in page] for page in pages] == [["1", "2"], ["3"]]
    assert [page.server_date.second for page in pages] == [0, 7]
    assert {page.began for page in pages} == {datetime(2026, 11, 5, 9, 30, tzinfo=UTC)}
    assert [seen.target for seen in org.seen] == [
        "/services/data/v67.0/query?q=SELECT+Id+FROM+TimeEntry__c",
        NEXT,
    ]


async def test_the_next_page_is_asked_from_salesforce_only(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: page([entry(1)], after="@127.0.0.1:9/steal")
    with pytest.raises(UnexpectedAnswer):
        await rows(client)
    assert len(org.seen) == 1


async def test_a_redirect_is_not_followed_with_our_token(org: Org, client: SalesforceClient) -> None:
    async with serving(Org()) as elsewhere:
        org.answer = lambda _: web.Response(status=302, headers={"Location": elsewhere.url})
        with pytest.raises(Unavailable, match="HTTP 302"):
            await rows(client)
        assert elsewhere.seen == []


async def test_the_recycle_bin_is_seen_by_query_all(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: page([entry(1, IsDeleted=True)])
    found = [row async for page in client.query_all(QUERY) for row in page]
    assert found[0]["IsDeleted"] is True
    assert org.seen[0].path == "/services/data/v67.0/queryAll"


async def test_hours_arrive_as_the_exact_decimals_they_are(org: Org, client: SalesforceClient) -> None:
    body = '{"done":true,"records":[{"Hours__c":0.10,"Rate__c":1234567890123456.78,"Count__c":3,"Name":"Zoë"}]}'
    org.answer = lambda _: web.Response(text=body, content_type="application/json")
    (row,) = await rows(client)
    assert row == {"Hours__c": Decimal("0.10"), "Rate__c": Decimal("1234567890123456.78"), "Count__c": 3, "Name": "Zoë"}
    assert type(row["Hours__c"]) is Decimal


async def test_a_large_compressed_answer_is_read(org: Org, client: SalesforceClient) -> None:
    def answer(_: object) -> web.Response:
        response = page([entry(number, Description__c="x" * 300, Hours__c=1.5) for number in range(2_000)])
        assert len(response.body) > LARGE
        response.enable_compression(web.ContentCoding.gzip)
        return response

    org.answer = answer
    found = await rows(client)
    assert len(found) == 2_000
    assert found[-1]["Hours__c"] == Decimal("1.5")


async def test_every_call_names_the_product_and_tells_the_usage(org: Org, client: SalesforceClient) -> None:
    usage = "api-usage=18/5000; per-app-api-usage=17/250(appName=hourstream)"
    org.answer = lambda _: at(page([]), "Thu, 05 Nov 2026 09:30:00 GMT", usage)
    assert client.api_usage is None
    await rows(client)
    headers = org.seen[0].headers
    assert headers["Sforce-Call-Options"] == "client=hourstream"
    assert "gzip" in headers["Accept-Encoding"]
    assert client.api_usage == ApiUsage(used=18, allowed=5000)
    assert client.server_date == datetime(2026, 11, 5, 9, 30, tzinfo=UTC)


async def test_records_are_read_by_id_in_chunks_under_the_address_limit(org: Org, client: SalesforceClient) -> None:
    def answer(seen: object) -> web.Response:
        wanted = re.findall(r"'(\w{18})'", org.seen[-1].query["q"])
        return page([{"Id": id} for id in reversed(wanted)])

    org.answer = answer
    ids = [entry(number)["Id"] for number in range(1_000)]
    paths = [f"Project__r.Account__r.A_Field_With_A_Long_Name_{number}__c" for number in range(150)]
    found = await client.retrieve("TimeEntry__c", paths, [*ids, *ids[:5]])
    assert sorted(row["Id"] for row in found) == sorted(ids)
    assert len(org.seen) > 3
    assert all(len(org.url + seen.target) <= 16_000 for seen in org.seen)


async def test_no_ids_are_no_call(org: Org, client: SalesforceClient) -> None:
    assert await client.retrieve("TimeEntry__c", ["Hours__c"], []) == []
    assert org.seen == []


async def test_one_failing_chunk_fails_the_read_with_its_own_error(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: refused(400, "INVALID_FIELD", "No such column 'Gone__c' on entity 'TimeEntry__c'.")
    with pytest.raises(MappingBroken):
        await client.retrieve("TimeEntry__c", ["Gone__c"], [entry(number)["Id"] for number in range(2_000)])


@pytest.mark.parametrize(
    "failure",
    [
        html(503),
        html(500),
        refused(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred."),
        refused(400, "QUERY_TIMEOUT", "Your query request was running for too long."),
        refused(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
        refused(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
        html(302),
        html(200),
        dropped,
    ],
    ids=["503", "500", "unknown", "timeout", "lock", "concurrent", "redirect", "html", "dropped"],
)
async def test_a_passing_failure_of_a_read_is_tried_again(org: Org, client: SalesforceClient, failure: object) -> None:
    # aiohttp itself repeats a GET whose kept-alive connection broke; two of these are one try of ours.
    org.answer = in_turn(failure, page([entry(1)]))
    assert len(await rows(client)) == 1


async def test_a_lasting_breakdown_is_told_after_three_tries(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: html(503)
    with pytest.raises(Unavailable, match="could not query TimeEntry__c: it answered HTTP 503"):
        await rows(client)
    assert len(org.seen) == 3


@pytest.mark.parametrize(
    ("answer", "error", "says", "action"),
    [
        (
            refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
            LimitExceeded,
            "TotalRequests Limit exceeded. (REQUEST_LIMIT_EXCEEDED)",
            "wait-for-limit",
        ),
        (
            refused(
                400,
                "INVALID_FIELD",
                "\nSELECT Id,Rate__c FROM TimeEntry__c\n          ^\nERROR at Row:1:Column:11\n"
                "No such column 'Rate__c' on entity 'TimeEntry__c'. If you are attempting to use a custom field,",
            ),
            MappingBroken,
            "TimeEntry__c has no field Rate__c, or hides it",
            "setup",
        ),
        (
            refused(400, "INVALID_FIELD", "Didn't understand relationship 'Project__r' in field path. If you are"),
            MappingBroken,
            "no relationship Project__r",
            "setup",
        ),
        (
            refused(400, "INVALID_TYPE", "sObject type 'TimeEntry__c' is not supported. If you are attempting to use"),
            MappingBroken,
            "sObject type 'TimeEntry__c' is not supported",
            "setup",
        ),
        (html(404), MappingBroken, "HTTP 404", "setup"),
        (html(414), RequestRefused, "Map fewer fields", "permanent"),
        (html(431), RequestRefused, "Map fewer fields", "permanent"),
        (
            refused(410, "UNSUPPORTED_API_VERSION", "version retired"),
            RequestRefused,
            "SALESFORCE_API_VERSION",
            "permanent",
        ),
        (refused(403, "API_DISABLED_FOR_ORG", "not enabled"), RequestRefused, "API Enabled", "permanent"),
        (refused(400, "MALFORMED_QUERY", "unexpected token: 'FORM'"), RequestRefused, "unexpected token", "permanent"),
        (refused(403, "SOMETHING_NEW", "why not"), RequestRefused, "why not (SOMETHING_NEW)", "permanent"),
    ],
)
async def test_a_refused_read_says_what_and_what_to_do_and_is_not_repeated(
    org: Org, client: SalesforceClient, answer: web.Response, error: type[SalesforceError], says: str, action: str
) -> None:
    org.answer = lambda _: answer
    with pytest.raises(error) as caught:
        await rows(client)
    assert says in str(caught.value)
    assert caught.value.action == action
    assert len(org.seen) == 1


async def test_a_missing_field_is_named_for_the_permission_check(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: refused(400, "INVALID_FIELD", "No such column 'Rate__c' on entity 'TimeEntry__c'.")
    with pytest.raises(MappingBroken) as caught:
        await rows(client)
    assert (caught.value.code, caught.value.status, caught.value.fields) == ("INVALID_FIELD", 400, ("Rate__c",))


async def test_an_answer_that_does_not_come_is_given_up_at_the_deadline(
    org: Org, flow: ClientCredentials, tokens: MemoryTokens
) -> None:
    never = web.StreamResponse(headers={"Content-Length": "10"})  # promises ten bytes and sends none
    org.answer = lambda _: never
    async with SalesforceClient(flow, replace(LIMITS, read_request=0.5), tokens) as client:
        with pytest.raises(Unreachable, match=r"within 0\.5 s when asked to query"):
            await rows(client)


async def test_an_answer_without_a_date_gives_no_watermark(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: at(page([]), "no date")
    with pytest.raises(UnexpectedAnswer, match="Date header"):
        await rows(client)


async def test_what_changed_is_read_by_keyset_until_a_short_page(org: Org, client: SalesforceClient) -> None:
    second = "2026-11-05T09:30:00.000+0000"
    stored = [entry(number, SystemModstamp=second) for number in range(1, 6)]

    def answer(_: object) -> web.Response:
        soql = org.seen[-1].query["q"]
        after = re.search(r"Id > '(\w{18})'", soql)
        rest = [row for row in stored if after is None or row["Id"] > after[1]]
        found = page(rest[: int(soql.rsplit(" ", 1)[1])])
        return at(found, f"Thu, 05 Nov 2026 09:30:{len(org.seen):02} GMT")

    org.answer = answer
    pages = [page async for page in client.changed_since("TimeEntry__c", ["Hours__c"], second, size=2)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [row for page in pages for row in page] == stored
    assert [page.server_date.second for page in pages] == [1, 2, 3]
    assert {page.began.second for page in pages} == {1}


async def test_nothing_changed_is_one_empty_page_with_its_date(org: Org, client: SalesforceClient) -> None:
    (only,) = [page async for page in client.changed_since("TimeEntry__c", [], datetime(2026, 11, 5, tzinfo=UTC))]
    assert only == []
    assert (datetime.now(UTC) - only.began).total_seconds() < 60


async def test_the_limits_of_the_org_are_told_by_name(org: Org, client: SalesforceClient) -> None:
    body = {"DailyApiRequests": {"Max": 15000, "Remaining": 14998, "An App": {"Max": 0, "Remaining": 0}}}
    org.answer = lambda _: web.json_response(body)
    found = await client.limits()
    assert (found["DailyApiRequests"].max, found["DailyApiRequests"].remaining) == (15000, 14998)
