"""Budgets as people write them."""

from __future__ import annotations

import pytest

from seawall.simulators.chaos.budget import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30.0), ("1.5m", 90.0), ("1h", 3600.0), (" 90 ", 90.0)]
)
def test_budget_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5s", "nan", "inf", "abc", "5 weeks", "1e3s", "s"])
def test_budget_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 30s or 5m"):
        seconds_of(text)
