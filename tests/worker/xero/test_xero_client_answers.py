"""What each answer of Xero means, for a write and for a read."""

import json
from typing import Any

import pytest
from aiohttp import hdrs
from multidict import CIMultiDict

from worker.limits import Limits
from worker.xero.answers import Answer, action, limit, read_error, retry_after, wait_after, write_answer
from worker.xero.errors import MissingScope, NoAnswer, ReconnectNeeded, Refused
from worker.xero.values import decode

ID = "430fa14a-f945-44d3-9f97-5df5e28441b8"
OK = {
    "InvoiceID": ID.upper(),
    "InvoiceNumber": "TT-1",
    "Status": "DRAFT",
    "LineItems": [],
    "StatusAttributeString": "OK",
}
EXPIRED = {"Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired: token expired at 01/12/2026 14:34:47"}
DISCONNECTED = {"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"}
SCOPE = {"WWW-Authenticate": 'OAuth realm="xero", error="insufficent_scope"'}


def an(status: int, body: Any = b"", headers: dict[str, str] | None = None) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, CIMultiDict(headers or {}), raw)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (an(200, {"Invoices": [OK]}), "answered"),
        (an(200, {"Invoices": []}), "unknown"),
        (an(200, {"Contacts": [OK]}), "unknown"),
        (an(200, {"Invoices": [OK, None]}), "unknown"),
        (an(200, {"Invoices": [OK, {"LineItems": []}]}), "unknown"),
        (an(200, b"<html>"), "unknown"),
        (an(200, b'{"Invoices":[{"InvoiceID":'), "unknown"),
        (an(200, b""), "unknown"),
        (an(204), "unknown"),
        (an(302), "unknown"),
        (an(400, {"Message": "no"}), "refused"),
        (an(400, b"<html>"), "refused"),
        (an(401, EXPIRED), "auth"),
        (an(401, b"", SCOPE), "auth"),
        (an(403, DISCONNECTED), "auth"),
        (an(404), "refused"),
        (an(413), "refused"),
        (an(429), "limited"),
        (an(500, {"Message": "An error occurred"}), "cached-error"),
        (an(501), "unknown"),
        (an(502, b"<html>"), "unknown"),
        (an(503), "unknown"),
        (an(504), "unknown"),
    ],
)
def test_a_writes_outcome_follows_from_its_answer(answer: Answer, outcome: str) -> None:
    assert write_answer(answer, "ACCREC").outcome == outcome


def test_an_element_in_error_says_nothing_but_which_it_is_and_why() -> None:
    echo = OK | {
        "StatusAttributeString": "ERROR",
        "Status": "DELETED",
        "Total": 12.5,
        "ValidationErrors": [{"Message": "Invoice not of valid status for modification"}],
        "LineItems": [{"LineItemID": ID, "ValidationErrors": [{"Description": "Account code '9' is not valid"}]}],
    }
    good, bad = write_answer(an(200, {"Invoices": [OK, echo]}), "ACCREC").elements
    assert (good.outcome, good.status, good.id) == ("OK", "DRAFT", ID)
    assert (bad.outcome, bad.id, bad.number) == ("ERROR", ID, "TT-1")
    assert bad.errors == ("Invoice not of valid status for modification", "Line 1: Account code '9' is not valid")
    assert (bad.status, bad.total, bad.lines) == ("", None, ())


def test_the_zero_id_of_a_refused_create_counts_as_none() -> None:
    zero = {"InvoiceID": "00000000-0000-0000-0000-000000000000", "InvoiceNumber": "TT-1"}
    refused = zero | {"StatusAttributeString": "ERROR", "ValidationErrors": [{"Message": "Invoice # must be unique."}]}
    (element,) = write_answer(an(200, {"Invoices": [refused]}), "ACCREC").elements
    assert (element.id, element.errors) == ("", ("Invoice # must be unique.",))


def test_an_element_with_a_warning_was_written() -> None:
    warned = OK | {"StatusAttributeString": "WARNING", "Warnings": [{"Message": "hm"}], "ValidationErrors": []}
    (element,) = write_answer(an(200, {"Invoices": [warned]}), "ACCREC").elements
    assert (element.outcome, element.id) == ("WARNING", ID)


