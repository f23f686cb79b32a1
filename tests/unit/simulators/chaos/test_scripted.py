"""Chaos at a test's command, without pytest around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seawall.simulators.chaos.scripted import Chaos
from seawall.simulators.chaos.virtual_clock import VirtualClock
from seawall.simulators.faults import Plan, PlanError

LOST = {"id": "lost", "match": {"operation": "BookCredit"}, "point": "after_commit", "kind": "reset"}
DIES = {"id": "dies", "match": {"operation": "book_credit"}, "point": "after_send", "kind": "crash"}


@pytest.fixture(name="chaos")
def _chaos(tmp_path: Path) -> Iterator[Chaos]:
    clock = VirtualClock()
    made = Chaos(clock=clock, folder=tmp_path, plan=Plan.model_validate({"faults": [LOST, DIES]}))
    yield made
    made.close()
    clock.close()


def test_heal_before_the_first_call_is_no_less_than_one_after_it(chaos: Chaos) -> None:
    chaos.heal()
    assert chaos.call("soap", "book_credit", 1) is not None
    stage = chaos.stage_of("soap")
    assert stage.targets["soap"].faults.never_fired() == ("lost",)
    assert stage.client.faults.never_fired() == ("dies",)
    assert chaos.verdict() == []


def test_fault_in_the_process_that_names_no_action_is_refused_where_it_is_planted(chaos: Chaos) -> None:
    chaos.call("soap", "book_credit", 1)
    with (
        pytest.raises(PlanError, match=r"can never fire: .*no action 'book_credi'; did you mean 'book_credit'\?"),
        chaos.fault("after_send", "crash", operation="book_credi"),
    ):
        pass
