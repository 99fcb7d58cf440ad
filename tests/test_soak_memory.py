"""What the soak calls flat: steps on the way to a plateau are, a leak is not."""

import pytest

from benchmarks.soak_memory import Memory


def memory(*megabytes: float) -> Memory:
    return Memory("worker", [(float(second), size) for second, size in enumerate(megabytes)])


def leaking(a_second: float) -> list[float]:
    """Two minutes of a process of 100 MB that loses so many megabytes a second."""
    return [100 + second * a_second for second in range(120)]


@pytest.mark.parametrize(
    "sizes",
    [
        [100.0] * 120,
        [100.0 + min(second, 40) / 2 for second in range(120)],  # warms up, and stays there
        [100.0] * 80 + [110.0] * 40,  # a step: the work of a moment was larger than any before
        [100.0, 130.0] * 60,  # takes and gives back
        leaking(-0.1),
    ],
)
def test_a_plateau_is_flat_however_it_was_come_to(sizes: list[float]) -> None:
    assert memory(*sizes).wrong() == []


@pytest.mark.parametrize("sizes", [leaking(0.15), [size + second % 7 for second, size in enumerate(leaking(0.15))]])
def test_a_leak_is_not(sizes: list[float]) -> None:
    [said] = memory(*sizes).wrong()
    assert said.startswith("the memory of worker goes on rising")


def test_a_leap_after_the_first_quarter_is_not() -> None:
    assert memory(*[100.0] * 100, *[140.0] * 20).wrong() == ["the memory of worker grew from 100 to 140 MB"]


def test_what_lived_too_short_for_a_slope_may_not_leap_either() -> None:
    assert memory(80.0, 82.0, 84.0).wrong() == []
    assert memory(10.0, 50.0, 90.0).wrong() == ["the memory of worker grew from 10 to 90 MB"]
    assert (memory().wrong(), memory().line()) == ([], "worker lived too short")
