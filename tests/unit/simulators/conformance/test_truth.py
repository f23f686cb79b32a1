"""The oracle counts effects, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.toy import ADD

from seawall.core.action import ClientId, Marker, fresh
from seawall.simulators.chaos.entries import Wanted
from seawall.simulators.conformance.truth import Truth, truth_of
from seawall.simulators.effects import Effect

CASE = Wanted("Case", ("insert",), {"Subject": "T1"}, {"Priority": "High"})
CHANGE = Wanted("Case", ("update",), {"id": "c1"}, {"Priority": "High"})


def effect(seq: int, **changes: Any) -> Effect:
    told: dict[str, Any] = {"kind": "insert", "fields": {"Subject": "T1 is out", "Priority": "High"}}
    told |= {"changed": ("Subject", "Priority"), **changes}
    return Effect(seq, float(seq), object="Case", record_id=told.pop("record_id", f"c{seq}"), **told)


def counted(*effects: Effect, wanted: tuple[Wanted, ...] = (CASE,), dedupe: Any = None) -> Truth:
    return truth_of(effects, wanted, replace(ADD, dedupe=dedupe or ClientId("key"), probe=fresh(), retry=None))


def test_nothing_happened() -> None:
    truth = counted()
    assert (truth.copies, truth.whole, truth.content, truth.records, truth.at) == (0, True, False, (), ())


def test_one_effect_counts_once_with_its_record_and_time() -> None:
    truth = counted(effect(1))
    assert (truth.copies, truth.content, truth.records, truth.at) == (1, True, ("c1",), (1.0,))


def test_second_insert_counts_twice() -> None:
    assert counted(effect(1), effect(2)).copies == 2


def test_effect_of_another_operation_does_not_count() -> None:
    assert counted(effect(1, fields={"Subject": "T2 is out"})).copies == 0
    assert counted(effect(1, kind="delete")).copies == 0


def test_other_content_is_seen() -> None:
    truth = counted(effect(1, fields={"Subject": "T1", "Priority": "Low"}))
    assert (truth.copies, truth.content) == (1, False)


@pytest.mark.parametrize(("changed", "copies"), [(("Priority",), 2), ((), 1)])
def test_update_counts_again_only_if_it_changes_something(changed: tuple[str, ...], copies: int) -> None:
    first = effect(1, kind="update", record_id="c1")
    again = effect(2, kind="update", record_id="c1", changed=changed)
    assert counted(first, again, wanted=(CHANGE,)).copies == copies


@pytest.mark.parametrize(("dedupe", "copies"), [(ClientId("key"), 2), (Marker("note"), 1)])
def test_second_delivery_counts_where_the_target_must_prevent_it(dedupe: Any, copies: int) -> None:
    truth = counted(effect(1), effect(2, cause="duplicate_delivery"), dedupe=dedupe)
    assert (truth.copies, truth.records) == (copies, ("c1", "c2"))


def test_half_of_what_belongs_together_is_not_whole() -> None:
    history = Wanted("History", ("insert",), {"what": "T1"})
    truth = counted(effect(1), wanted=(CASE, history))
    assert (truth.copies, truth.whole) == (1, False)


def test_record_whose_id_only_holds_the_id_that_was_meant_is_another() -> None:
    first = replace(CHANGE, where={"id": "1"})
    mine = effect(1, kind="update", record_id="1")
    theirs = effect(2, kind="update", record_id="10")
    truth = counted(mine, theirs, wanted=(first,))
    assert (truth.copies, truth.records) == (1, ("1",))


def test_text_that_must_be_in_a_field_is_content_too() -> None:
    told = replace(CASE, content={}, contains={"Subject": "T1 is out"})
    assert counted(effect(1), wanted=(told,)).content
    assert not counted(effect(1, fields={"Subject": "T1"}), wanted=(told,)).content


def test_update_that_changes_nothing_that_was_asked_for_is_no_second_effect() -> None:
    first = effect(1, kind="update", record_id="c1", changed=("Priority",))
    again = effect(2, kind="update", record_id="c1", changed=("LastSeen",))
    assert counted(first, again, wanted=(CHANGE,)).copies == 1
