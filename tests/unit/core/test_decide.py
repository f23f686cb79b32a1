from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.toy import ADD, VARIANTS, Noted, variant

from seawall.core.action import NativeKey, fresh
from seawall.core.adapter import Absent, CannotTell, Finding, Many, Present
from seawall.core.decide import Doubt, Park, ProvenAbsent, ProvenApplied, SendAgain, Wait, next_step

NOTE = Noted(id="n1", text="x")


def doubt(name: str = "marker", since: float = 0.0, **facts: object) -> Doubt:
    action = variant(name)
    return replace(Doubt(action, since, since, horizon=action.horizon), **facts)  # type: ignore[arg-type]  # facts


def test_present_with_the_content_asked_for_is_applied() -> None:
    assert next_step(doubt(), Present(NOTE, "n1")) == ProvenApplied(Present(NOTE, "n1"))


def test_present_with_other_content_is_parked_unless_a_later_change_explains_it() -> None:
    assert isinstance(next_step(doubt(), Present(NOTE, differs=("text",))), Park)
    assert isinstance(next_step(doubt(), Present(NOTE, differs=("text",), superseded=True)), ProvenApplied)


@pytest.mark.case(8)
def test_two_matches_are_reported_as_duplicate_and_none_is_chosen() -> None:
    step = next_step(doubt(), Many(("n1", "n2")))
    assert isinstance(step, Park)
    assert "duplicate" in step.reason
    assert "n1, n2" in step.reason


@pytest.mark.case(3)
def test_absent_before_the_horizon_waits_for_the_rest_of_it() -> None:
    step = next_step(doubt(since=6.0), Absent())
    assert isinstance(step, Wait)
    assert step.seconds == 594.0


@pytest.mark.case(5)
def test_absent_on_a_lagging_path_waits_for_horizon_and_lag() -> None:
    step = next_step(doubt("marker, lagging", since=600.0), Absent())
    assert isinstance(step, Wait)
    assert step.seconds == 5.0
    assert isinstance(next_step(doubt("marker, lagging", since=605.0), Absent()), SendAgain)


@pytest.mark.case(4)
def test_absent_without_a_known_horizon_is_parked() -> None:
    assert isinstance(next_step(doubt("marker, no horizon", since=1e9), Absent()), Park)


def test_absent_on_a_final_path_needs_no_horizon() -> None:
    action = replace(ADD, probe=fresh(absent_is_final=True), horizon=None)
    assert isinstance(next_step(Doubt(action, 0.0, 0.0), Absent()), SendAgain)


def test_key_that_the_target_recognises_is_sent_again_at_once() -> None:
    assert isinstance(next_step(doubt("client id"), Absent()), SendAgain)
    assert isinstance(next_step(doubt("client id, no probe"), None), SendAgain)


@pytest.mark.case(22)
def test_key_past_its_life_is_never_sent_again() -> None:
    action = replace(ADD, dedupe=NativeKey(7200.0))
    alive, dead = Doubt(action, 7199.0, 0.0, horizon=60.0), Doubt(action, 7200.0, 100.0, horizon=60.0)
    assert isinstance(next_step(alive, Absent()), SendAgain)
    assert isinstance(next_step(dead, Absent()), ProvenAbsent)
    blind = replace(action, probe=None)
    assert isinstance(next_step(Doubt(blind, 7199.0, 0.0), None), SendAgain)
    assert isinstance(next_step(Doubt(blind, 7200.0, 0.0), None), Park)


def test_no_means_and_no_probe_is_parked_at_once() -> None:
    assert isinstance(next_step(doubt("nothing"), None), Park)


def test_no_means_but_a_probe_is_never_sent_again_by_itself() -> None:
    assert isinstance(next_step(doubt("nothing but a probe", since=1.0), Absent()), Wait)
    assert isinstance(next_step(doubt("nothing but a probe", since=600.0), Absent()), ProvenAbsent)


@pytest.mark.parametrize("stopped", ["atomic", "final"])
def test_item_that_cannot_be_sent_alone_waits_for_proof_of_absence(stopped: str) -> None:
    early = doubt("client id", since=1.0, **{stopped: True})
    late = doubt("client id", since=600.0, **{stopped: True})
    assert isinstance(next_step(early, Absent()), Wait)
    assert isinstance(next_step(late, Absent()), ProvenAbsent)
    assert isinstance(next_step(doubt("client id, no probe", **{stopped: True}), None), Park)


FINDINGS: list[Finding | None] = [
    None,
    Absent(),
    CannotTell("?"),
    Many(("a", "b")),
    Present(NOTE),
    Present(NOTE, differs=("text",)),
]


@given(
    name=st.sampled_from(sorted(VARIANTS)),
    since=st.floats(0, 599.0),
    finding=st.sampled_from(FINDINGS),
    atomic=st.booleans(),
)
def test_nothing_without_a_recognised_key_is_sent_again_inside_the_horizon(
    name: str, since: float, finding: Finding | None, atomic: bool
) -> None:
    action = variant(name)
    finding = None if action.probe is None else (finding or Absent())
    step = next_step(doubt(name, since=since, atomic=atomic), finding)
    if isinstance(step, SendAgain):
        assert action.resend == "same_key"
        assert not atomic
    if isinstance(step, ProvenApplied):
        assert isinstance(finding, Present)
    assert not isinstance(step, ProvenAbsent), "nothing is proven absent inside the horizon"


@pytest.mark.case(22)
def test_key_that_would_die_before_the_repetition_arrives_is_not_sent_again() -> None:
    action = replace(variant("client id, no probe"), dedupe=NativeKey(100.0))
    assert isinstance(next_step(Doubt(action, 60.0, 60.0, margin=30.0), None), SendAgain)
    assert isinstance(next_step(Doubt(action, 80.0, 80.0, margin=30.0), None), Park)
