"""Pages answer soon however much there is: the short form of `make bench`, which says how soon with 100,000 entries."""

from pathlib import Path

import pytest

from benchmarks import console as bench


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short path: the server's socket is in it."""
    return tmp_path_factory.mktemp("size")


async def test_every_page_answers_soon_over_thousands_of_entries(folder: Path) -> None:
    [took] = await bench.measured(folder, [3_000], times=1)
    assert {*bench.PAGES, *bench.WHOLE, *bench.LINKED} <= set(took)
    slow = {page: took[page] for page in took if took[page] > bench.LONGEST and not page.endswith(bench.MADE)}
    assert slow == {}


def test_a_page_is_too_slow_by_the_clock_or_by_comparison() -> None:
    small = {"/": 0.02, "/people": 0.1, "/access": 0.8, "/queue": 0.001, "/month": 0.001, "/month is made after": 0.1}
    large = {"/": 0.04, "/people": 0.31, "/access": 2.1, "/queue": 0.004, "/month": 0.006, "/month is made after": 9.0}
    assert [line.split()[0] for line in bench.too_slow(small, large)] == ["/people", "/access", "/month"]
