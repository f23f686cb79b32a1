"""Parameters of faults: drawn from a seed, within what a kind, a system and a horizon allow."""

from __future__ import annotations

import random
from typing import Any

import pytest

from seawall.simulators.chaos.parameters import beyond, chosen, varied
from seawall.simulators.faults import Fault
from seawall.simulators.kinds import KINDS


def fault(kind: str, **how: Any) -> Fault:
    return Fault(id="f", point=KINDS[kind].points[0], kind=kind, **how)


@pytest.mark.parametrize("kind", [name for name, one in KINDS.items() if one.params])
def test_drawn_parameters_are_allowed_vary_and_follow_their_seed(kind: str) -> None:
    drawn = [varied(fault(kind), random.Random(seed), horizon=100.0) for seed in range(200)]
    assert drawn == [varied(fault(kind), random.Random(seed), horizon=100.0) for seed in range(200)]
    assert all(KINDS[kind].problem_with(one.point, one.params) is None for one in drawn)
    assert len({str(sorted(one.params.items(), key=str)) for one in drawn}) > 1
    assert {} in [dict(one.params) for one in drawn]


def test_nothing_that_is_drawn_lands_after_the_horizon() -> None:
    late = [varied(fault("late_commit"), random.Random(seed), horizon=20.0).param("delay") for seed in range(200)]
    assert max(late) == 19.0
    slow = [varied(fault("slow"), random.Random(seed), horizon=20.0).param("seconds") for seed in range(200)]
    assert max(slow) == 10.1


def test_what_is_applied_before_its_reply_is_slow_may_take_longer_than_the_horizon() -> None:
    replied = fault("slow").model_copy(update={"point": "after_commit"})
    slow = [varied(replied, random.Random(seed), horizon=20.0).param("seconds") for seed in range(200)]
    assert max(slow) == 59.0
    assert list(chosen("slow", "after_commit", horizon=5.0)) == [{"seconds": 11.0}]
    assert list(chosen("slow", "apply", horizon=5.0)) == []


def test_other_parameters_leave_no_default_that_lands_after_the_horizon() -> None:
    assert [one["delay"] for one in chosen("late_commit", "later", horizon=1.5)] == [0.5]
    assert beyond("late_commit", "later", {"reply": "504"}, 1.5)
    assert not beyond("late_commit", "later", {"delay": 0.5}, 1.5)


def test_only_values_that_the_system_knows_are_drawn() -> None:
    drawn = [varied(fault("sql_error"), random.Random(seed), values={"error": ("read_only",)}) for seed in range(50)]
    assert {one.param("error") for one in drawn} == {"deadlock", "read_only"}


def test_parameters_that_a_fault_has_are_kept_where_none_are_drawn() -> None:
    given = fault("soap_drift", params={"how": "nil"})
    assert {varied(given, random.Random(seed)).param("how") for seed in range(50)} >= {"nil", "order"}


def test_retry_after_is_chosen_and_drawn_as_seconds_and_as_a_date() -> None:
    some = [one["retry_after"] for one in chosen("throttle", "apply")]
    assert "7" in some
    assert any("GMT" in one for one in some)
    drawn = {varied(fault("throttle"), random.Random(seed)).param("retry_after") for seed in range(200)}
    assert drawn >= {None, "7", "soon", *some}


def test_bytes_of_a_reply_matter_only_where_there_is_one() -> None:
    assert list(chosen("reset", "apply")) == []
    assert list(chosen("reset", "after_commit")) == [{"bytes": 20}]
