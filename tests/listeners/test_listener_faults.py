"""Each error code has its kind, each kind its back-off."""

from collections.abc import Iterator

import pytest

from listeners.faults import PREFIX, Backoff, Fault, Wait, classify, waits
from worker.limits import Limits

CODES = {
    "service.auth.error": Fault.AUTH,
    "service.auth.refresh.invalid": Fault.AUTH,
    "service.unavailable": Fault.UNAVAILABLE,
    "subscription.fetch.replayid.corrupted": Fault.POSITION,
    "subscription.fetch.replayid.validation.failed": Fault.POSITION,
    "subscription.fetch.requested.events.invalid": Fault.REQUEST,
    "subscription.limit.exceeded": Fault.LIMIT,
}


@pytest.mark.parametrize(("code", "fault"), CODES.items())
def test_salesforce_s_error_codes_win_over_the_status(code: str, fault: Fault) -> None:
    assert classify("INTERNAL", PREFIX + code, "") is fault
    assert classify("INVALID_ARGUMENT", PREFIX + code, "") is fault


@pytest.mark.parametrize(
    ("status", "code", "details", "fault"),
    [
        ("UNAUTHENTICATED", "", "", Fault.AUTH),
        ("PERMISSION_DENIED", "", "", Fault.REFUSED),
        ("NOT_FOUND", PREFIX + "topic.unheard.of", "", Fault.REFUSED),
        ("INVALID_ARGUMENT", "", "The Replay ID validation failed.", Fault.POSITION),
        ("INVALID_ARGUMENT", "", "something else", Fault.REQUEST),
        ("UNAVAILABLE", "", "upstream connect error", Fault.UNAVAILABLE),
        ("INTERNAL", "", "Received RST_STREAM with error code 0", Fault.UNAVAILABLE),
        ("UNAVAILABLE", "", "GOAWAY: ENHANCE_YOUR_CALM too_many_pings", Fault.PINGS),
        ("UNAVAILABLE", "", "Too many pings", Fault.PINGS),
        ("CANCELLED", "", "", Fault.UNAVAILABLE),
        ("SOMETHING_NEW", "", "", Fault.UNAVAILABLE),
    ],
)
def test_what_has_no_known_code_goes_by_its_status(status: str, code: str, details: str, fault: Fault) -> None:
    assert classify(status, code, details) is fault


def largest(_: float, most: float) -> float:
    return most


def test_waits_double_up_to_their_cap_with_full_jitter() -> None:
    wait = Wait(base=2.0, cap=60.0)
    assert [wait.after(count, largest) for count in (0, 1, 2, 3, 6, 99)] == [0.0, 2.0, 4.0, 8.0, 60.0, 60.0]
    assert wait.after(5, lambda least, most: least) == 0.0


def test_every_kind_has_a_wait_and_the_delivery_limit_a_long_one() -> None:
    assert waits(Limits()).keys() == set(Fault)
    assert Backoff(Limits()).failed(Fault.LIMIT) >= 300.0


@pytest.mark.parametrize("fault", [Fault.AUTH, Fault.CLIENT, Fault.POSITION, Fault.MOVED])
def test_what_the_next_attempt_mends_is_tried_again_at_once_and_then_with_a_wait(fault: Fault) -> None:
    backoff = Backoff(Limits())
    assert backoff.failed(fault) == 0.0
    assert max(backoff.failed(fault) for _ in range(20)) > 0.0


def test_failures_are_counted_until_a_response_is_stored() -> None:
    times: Iterator[float] = iter([10.0, 15.0, 16.0, 40.0])
    backoff = Backoff(Limits(), clock=lambda: next(times))
    backoff.failed(Fault.UNAVAILABLE)
    assert backoff.failing_for == 5.0
    backoff.failed(Fault.SILENT)
    assert backoff.failing_for == 6.0
    backoff.received()
    assert backoff.failing_for == 0.0
