"""The Queue page's figures as people read them."""

from datetime import UTC, datetime

import pytest

from console.charts import HEIGHT, chart
from console.opsview import crons, duration, hour, size
from tests.console.web.console_support import SETUP
from worker.setup import parse
from worker.store.pulse import Minute

AT = "2026-11-05T10:42:00.000Z"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.26, "0.3 s"),
        (89, "89 s"),
        (90, "1.5 min"),
        (3600, "60 min"),
        (5400, "1.5 h"),
        (172_800, "2 days"),
    ],
)
def test_a_span_is_said_in_the_unit_that_fits(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_size_is_said_in_the_unit_that_fits() -> None:
    assert [size(n) for n in (2048, 3 << 20, 3 << 30)] == ["2 kB", "3.0 MB", "3.0 GB"]


def test_the_rate_is_of_the_last_whole_minutes() -> None:
    minutes = [Minute(AT, done=100), *[Minute(AT, done=n, failed=1, late=n) for n in (1, 2, 3, 4, 5)], Minute(AT, 7)]
    found = hour(minutes)
    assert (found.done, found.failed, found.late, found.rate) == (122, 5, 5, 3.0)


def test_what_recurs_says_when_it_ran_and_runs_next() -> None:
    ran = datetime(2026, 11, 5, 10, 42, tzinfo=UTC)
    last = {"contacts": round(ran.timestamp() * 1000)}
    found = {each.name: each for each in crons(last, parse(SETUP), scale=2.0)}
    assert (found["contacts"].last, found["contacts"].next) == (AT, "2026-11-05T11:12:00.000Z")
    assert (found["statuses"].last, found["statuses"].next) == ("", "")
    assert "invoices" not in found, "they follow changes"


@pytest.mark.parametrize(
    ("line", "following"), [("15m", "2026-11-05T10:57:00.000Z"), ("0 12 * * *", "2026-11-05T12:00:00.000Z")]
)
def test_invoices_by_a_schedule_recur_as_it_says(line: str, following: str) -> None:
    setup = parse(SETUP.replace('"live"', f'"{line}"'))
    last = {"invoices": round((datetime.fromisoformat(AT)).timestamp() * 1000)}
    [found] = [each for each in crons(last, setup, scale=1.0) if each.name == "invoices"]
    assert (found.every, found.next) == (line, following)


def test_the_highest_bar_fills_the_drawing_and_the_smallest_can_be_seen() -> None:
    found = chart([0, 1000, 1], [0, 500, 0], ["a", "b", "c"], "said")
    assert [(bar.x, bar.height, bar.top) for bar in found.bars] == [(5, HEIGHT, HEIGHT / 2), (10, 1.5, 0)]
    assert chart([], [], [], "nothing").bars == ()
