"""Effects belong to the operations whose requests caused them; what belongs to none was asked for by nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seawall import Applied
from seawall.connectors.hubspot.models import GetContact, UpdateContact
from seawall.connectors.suitecrm.models import CloseCase, GetCase
from seawall.simulators.chaos.checker import check
from seawall.simulators.chaos.entries import (
    ActionFacts,
    Answered,
    Asked,
    Attempted,
    Entry,
    Journalled,
    Setting,
    SystemFacts,
    Told,
    Wanted,
    Wire,
)
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.stage import Stage
from seawall.simulators.chaos.subject import Reading, Sample
from seawall.simulators.chaos.subjects import load_subject
from seawall.simulators.chaos.verdicts import Invariant, Judgement
from seawall.simulators.effects import Effect
from seawall.simulators.virtual_time import run

CHANGED = Wanted("Note", ("update",), {"id": "n1"}, {"text": "A"})


def setting(*wanted: tuple[Wanted, ...]) -> Setting:
    facts = ActionFacts("set", "Marker", probe=True)
    systems = {"toy": SystemFacts({"put": facts}, 4, 0.1, 10.0)}
    return Setting("toy", 0, {}, systems, {f"toy.put/{n}": one for n, one in enumerate(wanted, 1)})


def written(number: int) -> list[Entry]:
    """A call that was sent by the request with the same number, and acknowledged; seconds are ten for each."""
    at, name = number * 10.0, f"toy.put/{number}"
    journalled = Journalled(at, "w1", name, f"op_{number}", f"k{number}", "running", 1)
    return [
        Asked(at, number, "c1", "toy", "put", name, f"d{number}", 30.0),
        journalled,
        Attempted(at + 1, number, "w1", "toy", "put", name, f"op_{number}", f"k{number}", f"d{number}", 1),
        Wire(at + 2, "toy", "put", "write", attempt=number, number=number),
        Answered(at + 4, number, name, "applied"),
        replace(journalled, at=at + 5, status="applied"),
        Told(at + 6, number, "applied", "applied", f"op_{number}"),
    ]


def effect(seq: int, kind: Any, record: str, by: int, *, at: float = 12.0, **fields: str) -> Effect:
    return Effect(seq, at, kind, "Note", record, fields, tuple(fields), by)


def broken(judged: Setting, *effects: Effect) -> tuple[Invariant, ...]:
    entries = [entry for number in range(1, len(judged.wanted) + 1) for entry in written(number)]
    return check(History(judged, entries), {"toy": list(effects)}).broken


def test_two_updates_of_one_record_by_two_operations_are_one_each() -> None:
    both = setting((CHANGED,), (replace(CHANGED, content={"text": "B"}),))
    mine = effect(1, "update", "n1", 1, text="A")
    other = effect(2, "update", "n1", 2, at=22.0, text="B")
    assert broken(both, mine, other) == ()
    assert Invariant.NO_DUPLICATE in broken(both, mine, replace(other, request_id=1))


def test_update_and_what_closes_the_record_later_each_change_their_own_fields() -> None:
    strict = replace(CHANGED, beside=())
    closes = Wanted("Note", ("update",), {"id": "n1"}, {"state": "closed"}, ())
    effects = [effect(1, "update", "n1", 1, text="A"), effect(2, "update", "n1", 2, at=22.0, state="closed")]
    assert broken(setting((strict,), (closes,)), *effects) == ()


@pytest.mark.parametrize("kind", ["update", "delete", "insert"])
def test_effect_on_a_record_that_the_request_was_not_for_is_one_that_nobody_asked_for(kind: Any) -> None:
    effects = [effect(1, "update", "n1", 1, text="A"), effect(2, kind, "n2", 1, text="A")]
    assert broken(setting((CHANGED,)), *effects) == (Invariant.NO_DUPLICATE,)


@pytest.mark.parametrize("kind", ["update", "delete"])
def test_change_of_a_kind_of_record_that_no_operation_knows_is_one_that_nobody_asked_for(kind: Any) -> None:
    stranger = replace(effect(2, kind, "p1", 1, text="A"), object="Person")
    assert broken(setting((CHANGED,)), effect(1, "update", "n1", 1, text="A"), stranger) == (Invariant.NO_DUPLICATE,)


def test_record_that_the_system_makes_beside_what_was_asked_for_is_its_own() -> None:
    beside = replace(effect(2, "insert", "l1", 1, text="A"), object="LogLine")
    assert broken(setting((CHANGED,)), effect(1, "update", "n1", 1, text="A"), beside) == ()


def test_update_that_changed_nothing_is_nobodys_business() -> None:
    same = replace(effect(2, "update", "n2", 1, text="A"), changed=())
    assert broken(setting((CHANGED,)), effect(1, "update", "n1", 1, text="A"), same) == ()


@pytest.mark.parametrize("kind", ["update", "delete"])
def test_effect_for_another_operation_that_undoes_what_was_acknowledged_is_a_lost_write(kind: Any) -> None:
    other = Wanted("Note", ("update",), {"id": "n2"}, {"text": "B"})
    effects = [
        effect(1, "update", "n1", 1, text="A"),
        effect(2, kind, "n1", 2, at=22.0, text="B"),
        effect(3, "update", "n2", 2, at=22.0, text="B"),
    ]
    assert broken(setting((CHANGED,), (other,)), *effects) == (Invariant.NO_LOST_WRITE,)


def test_operation_whose_effects_nobody_described_is_not_accused() -> None:
    assert broken(setting((CHANGED,), ()), effect(1, "update", "n1", 1, text="A"), effect(2, "delete", "n9", 2)) == ()


def test_effects_of_a_task_that_sends_for_several_attempts_go_to_the_operation_that_was_being_sent() -> None:
    other = Wanted("Note", ("update",), {"id": "n2"}, {"text": "B"})
    late = effect(2, "update", "n2", 1, at=22.0, text="B")
    assert broken(setting((CHANGED,), (other,)), effect(1, "update", "n1", 1, text="A"), late) == ()


def test_effects_without_a_known_request_are_known_by_their_record() -> None:
    assert broken(setting((CHANGED,)), effect(1, "update", "n1", 0, text="A")) == ()
    assert broken(setting((CHANGED,)), effect(1, "update", "n1", 0, text="A"), effect(2, "delete", "n2", 0)) == ()
    unasked = effect(2, "update", "n2", 0, text="A")
    assert broken(setting((CHANGED,)), effect(1, "update", "n1", 0, text="A"), unasked) == (Invariant.NO_DUPLICATE,)


def _one_after_another(subject: str, folder: Path, first: str, then: str, make: Any) -> Judgement:
    """Two operations on one record, the second of what the first had left."""

    async def main() -> Judgement:
        async with Stage(load_subject(subject), folder=folder) as stage:
            worker = await stage.start_worker()
            sample = await stage.sample(first, 1)
            stage.samplers[subject][then] = lambda _: make(sample.request)  # type: ignore[index]
            for number, action in enumerate((first, then), 1):
                await stage.clock.sleep(5)
                outcome = await stage.call(worker, action, await stage.sample(action, number))
                assert isinstance(outcome, Applied)
            stage.heal()
            await stage.settle()
            return stage.judge()

    return run(main())


def test_two_honest_updates_of_one_contact_are_green(tmp_path: Path) -> None:
    def again(first: UpdateContact) -> Sample:
        contact = first.contact_id
        reading = Reading(
            "get_contact",
            GetContact(contact_id=contact),
            lambda seen: UpdateContact(contact_id=contact, version=seen.version, phone="T00002"),
        )
        wanted = Wanted("contacts", ("update",), {"id": contact}, {"phone": "T00002"}, ())
        return Sample(None, (wanted,), after_reading=reading)

    assert _one_after_another("hubspot", tmp_path, "update_contact", "update_contact", again).broken == ()


def test_case_that_is_updated_and_then_closed_is_green(tmp_path: Path) -> None:
    def close(first: Any) -> Sample:
        case = first.case_id
        reading = Reading(
            "get_case",
            GetCase(case_id=case),
            lambda seen: CloseCase(case_id=case, version=seen.version, resolution="Done"),
        )
        wanted = Wanted("Cases", ("update",), {"id": case}, {"resolution": "Done"}, ("status", "state"))
        return Sample(None, (wanted,), after_reading=reading)

    assert _one_after_another("suitecrm", tmp_path, "update_case", "close_case", close).broken == ()
