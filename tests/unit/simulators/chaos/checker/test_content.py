"""What the subjects that come with Seawall say of their content: a wrong value, or one too many, is seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from seawall.simulators.chaos.checker import check
from seawall.simulators.chaos.entries import Event, Told, Wanted
from seawall.simulators.chaos.episode import Episode, play
from seawall.simulators.chaos.explore import asked_of
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.chaos.subjects import SUBJECTS, load_subject
from seawall.simulators.chaos.verdicts import Invariant
from seawall.simulators.effects import Effect

WRONG = "something else"


def played(subject: str) -> Iterator[Episode]:
    """Each action once, without a fault; those that are never called applied have no content to be held to."""
    for action in asked_of(load_subject(subject)):
        episode = play(Scenario(subject=subject, calls=(PlannedCall(action=action, sample=1),)))
        assert episode.judgement.broken == ()
        if all(told.word == "applied" for told in episode.history.of(Told)):
            yield episode


def free(episode: Episode, effect: Effect) -> set[str]:
    """Fields of an effect that may have any value."""
    wanted = [one for some in episode.history.setting.wanted.values() for one in some if one.object == effect.object]
    return {name for one in wanted for name in one.beside or ()} - {name for one in wanted for name in one.where}


def broken(episode: Episode, effect: Effect, fields: Mapping[str, Any]) -> Sequence[Invariant]:
    changed = effect.changed and tuple(fields)
    (system,) = episode.effects
    log = [replace(one, fields=fields, changed=changed) if one is effect else one for one in episode.effects[system]]
    return check(episode.history, {system: log}).broken


@pytest.mark.parametrize("subject", SUBJECTS)
def test_wrong_value_of_any_field_that_a_sample_writes_is_seen(subject: str) -> None:
    unseen = [
        (effect.object, effect.kind, name)
        for episode in played(subject)
        for log in episode.effects.values()
        for effect in log
        for name in effect.fields.keys() - free(episode, effect)
        if not broken(episode, effect, {**effect.fields, name: WRONG})
    ]
    assert unseen == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_field_that_nobody_asked_for_is_a_phantom_success_for_every_effect(subject: str) -> None:
    for episode in played(subject):
        for log in episode.effects.values():
            for effect in log:
                if effect.kind != "delete":
                    found = set(broken(episode, effect, {**effect.fields, "surplus": WRONG}))
                    assert found <= {Invariant.NO_PHANTOM_SUCCESS, Invariant.EXACT_PARTIALS}, effect
                    assert found, effect


def test_text_that_must_be_contained_may_have_more_around_it_and_must_not_be_cut() -> None:
    call = PlannedCall(action="add_case_comment", sample=1)
    episode = play(Scenario(subject="salesforce", calls=(call,)))
    (effect,) = episode.effects["salesforce"]
    body = str(effect.fields["CommentBody"])
    assert broken(episode, effect, {**effect.fields, "CommentBody": f"> {body}"}) == ()
    cut = {**effect.fields, "CommentBody": body.replace(" called", " c")}
    assert broken(episode, effect, cut) == (Invariant.NO_PHANTOM_SUCCESS,)


def _told(episode: Episode, **changes: Any) -> tuple[Invariant, ...]:
    entries = [replace(one, **changes) if isinstance(one, Told) else one for one in episode.history.entries]
    return check(History(episode.history.setting, entries), episode.effects).broken


def test_receipt_that_names_a_record_which_no_system_has_is_a_phantom_success() -> None:
    episode = play(Scenario(subject="salesforce", calls=(PlannedCall(action="create_case", sample=1),)))
    assert _told(episode, record="500SW0000000009YAA") == (Invariant.NO_PHANTOM_SUCCESS,)


@pytest.mark.parametrize("named", ["", "ParentId"])
def test_receipt_may_name_nothing_or_what_the_operation_wrote_into_its_record(named: str) -> None:
    episode = play(Scenario(subject="salesforce", calls=(PlannedCall(action="add_case_comment", sample=1),)))
    (effect,) = episode.effects["salesforce"]
    assert _told(episode, record=str(effect.fields.get(named, ""))) == ()


@pytest.mark.parametrize(
    ("action", "invariant"),
    [("create_case", Invariant.NO_PHANTOM_SUCCESS), ("create_cases", Invariant.EXACT_PARTIALS)],
)
def test_content_of_what_no_client_was_told_of_is_seen_once_the_ledger_calls_it_applied(
    action: str, invariant: Invariant
) -> None:
    episode = play(Scenario(subject="salesforce", calls=(PlannedCall(action=action, sample=1),)))
    entries = [
        replace(one, word="unknown", items=tuple(replace(item, word="unknown") for item in one.items))
        if isinstance(one, Told)
        else one
        for one in episode.history.entries
    ]
    crash = [Event(entries[0].at, "crash", "w1")]
    untold = replace(episode, history=History(episode.history.setting, [*crash, *entries]))
    effect, *_ = untold.effects["salesforce"]
    assert broken(untold, effect, effect.fields) == ()
    assert broken(untold, effect, {**effect.fields, "Subject": WRONG}) != ()
    assert broken(untold, effect, {**effect.fields, "Priority": WRONG}) == (invariant,)
    assert broken(untold, effect, {**effect.fields, "surplus": WRONG}) == (invariant,)


def test_content_of_another_wording_that_only_recovery_resolved_is_that_of_the_wording() -> None:
    call = PlannedCall(action="create_case", sample=1, reworded=True)
    episode = play(Scenario(subject="salesforce", calls=(call,)))
    assert episode.judgement.broken == ()
    assert _told(episode, word="cut_off") == ()


def test_call_that_is_told_of_what_another_wording_had_asked_for_is_a_phantom_success() -> None:
    calls = (
        PlannedCall(action="create_case", sample=1),
        PlannedCall(action="create_case", sample=1, reworded=True, client=2, at=10.0),
    )
    episode = play(Scenario(subject="salesforce", calls=calls))
    assert episode.judgement.broken == ()
    assert [one.error for one in episode.history.of(Told)] == ["", "Conflict"]
    assert _told(episode, word="applied", effect="applied", error="") == (Invariant.NO_PHANTOM_SUCCESS,)


def test_wanted_effect_that_says_nothing_of_what_is_beside_it_lets_an_adapter_write_more() -> None:
    episode = play(Scenario(subject="soap", calls=(PlannedCall(action="book_credit", sample=1),)))
    setting = episode.history.setting
    lax: dict[str, tuple[Wanted, ...]] = {
        name: tuple(replace(one, beside=None) for one in some) for name, some in setting.wanted.items()
    }
    history = History(replace(setting, wanted=lax), episode.history.entries)
    (effect,) = episode.effects["soap"]
    more = replace(effect, fields={**effect.fields, "surplus": WRONG})
    assert check(history, {"soap": [more]}).broken == ()
