"""Episodes: a scenario is played to its end, healed, judged; the same scenario comes to the same history."""

from __future__ import annotations

from typing import Any

import pytest

from seawall.core.adapter import Adapter, Attempt, Sent, Surroundings
from seawall.core.errors import IntegrationError
from seawall.simulators.chaos.entries import Asked, Attempted, Event, Told, Wire
from seawall.simulators.chaos.episode import play
from seawall.simulators.chaos.explore import schedules
from seawall.simulators.chaos.failing import investigate
from seawall.simulators.chaos.naive import play_naively
from seawall.simulators.chaos.scenario import Mishap, PlannedCall, Scenario
from seawall.simulators.chaos.subjects.hubspot import HubSpotSubject
from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject
from seawall.simulators.chaos.tally import Tally
from seawall.simulators.chaos.verdicts import Invariant
from seawall.simulators.faults import Plan

LOST = {"id": "lost", "match": {"lane": "write"}, "point": "after_commit", "kind": "reset", "trigger": {"nth": 1}}


def scenario(*faults: dict[str, Any], **how: Any) -> Scenario:
    call = PlannedCall(action="create_case", sample=1, again=2)
    return Scenario.model_validate(
        {"subject": "salesforce", "plan": Plan.model_validate({"faults": faults}), "calls": (call,), **how}
    )


def test_lost_reply_is_found_out_and_every_invariant_holds() -> None:
    episode = play(scenario(LOST))
    assert episode.judgement.worst == "valid"
    assert [effect.kind for effect in episode.effects["salesforce"]] == ["insert"]
    assert any(wire.fault == "lost" for wire in episode.history.of(Wire))


def test_same_scenario_comes_to_the_same_history_byte_for_byte() -> None:
    (made,) = schedules("suitecrm", [7])
    first, second = (list(play(made).history.lines()) for _ in range(2))
    assert first == second


def test_process_that_is_killed_is_replaced_and_everything_is_settled() -> None:
    hang = {**LOST, "kind": "hang"}
    episode = play(scenario(hang, mishaps=(Mishap(what="crash", at=2.0, seconds=5.0),)))
    assert episode.judgement.broken == ()
    assert [event.what for event in episode.history.of(Event)] == ["crash", "heal", "settled"]
    assert {attempt.worker for attempt in episode.history.of(Attempted)} >= {"w1"}
    assert next(told.word for told in episode.history.of(Told)) == "cut_off"


@pytest.mark.parametrize(
    ("point", "kind"),
    [
        ("before_journal", "crash"),
        ("after_journal", "crash"),
        ("before_send", "crash"),
        ("after_send", "crash"),
        ("before_record", "crash"),
        ("before_send", "pause"),
        ("after_send", "cancel"),
        ("call", "two_workers"),
        ("call", "short_deadline"),
        ("before_journal", "ledger_write_fails"),
        ("before_record", "ledger_write_fails"),
        ("before_send", "clock_jump"),
    ],
)
def test_fault_of_the_clients_own_process_strikes_once_and_breaks_nothing(point: str, kind: str) -> None:
    episode = play(scenario({"id": "own", "point": point, "kind": kind, "trigger": {"nth": 1}, "times": 1}))
    (struck,) = [wire for wire in episode.history.of(Wire) if wire.fault == "own"]
    assert (struck.lane, struck.point, struck.kind) == ("client", point, kind)
    assert episode.judgement.broken == ()
    assert len(episode.effects["salesforce"]) <= 1


@pytest.mark.parametrize("point", ["before_journal", "after_journal", "before_send", "after_send", "before_record"])
def test_batch_comes_to_each_step_under_its_own_name(point: str) -> None:
    own = {"id": "own", "match": {"operation": "create_cases"}, "point": point, "kind": "crash", "trigger": {"nth": 1}}
    calls = (PlannedCall(action="create_case", sample=1), PlannedCall(action="create_cases", sample=2, again=2))
    episode = play(scenario(own, calls=calls))
    (struck,) = [wire for wire in episode.history.of(Wire) if wire.fault == "own"]
    assert (struck.request, struck.kind) == (point, "crash")
    first, second, *_ = (asked.call for asked in episode.history.of(Asked))
    words = {told.call: told.word for told in episode.history.of(Told)}
    assert (words[first], words[second]) == ("applied", "cut_off")
    assert episode.judgement.broken == ()


def repeating(inner: Adapter) -> Adapter:
    real = inner.send

    async def send(action: Any, attempt: Attempt) -> Sent[Any]:
        try:
            return await real(action, attempt)
        except IntegrationError:
            if not action.writes:
                raise
            return await real(action, attempt)

    vars(inner)["send"] = send
    return inner


class ForgetfulSubject(SalesforceMarkerSubject):
    """A connector that repeats by itself."""

    name = "forgetful"

    def adapter(self, target: Any, around: Surroundings) -> Adapter:
        return repeating(super().adapter(target, around))


