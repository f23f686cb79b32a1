"""Times at which a rule holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from pydantic import ValidationError

from seawall.core.policy import When


def holds(at: str, **when: Any) -> bool:
    return When.model_validate(when).holds(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("at", "when", "expected"),
    [
        # 2026-11-23 is a Monday.
        ("2026-11-23T12:00", {"days": ["mon"]}, True),
        ("2026-11-24T12:00", {"days": ["mon"]}, False),
        ("2026-11-23T09:00", {"from": "09:00", "to": "17:00"}, True),
        ("2026-11-23T08:59:59", {"from": "09:00", "to": "17:00"}, False),
        ("2026-11-23T17:00", {"from": "09:00", "to": "17:00"}, False),
        ("2026-11-23T23:00", {"from": "09:00"}, True),
        ("2026-11-23T08:00", {"to": "09:00"}, True),
        # In Berlin it is an hour later in winter, two hours in summer.
        ("2026-11-23T08:30", {"from": "09:00", "to": "10:00", "zone": "Europe/Berlin"}, True),
        ("2026-07-20T07:30", {"from": "09:00", "to": "10:00", "zone": "Europe/Berlin"}, True),
        ("2026-11-22T23:30", {"days": ["mon"], "zone": "Europe/Berlin"}, True),
        # Over midnight, it belongs to the day on which it began.
        ("2026-11-23T23:00", {"days": ["mon"], "from": "22:00", "to": "06:00"}, True),
        ("2026-11-24T05:59", {"days": ["mon"], "from": "22:00", "to": "06:00"}, True),
        ("2026-11-23T05:59", {"days": ["mon"], "from": "22:00", "to": "06:00"}, False),
        ("2026-11-23T05:59", {"days": ["sun"], "from": "22:00", "to": "06:00"}, True),
        ("2026-11-23T12:00", {"from": "22:00", "to": "06:00"}, False),
        ("2026-11-23T00:00", {"not_before": "2026-11-23"}, True),
        ("2026-11-22T23:59", {"not_before": "2026-11-23"}, False),
        ("2026-11-23T23:59", {"not_after": "2026-11-23"}, True),
        ("2026-11-24T00:00", {"not_after": "2026-11-23"}, False),
        ("2026-11-23T18:00", {"not_after": "2026-11-23T18:00"}, False),
        ("2026-11-23T17:30", {"not_after": "2026-11-23T18:00", "zone": "Europe/Berlin"}, False),
        ("2026-11-23T17:30", {"not_after": "2026-11-23T18:00+00:00", "zone": "Europe/Berlin"}, True),
    ],
)
def test_when_holds(at: str, when: dict[str, Any], expected: bool) -> None:
    assert holds(at, **when) is expected


def test_when_takes_the_times_of_python_and_toml() -> None:
    given = When(from_=time(9), not_before=date(2026, 1, 1), not_after=datetime(2026, 2, 1, 12))  # noqa: DTZ001 -- in its zone
    assert given == When.model_validate({"from": "09:00", "not_before": "2026-01-01", "not_after": "2026-02-01T12:00"})


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ({}, "says nothing"),
        ({"zone": "UTC"}, "says nothing"),
        ({"days": ["monday"]}, "Input should be 'mon'"),
        ({"from": 9}, "no time of the day"),
        ({"from": "25:00"}, "no time of the day"),
        ({"from": "09:00", "to": "09:00"}, "the same time"),
        ({"from": "09:00+01:00"}, "no zone of its own"),
        ({"from": "09:00", "zone": "Europe/Nowhere"}, "no time zone 'Europe/Nowhere'"),
        ({"from": "09:00", "zone": "../etc/passwd"}, "no time zone"),
        ({"not_before": "soon"}, "is no date"),
        ({"not_before": "2026-02-01", "not_after": "2026-01-01"}, "before not_before"),
    ],
)
def test_time_that_cannot_be_meant_is_refused(when: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        When.model_validate(when)
