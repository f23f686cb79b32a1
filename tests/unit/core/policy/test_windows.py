"""Rates counted in memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seawall.core.policy import Rate, Windows


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([0.0, 1.0, 4.0, 10.0, 30.0])), max_size=40),
)
def test_no_window_ever_holds_more_than_its_rate_and_what_fits_is_let_through(
    calls: int, steps: list[tuple[str, float]]
) -> None:
    windows, rate, now = Windows(), Rate(calls=calls, per=10.0), 1000.0
    let_through: dict[str, list[float]] = {"a": [], "b": []}
    for who, pause in steps:
        now += pause
        recent = [at for at in let_through[who] if at > now - rate.per]
        free_at = windows.use("r", who, rate, now)
        assert (free_at is None) == (len(recent) < calls)
        if free_at is None:
            let_through[who].append(now)
        else:
            assert now < free_at <= now + rate.per
            still = [at for at in let_through[who] if at > free_at - rate.per]
            assert len(still) < calls, "at that time it is free again"


def test_windows_that_are_over_are_forgotten() -> None:
    windows, rate = Windows(most=10), Rate(calls=1, per=10.0)
    for number in range(10):
        windows.use("r", f"agent:{number}", rate, 0.0)
    windows.use("r", "agent:new", rate, 10.0)
    assert len(windows) == 1
    for number in range(100):
        assert windows.use("r", f"agent:{number}", rate, 15.0) is None
    assert len(windows) == 101, "what still counts is kept"
    assert windows.use("r", "agent:5", rate, 16.0) == 25.0
