"""The second act's own judge: any promise that is broken is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seawall.simulators.demo.case.story import Ending

KEPT = Ending("pending_approval", 0, True, "succeeded", 1, 1, "intact")
REJECTED = Ending("pending_approval", 0, False, "denied", 0, 0, "intact")


@pytest.mark.parametrize("ending", [KEPT, REJECTED])
def test_ending_that_keeps_every_promise_is_kept(ending: Ending) -> None:
    assert ending.kept
    assert ending.to_json()["kept"] is True


@pytest.mark.parametrize(
    "ending",
    [
        replace(KEPT, held="succeeded"),
        replace(KEPT, refunds_before=1),
        replace(KEPT, outcome="outcome_unknown"),
        replace(KEPT, refunds=2),
        replace(KEPT, refunds=0),
        replace(KEPT, answers_lost=0),
        replace(KEPT, audit="tampered with"),
        replace(REJECTED, refunds=1),
        replace(REJECTED, outcome="succeeded"),
    ],
)
def test_ending_that_breaks_a_promise_is_not_kept(ending: Ending) -> None:
    assert not ending.kept
