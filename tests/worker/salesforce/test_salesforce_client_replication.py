"""What was changed or deleted in a span of time, and from when on to ask next."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from salesforce_wire import Org, refused, unhurried

from worker.salesforce.client import SalesforceClient
from worker.salesforce.errors import RequestRefused
from worker.salesforce.replication import whole_minutes

NOON = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))


def dated(body: dict[str, Any], moment: datetime = NOON) -> web.Response:
    return web.json_response(body, headers={"Date": moment.strftime("%a, %d %b %Y %H:%M:%S GMT")})


@unhurried
@given(moments, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_a_span_in_whole_minutes_holds_the_span_and_is_not_empty(start: datetime, length: timedelta) -> None:
    first, last = whole_minutes(start, start + length)
    assert first <= start
    assert start + length <= last
    assert first < last <= start + length + timedelta(minutes=1)
    assert (first.second, first.microsecond, last.second, last.microsecond) == (0, 0, 0, 0)


async def test_changes_are_asked_for_in_utc_and_cover_what_salesforce_says(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: dated({"ids": ["a00000000000001AAA"], "latestDateCovered": "2026-11-05T11:58:00.000+0000"})
    found = await client.updated("TimeEntry__c", NOON - timedelta(minutes=10, seconds=30), NOON)
    assert found.ids == ("a00000000000001AAA",)
    assert found.covered == NOON - timedelta(minutes=2)
    assert org.seen[0].path == "/services/data/v67.0/sobjects/TimeEntry__c/updated/"
    assert org.seen[0].query == {"start": "2026-11-05T11:49:00.000Z", "end": "2026-11-05T12:00:00.000Z"}


async def test_a_span_into_the_future_covers_nothing_of_it(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: dated(
        {"ids": [], "latestDateCovered": "2026-11-05T12:01:00.000+0000"}, NOON + timedelta(seconds=20)
    )
    found = await client.updated("TimeEntry__c", NOON, NOON + timedelta(seconds=20))
    assert found.covered == NOON


async def test_a_span_with_too_many_changes_is_asked_for_in_halves(org: Org, client: SalesforceClient) -> None:
    def answer(_: object) -> web.Response:
        start, end = (datetime.fromisoformat(org.seen[-1].query[name]) for name in ("start", "end"))
        if end - start > timedelta(minutes=3):
            return refused(400, "EXCEEDED_ID_LIMIT", "exceeded id limit")
        return dated({"ids": [f"a00{start:%H%M}{end:%H%M}0000AAA"], "latestDateCovered": end.isoformat()})

    org.answer = answer
    found = await client.updated("TimeEntry__c", NOON - timedelta(minutes=8), NOON)
    assert len(found.ids) == 4
    assert found.covered == NOON


async def test_a_span_with_too_many_deletions_is_asked_for_in_halves(org: Org, client: SalesforceClient) -> None:
    def answer(_: object) -> web.Response:
        start, end = (datetime.fromisoformat(org.seen[-1].query[name]) for name in ("start", "end"))
        if end - start > timedelta(minutes=3):
            return refused(400, "EXCEEDED_ID_LIMIT", "exceeded id limit")
        row = {"id": f"a00{start:%H%M}{end:%H%M}0000AAA", "deletedDate": start.isoformat()}
        told = {"earliestDateAvailable": (NOON - timedelta(days=15)).isoformat(), "latestDateCovered": end.isoformat()}
        return dated({"deletedRecords": [row]} | told)

    org.answer = answer
    found = await client.deleted("TimeEntry__c", NOON - timedelta(minutes=8), NOON)
    assert (len({record.id for record in found.records}), found.covered) == (4, NOON)


async def test_a_start_too_long_ago_is_refused_for_good(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: refused(400, "INVALID_REPLICATION_DATE", "startDate is too old")
    with pytest.raises(RequestRefused, match="INVALID_REPLICATION_DATE"):
        await client.deleted("TimeEntry__c", NOON - timedelta(days=40), NOON)


async def test_deletions_come_with_their_time_and_how_far_back_is_known(org: Org, client: SalesforceClient) -> None:
    org.answer = lambda _: dated(
        {
            "deletedRecords": [{"id": "a00000000000001AAA", "deletedDate": "2026-11-05T11:30:12.000+0000"}],
            "earliestDateAvailable": "2026-10-21T00:00:00.000+0000",
            "latestDateCovered": "2026-11-05T12:00:00.000+0000",
        }
    )
    found = await client.deleted("TimeEntry__c", NOON - timedelta(hours=1), NOON)
    assert [(record.id, record.at.minute) for record in found.records] == [("a00000000000001AAA", 30)]
    assert (found.earliest.day, found.covered) == (21, NOON)
