"""The arithmetic of the brown-out."""

from __future__ import annotations

import pytest
from benchmarks.goodput import rate, recovery, sparkline


def steady(begin: float, end: float, each: float) -> list[float]:
    return [begin + number / each for number in range(round((end - begin) * each))]


def test_rate_counts_the_first_moment_and_not_the_last() -> None:
    assert rate([0.0, 1.0, 1.5, 2.0], 1.0, 2.0) == 2.0


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        (steady(0, 20, 10), 0.0),
        (steady(0, 4, 10) + steady(12, 20, 10), 2.0),
        (steady(0, 4, 10), 10.0),  # never
        (steady(0, 4, 10) + steady(10, 11, 40), 10.0),  # a burst of late answers, then nothing
        (steady(0, 4, 10) + steady(10, 11, 5) + steady(11, 20, 10), 1.0),
    ],
)
def test_recovery_is_the_time_until_the_rate_is_back_and_stays(times: list[float], seconds: float) -> None:
    assert recovery(times, 10.0, 20.0, 9.0) == pytest.approx(seconds, abs=0.25)


def test_sparkline_has_a_bar_for_each_half_second() -> None:
    assert sparkline(steady(1, 2, 10), 2.0, 10.0) == "▁▁██"
