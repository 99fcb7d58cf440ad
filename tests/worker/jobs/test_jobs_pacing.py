"""Few calls left in a day: updates of drafts are spaced so that these last, and never put off for long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.jobs.pacing import LONGEST, pause
from worker.store.governor import GovernorState

HOUR = 3_600.0
RESERVE = 50


def state(left: int | None, limit: int | None = 5_000, ends_in: float = 24 * HOUR) -> GovernorState:
    return GovernorState(
        in_flight=0, minute_left=60, day_left=left, day_limit=limit, day_ends_in=ends_in, stopped_until="", why="",
        calls_today=0, calls_total=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("left", "limit"), [(None, 5_000), (3_000, None), (5_000, 5_000), (1_250, 5_000), (250, 1_000)]
)
def test_while_calls_are_plenty_or_nothing_is_known_nothing_waits(left: int | None, limit: int | None) -> None:
    assert pause(state(left, limit), RESERVE, 60.0) == 0


def test_with_half_of_a_quarter_left_half_the_even_spacing_counts() -> None:
    updates = (625 - RESERVE) / 2
    assert pause(state(625), RESERVE, 60.0) == pytest.approx(0.5 * 24 * HOUR / updates)


def test_less_left_or_more_of_the_day_to_come_is_spaced_further() -> None:
    assert pause(state(900), RESERVE, 60.0) < pause(state(600), RESERVE, 60.0) < pause(state(500), RESERVE, 60.0)
    assert pause(state(600, ends_in=HOUR), RESERVE, 60.0) < pause(state(600), RESERVE, 60.0)


@given(
    st.integers(0, 5_000), st.sampled_from([1_000, 5_000]), st.floats(1, 24 * HOUR), st.floats(0, 3_600)
)  # fmt: skip
def test_no_draft_is_ever_put_off_by_more_than_ten_times_its_longest_settling(
    left: int, limit: int, ends_in: float, settle_max: float
) -> None:
    assert 0 <= pause(state(left, limit, ends_in), RESERVE, settle_max) <= LONGEST * settle_max


@given(st.integers(RESERVE + 1, 1_249), st.floats(HOUR, 24 * HOUR))
def test_what_is_left_above_the_reserve_lasts_almost_until_the_day_ends(left: int, ends_in: float) -> None:
    remaining, passed = left, 0.0
    while remaining > RESERVE + 2 and passed < ends_in:  # drafts change all the time
        passed += pause(state(remaining, ends_in=ends_in - passed), RESERVE, 1e9)
        remaining -= 2
    passed += pause(state(remaining, ends_in=ends_in - passed), RESERVE, 1e9)
    assert passed >= 0.9 * ends_in