def test_a_whole_call_that_was_refused_says_why_for_each_element() -> None:
    body = {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": "A validation exception occurred",
        "Elements": [
            {"InvoiceNumber": "TT-1", "Status": "DRAFT", "ValidationErrors": [{"Message": "Bad account."}]},
            {"InvoiceNumber": "TT-2", "Status": "DRAFT", "ValidationErrors": []},
        ],
    }
    found = write_answer(an(400, body), "ACCREC")
    assert (found.outcome, found.problem) == ("refused", "Bad account.")
    assert [(one.number, one.outcome, one.errors) for one in found.elements] == [
        ("TT-1", "ERROR", ("Bad account.",)),
        ("TT-2", "ERROR", ()),
    ]


def test_a_key_used_for_another_request_is_refused_in_xeros_words() -> None:
    message = "Idempotency Key 'k' is used with a different request"
    assert write_answer(an(400, {"Message": message}), "ACCREC").problem == message


@pytest.mark.parametrize(
    ("headers", "which", "after", "wait"),
    [
        ({"X-Rate-Limit-Problem": "minute", "Retry-After": "26"}, "minute", 26.0, 26.0),
        ({"X-Rate-Limit-Problem": "day", "Retry-After": "7200"}, "day", 7200.0, 7200.0),
        ({"X-Rate-Limit-Problem": "concurrent"}, "concurrent", None, 1.0),
        ({"X-Rate-Limit-Problem": "app-minute"}, "appminute", None, 60.0),
        ({"X-Rate-Limit-Problem": "appminute"}, "appminute", None, 60.0),
        ({"X-Rate-Limit-Problem": "day"}, "day", None, 3600.0),
        ({}, "minute", None, 60.0),
        ({"Retry-After": "soon"}, "minute", None, 60.0),
        (
            {"Retry-After": "Wed, 25 Nov 2026 03:05:05 GMT", hdrs.DATE: "Wed, 25 Nov 2026 03:04:05 GMT"},
            "minute",
            60.0,
            60.0,
        ),
    ],
)
def test_a_429_with_its_empty_body_says_which_limit_and_how_long(
    headers: dict[str, str], which: str, after: float | None, wait: float
) -> None:
    answer = an(429, b"", headers)
    assert (limit(answer), retry_after(answer), wait_after(answer, Limits())) == (which, after, wait)
    assert write_answer(answer, "ACCREC").problem == which


@pytest.mark.parametrize(
    ("answer", "what", "error"),
    [
        (an(401, EXPIRED), "renew", ReconnectNeeded),
        (an(401, EXPIRED, SCOPE), "scope", MissingScope),
        (an(401, {"Detail": "AuthenticationUnsuccessful"}), "reconnect", ReconnectNeeded),
        (an(403, DISCONNECTED), "reconnect", ReconnectNeeded),
        (an(400, {"Message": "QueryParseException"}), "refused", Refused),
        (an(404, b""), "refused", Refused),
        (an(500), "error", NoAnswer),
        (an(503, b"<html>"), "down", NoAnswer),
        (an(301), "down", NoAnswer),
    ],
)
def test_a_read_that_failed_says_what_to_do(answer: Answer, what: str, error: type[Exception]) -> None:
    found = action(answer)
    assert found == what
    failed = read_error(answer, found)
    assert isinstance(failed, error)
    assert failed.status == answer.status


def test_answers_carry_their_own_time() -> None:
    answer = an(200, {"Invoices": [OK]}, {"date": "Wed, 25 Nov 2026 03:04:05 GMT"})
    assert write_answer(answer, "ACCREC").date == "2026-11-25T03:04:05Z"
    assert write_answer(an(200, b"", {"Date": "yesterday"}), "ACCREC").date == ""


def test_fractions_are_read_exactly() -> None:
    assert str(decode(b'{"a": 0.10000000000000000001}')["a"]) == "0.10000000000000000001"
