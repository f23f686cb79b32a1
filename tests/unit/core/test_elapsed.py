"""Time since something happened, by the more careful clock (hard case 41)."""

from __future__ import annotations

import pytest
from support.clock import FakeClock

from seawall.core.elapsed import Elapsed


@pytest.mark.case(41)
@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_wall_clock_that_jumps_makes_no_time_pass(jump: float) -> None:
    clock = FakeClock()
    elapsed = Elapsed(clock)
    at = clock.now()
    assert elapsed.since("op_1", at) == 0

    clock.advance(10)
    clock.wall += jump

    assert elapsed.since("op_1", at) == pytest.approx(min(10, 10 + jump))


def test_a_time_of_another_process_is_judged_by_the_wall_clock_until_it_was_met() -> None:
    clock = FakeClock()
    assert Elapsed(clock).since("op_1", clock.now() - 600) == pytest.approx(600)


def test_a_time_to_come_is_below_zero() -> None:
    clock = FakeClock()
    assert Elapsed(clock).since("op_1", clock.now() + 5) == pytest.approx(-5)


@pytest.mark.case(41)
@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_wall_clock_that_jumps_keeps_nothing_young(jump: float) -> None:
    clock = FakeClock()
    elapsed = Elapsed(clock)
    at = clock.now()
    elapsed.since("op_1", at)

    clock.advance(10)
    clock.wall += jump

    assert elapsed.at_most("op_1", at) == pytest.approx(max(10, 10 + jump))
