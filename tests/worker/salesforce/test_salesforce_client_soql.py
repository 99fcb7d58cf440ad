"""Texts that become part of a query."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesforce_wire import unhurried

from worker.salesforce import soql
from worker.salesforce.errors import InvalidSoql
from worker.salesforce.ids import id18

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
record_ids = st.text(LETTERS, min_size=15, max_size=15).map(id18)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,30}", fullmatch=True)
paths = st.lists(names, min_size=1, max_size=4).map(".".join)
moments = st.datetimes(
    datetime(2000, 1, 1),
    datetime(2100, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=9, minutes=30))]),
)

UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def read_literal(text: str) -> str:
    """A SOQL string literal read by the rules of its reference; fails where the literal would end early."""
    assert text[0] == text[-1] == "'"
    found, rest = "", list(text[1:-1])
    while rest:
        letter = rest.pop(0)
        assert letter != "'", "the literal ends before its end"
        if letter == "\\":
            following = rest.pop(0)
            letter = UNESCAPED.get(following, following)
        found += letter
    return found


@unhurried
@given(st.text(st.characters(blacklist_characters="\0")))
def test_a_quoted_text_is_read_back_as_itself(text: str) -> None:
    assert read_literal(soql.quote(text)) == text


def test_a_text_with_a_zero_character_is_refused() -> None:
    with pytest.raises(InvalidSoql):
        soql.quote("a\0b")


@unhurried
@given(st.text())
def test_nothing_but_names_becomes_a_column(text: str) -> None:
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*", text):
        assert soql.path(text) == text
    else:
        with pytest.raises(InvalidSoql):
            soql.select("TimeEntry__c", [text])


@unhurried
@given(st.text())
def test_nothing_but_a_record_id_gets_into_an_in_clause(text: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?", text):
        with pytest.raises(InvalidSoql):
            soql.ids(["a00000000000001AAA", text])


@unhurried
@given(st.lists(paths, min_size=1, max_size=60), st.lists(record_ids, max_size=1_200), st.integers(4_000, 16_000))
def test_chunks_read_each_id_once_and_stay_under_the_address_limit(
    columns: list[str], ids: list[str], room: int
) -> None:
    try:
        queries = list(soql.by_ids("TimeEntry__c", columns, ids, where_extra="IsDeleted = false", room=room))
    except InvalidSoql:
        assert len(",".join(columns)) > 2_000
        return
    found = [id for query in queries for id in re.findall(r"'(\w{18})'", query)]
    assert sorted(found) == sorted(set(ids))
    assert all(len(soql.encoded(query)) <= room and query.count("'") <= 2 * soql.MAX_IDS for query in queries)
    assert all(query.endswith(") AND (IsDeleted = false)") for query in queries)


def test_more_fields_than_an_address_holds_are_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidSoql, match="Map fewer fields"):
        list(soql.by_ids("TimeEntry__c", [f"A{n:0200}" for n in range(100)], ["a00000000000001AAA"]))


def test_a_field_that_is_mapped_twice_is_asked_for_once() -> None:
    assert soql.select("TimeEntry__c", ["Id", "Rate__c", "rate__c", "Id"]) == "SELECT Id,rate__c FROM TimeEntry__c"


@unhurried
@given(moments)
def test_a_time_keeps_its_instant_to_the_millisecond(moment: datetime) -> None:
    literal = soql.datetime_literal(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", literal)
    assert timedelta(0) <= moment - soql.instant(literal) < timedelta(milliseconds=1)


def test_a_time_as_salesforce_answers_it_becomes_a_literal() -> None:
    assert soql.datetime_literal("2026-11-05T09:30:00.000+0000") == "2026-11-05T09:30:00.000Z"


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", "'; --"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidSoql):
        soql.datetime_literal(text)


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(InvalidSoql, match="offset"):
        soql.datetime_literal(datetime(2026, 11, 5))


def test_a_day_is_written_as_a_day() -> None:
    assert soql.date_literal(date(2026, 11, 5)) == "2026-11-05"
    with pytest.raises(InvalidSoql):
        soql.date_literal(datetime(2026, 11, 5, tzinfo=UTC))


def test_changed_since_goes_on_after_the_last_row_of_a_shared_second() -> None:
    found = soql.changed_since(
        "TimeEntry__c", ["Hours__c"], "2026-11-05T09:30:00.000+0000", "a00000000000001AAA", limit=2_000
    )
    assert found == (
        "SELECT Id,SystemModstamp,Hours__c FROM TimeEntry__c WHERE (SystemModstamp > 2026-11-05T09:30:00.000Z OR "
        "(SystemModstamp = 2026-11-05T09:30:00.000Z AND Id > 'a00000000000001AAA')) "
        "ORDER BY SystemModstamp,Id LIMIT 2000"
    )


def test_changed_since_begins_with_everything_of_its_first_second() -> None:
    moment = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)
    found = soql.changed_since("TimeEntry__c", [], moment, where_extra="Hours__c > 0 OR Hours__c = null")
    assert "WHERE SystemModstamp >= 2026-11-05T09:30:00.000Z AND (Hours__c > 0 OR Hours__c = null) ORDER" in found


def test_an_encoded_query_is_read_back_as_itself() -> None:
    query = "SELECT Id FROM A WHERE Name = 'Müller & Söhne + 100%'"
    assert unquote_plus(soql.encoded(query)) == query


def test_ids_get_the_three_characters_that_tell_capitals() -> None:
    assert id18("001D000000IqhSL") == "001D000000IqhSLIAZ"
    assert id18("001d000000iqhslAAA") == "001d000000iqhslAAA"
    with pytest.raises(ValueError, match="record id"):
        id18("001D0000")
