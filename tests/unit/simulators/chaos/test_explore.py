"""Exploring: each single fault of each action once, pairs and schedules from a seed, and nothing no client can help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from seawall.core.adapter import Adapter, Surroundings
from seawall.simulators.chaos.entries import Told
from seawall.simulators.chaos.episode import play
from seawall.simulators.chaos.explore import Courses, asked_of, course_of, pairs, schedules, singles
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.chaos.subject import SubjectError
from seawall.simulators.chaos.subjects import SUBJECTS, load_subject, place_of
from seawall.simulators.chaos.subjects.soap import BillingSubject
from seawall.simulators.chaos.subjects.suitecrm import SuiteCrmOldSubject
from seawall.simulators.chaos.verdicts import Invariant


def test_course_of_an_action_is_what_it_comes_to_on_the_wire() -> None:
    course = course_of("salesforce", load_subject("salesforce"), "create_case")
    assert {"token", "upsert"} & course.plain
    assert course.plain.isdisjoint(course.in_doubt)
    assert course.in_doubt
    assert course.writes
    assert course.guarded


class Prompt(SuiteCrmOldSubject):
    """Says of everything that it lands within a second and a half."""

    settings: ClassVar[Mapping[str, Any]] = {**SuiteCrmOldSubject.settings, "horizon": 1.5}


class PromptItems(SuiteCrmOldSubject):
    """Says of the items of a batch that they land within a second and a half, and nothing of the batch."""

    def adapter(self, target: Any, around: Surroundings) -> Adapter:
        """The adapter, with another horizon of the one action."""
        made: Any = super().adapter(target, around)
        single = replace(made.actions["create_case"], horizon=1.5)
        made._actions = {**made.actions, "create_case": single}
        return made  # type: ignore[no-any-return]


@pytest.mark.parametrize("subject", [Prompt(), PromptItems()], ids=["all", "items"])
def test_nothing_that_is_explored_lands_after_the_horizon(subject: SuiteCrmOldSubject) -> None:
    name = place_of(subject)
    batch = "create_cases"
    assert course_of(name, subject, batch).horizon == 1.5
    made = [*singles(name, subject), *pairs(name, 0, 200, subject), *schedules(name, range(60), subject)]
    struck = [fault for one in made if batch in {call.action for call in one.calls} for fault in one.plan.faults]
    assert any(fault.kind == "reset" for fault in struck)
    late = [fault.param("delay") for fault in struck if fault.kind == "late_commit"]
    slow = [fault.param("seconds") for fault in struck if (fault.kind, fault.point) == ("slow", "apply")]
    assert max([*late, *slow], default=0.0) <= 0.5


def test_action_whose_target_enforces_nothing_is_not_delivered_twice() -> None:
    made = list(singles("salesforce"))
    twice = {one.calls[0].action for one in made if one.plan.faults[-1].kind == "duplicate_delivery"}
    assert "create_case" in twice
    assert "add_case_comment" not in twice


def test_singles_have_every_action_and_both_sides_of_the_commit_and_no_scenario_twice() -> None:
    made = list(singles("hubspot"))
    assert {one.calls[0].action for one in made} == set(asked_of(load_subject("hubspot")))
    points = {(one.plan.faults[-1].point, one.plan.faults[-1].kind) for one in made}
    assert points >= {("apply", "reset"), ("after_commit", "reset"), ("later", "late_commit"), ("before_send", "crash")}
    assert len({one.model_dump_json() for one in made}) == len(made)


def test_what_only_a_lost_reply_leads_to_comes_after_one() -> None:
    made = [one for one in singles("salesforce") if one.calls[0].action == "create_follow_up"]
    (probe, *_) = [one for one in made if len(one.plan.faults) == 2 and one.plan.faults[1].kind == "garbage"]
    assert probe.plan.faults[0].id == "lost"
    judgement = play(probe).judgement
    assert judgement.broken == ()
    assert judgement.verdicts[Invariant.NOT_VACUOUS - 1].result == "valid"


def test_what_only_a_lock_leads_to_comes_after_one() -> None:
    course = course_of("suitecrm", load_subject("suitecrm"), "create_case")
    assert course.leads["v8_list"].kind == "lock_error"
    made = [one for one in singles("suitecrm") if one.calls[0].action == "create_case"]
    (looked,) = [one for one in made if one.plan.faults[-1].id == "v8_list-after_commit-garbage"]
    assert [fault.id for fault in looked.plan.faults] == ["lock", "v8_list-after_commit-garbage"]
    assert play(looked).judgement.worst == "valid"


def test_second_request_of_a_name_is_struck_after_what_leads_to_it() -> None:
    made = [one for one in singles("salesforce") if one.calls[0].action == "create_case"]
    second = [one for one in made if one.plan.faults[-1].trigger.nth == 2]
    assert {one.plan.faults[-1].kind for one in second} >= {"reset", "late_commit"}
    for one in second[:6]:
        judgement = play(one).judgement
        assert (judgement.worst, judgement.broken) == ("valid", ())


def test_schedules_differ_in_parameters_some_are_calm_and_some_have_newer_changes() -> None:
    made = list(schedules("suitecrm", range(60)))
    faults = [fault for one in made for fault in one.plan.faults]
    assert sum(1 for fault in faults if fault.params) > 20
    calm = [one for one in made if not one.plan.faults]
    assert 0 < len(calm) < 20
    assert all(one.mishaps == () for one in calm)
    assert max(fault.trigger.nth or 0 for fault in faults) > 4
    newer = [(one, call) for one in made for call in one.calls if call.newer]
    assert newer
    for one, call in newer:
        older = next(other for other in one.calls if (other.action, other.sample) == (call.action, call.sample))
        assert not older.newer
    assert any(fault.params for one in pairs("suitecrm", 1, 20) for fault in one.plan.faults)


def test_pairs_and_schedules_of_a_seed_are_always_the_same() -> None:
    assert list(pairs("soap", 3, 5)) == list(pairs("soap", 3, 5))
    assert list(pairs("soap", 3, 5)) != list(pairs("soap", 4, 5))
    assert list(schedules("soap", range(3))) == list(schedules("soap", range(3)))


def test_schedules_have_faults_of_the_target_and_of_the_client_side() -> None:
    faults = [fault for one in schedules("soap", range(40)) for fault in one.plan.faults]
    assert any(fault.client_side for fault in faults)
    assert any(not fault.client_side for fault in faults)


@pytest.mark.parametrize("name", ["nonsense", "os:nothing", "nonsense:Class"])
def test_subject_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(LookupError, match="salesforce-marker"):
        load_subject(name)


@pytest.mark.parametrize("name", SUBJECTS)
def test_each_of_our_subjects_does_all_that_its_samples_ask_for_when_nothing_goes_wrong(name: str) -> None:
    for scenario in schedules(name, range(1)):
        calm = scenario.model_copy(update={"plan": scenario.plan.model_copy(update={"faults": ()}), "mishaps": ()})
        judgement = play(calm).judgement
        assert judgement.broken == ()
        assert judgement.worst == "valid"
        assert judgement.sent > 0


def test_subject_without_samples_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = load_subject("soap")
    monkeypatch.setattr(subject, "samples", lambda _target: {})
    with pytest.raises(SubjectError, match="soap: the subject makes no samples"):
        list(schedules("soap", range(1), subject))


@pytest.mark.parametrize("name", SUBJECTS)
def test_each_of_our_subjects_makes_samples_of_every_action_and_each_is_what_it_says(name: str) -> None:
    calls = tuple(PlannedCall(action=action, sample=1) for action in asked_of(load_subject(name)))
    episode = play(Scenario(subject=name, calls=calls))
    (facts,) = episode.history.setting.systems.values()
    assert set(asked_of(load_subject(name))) == set(facts.actions)
    assert (episode.judgement.worst, episode.judgement.broken) == ("valid", ())
    assert {told.word for told in episode.history.of(Told)} <= {"applied", "partial", "pending"}


class Sized(BillingSubject):
    """Two of its class may differ."""

    def __init__(self) -> None:
        self.size = 1


@pytest.mark.parametrize(("subject", "kept"), [(BillingSubject(), True), (Sized(), False)])
def test_what_was_seen_of_actions_before_makes_the_same_schedules(subject: BillingSubject, kept: bool) -> None:
    known: Courses = {}
    first = list(schedules("soap", range(5), subject, known))
    assert bool(known) == kept
    assert list(schedules("soap", range(5), subject, known)) == first == list(schedules("soap", range(5), subject))