def test_connector_that_repeats_by_itself_is_caught_and_the_failure_is_shrunk_to_one_call_and_one_fault() -> None:
    subject = ForgetfulSubject()
    made = next(
        one
        for one in schedules("forgetful", range(50), subject)
        if Invariant.NO_DUPLICATE in play(one, subject).judgement.broken
    )
    found = investigate(made, subject)
    assert found.invariant is Invariant.NO_DUPLICATE
    assert len(found.shrunk.scenario.calls) == 1
    assert len(found.shrunk.scenario.plan.faults) == 1
    assert found.verdict is not None
    assert sum("EFFECT" in line for line in found.verdict.witnesses[0].lines) == 2
    assert Invariant.NO_DUPLICATE in play(found.shrunk.scenario, subject).judgement.broken


def test_usual_client_makes_two_of_a_lost_reply_where_only_a_marker_is_there() -> None:
    made = scenario(LOST).model_copy(update={"subject": "salesforce-marker"})
    assert Invariant.NO_DUPLICATE in play_naively(made).judgement.broken
    assert play(made).judgement.broken == ()


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("subject", "action"),
    [("netsuite", "update_customer"), ("soap", "get_account"), ("hubspot", "update_contact"), ("suitecrm", "get_case")],
)
def test_slow_read_that_would_lock_rows_ends(subject: str, action: str) -> None:
    slow = {"id": "slow", "point": "apply", "kind": "slow", "match": {"lane": "read"}, "trigger": {"nth": 1}}
    call = PlannedCall(action=action, sample=1, again=2)
    made = scenario({**slow, "params": {"seconds": 11.0, "locks": True}}, subject=subject, calls=(call,))
    episode = play(made)
    assert episode.judgement.broken == ()
    assert [wire.fault for wire in episode.history.of(Wire) if wire.fault] == ["slow"]


def test_figures_of_episodes_add_up() -> None:
    tally = Tally()
    for one in (scenario(LOST), scenario()):
        tally.add(play(one))
    assert (tally.episodes, tally.operations, tally.calls) == (2, 2, 2)
    assert tally.green
    assert tally.struck[("after_commit", "reset", "valid")] == 1
    assert tally.planned == {("after_commit", "reset", "lost"): 1}
    assert tally.amplification >= 1.0


FOLLOWED = [
    ("salesforce", "update_case"),
    ("salesforce-marker", "update_case"),
    ("hubspot", "update_contact"),
    ("hubspot", "update_ticket"),
    ("suitecrm", "update_case"),
    ("suitecrm-v4_1", "update_case"),
    ("netsuite", "update_customer"),
    ("netsuite", "update_invoice_memo"),
    ("sql", "change_order"),
]


def followed(subject: str, action: str, *faults: dict[str, Any]) -> Scenario:
    first = PlannedCall(action=action, sample=1, again=2)
    calls = (first, first.model_copy(update={"newer": True, "at": 30.0}))
    return Scenario(subject=subject, plan=Plan.model_validate({"faults": faults}), calls=calls)


@pytest.mark.parametrize(("subject", "action"), FOLLOWED)
def test_newer_change_is_asked_for_after_the_answer_to_the_older_and_supersedes_it(subject: str, action: str) -> None:
    episode = play(followed(subject, action))
    older, newer = episode.history.of(Asked)
    assert newer.supersedes == (older.operation,)
    assert newer.operation != older.operation
    assert [told.word for told in episode.history.of(Told)] == ["applied", "applied"]
    assert (episode.judgement.worst, episode.judgement.broken) == ("valid", ())
    about = {effect.record_id for effect in episode.effects[subject] if effect.kind == "update"}
    assert len(about) == 1


class HastySubject(HubSpotSubject):
    """A connector that sends a change again at once when its reply was lost."""

    name = "hasty"

    def adapter(self, target: Any, around: Surroundings) -> Adapter:
        return repeating(super().adapter(target, around))


def test_older_change_that_lands_on_top_of_a_newer_one_is_caught_by_order() -> None:
    late = {"id": "late", "match": {"operation": "update"}, "point": "later", "kind": "late_commit",
            "params": {"delay": 45.0, "reply": "reset"}, "trigger": {"nth": 1}}  # fmt: skip
    made = followed("hasty", "update_contact", late)
    assert Invariant.ORDER in play(made, HastySubject()).judgement.broken
    assert play(made.model_copy(update={"subject": "hubspot"})).judgement.broken == ()


def test_newer_change_is_not_asked_for_by_who_has_not_seen_the_older_answered() -> None:
    down = {"id": "down", "match": {"lane": "write"}, "point": "apply", "kind": "hang"}
    assert {asked.supersedes for asked in play(followed("salesforce", "update_case", down)).history.of(Asked)} == {()}


def test_reading_for_a_newer_change_hides_no_request_of_others_from_the_history() -> None:
    others = tuple(PlannedCall(client=2, at=at / 10, action="create_case", sample=at) for at in range(280, 320))
    episode = play(followed("salesforce", "update_case").model_copy(update={"calls": (
        *followed("salesforce", "update_case").calls, *others)}))  # fmt: skip
    assert {effect.request_id for effect in episode.effects["salesforce"]} <= {
        wire.number for wire in episode.history.of(Wire)
    }
    assert episode.judgement.broken == ()
