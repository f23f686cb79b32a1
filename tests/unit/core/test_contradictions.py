from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.toy import ADD, AddNotes, GetNote, Noted, SetNote

from seawall.core.action import (
    Action,
    Batch,
    ClientId,
    Compensation,
    EffectClass,
    Marker,
    NativeKey,
    NaturalKey,
    NoDedupe,
    Observation,
    ReadPath,
    lagging,
)
from seawall.core.contradictions import ContradictoryAction

READ = Action(name="get", description="Reads.", request=GetNote, reply=Noted, effect=EffectClass.READ)
SET = Action(
    name="set",
    description="Sets.",
    request=SetNote,
    reply=Noted,
    effect=EffectClass.SET,
    identity=("note_id",),
    version="version",
    dedupe=Marker("m"),
    probe=lagging(1),
)


@pytest.mark.parametrize(
    ("base", "changes", "says"),
    [
        (ADD, {"dedupe": NoDedupe(), "probe": None, "retry": True}, "NoDedupe with retry would do it twice"),
        (ADD, {"dedupe": NoDedupe(), "idempotent": True}, "create with NoDedupe is not idempotent"),
        (ADD, {"probe": None}, "Marker is of use only to a probe"),
        (ADD, {"dedupe": NaturalKey(("text",)), "probe": None}, "NaturalKey is of use only to a probe"),
        (ADD, {"dedupe": NaturalKey(())}, "NaturalKey needs the fields"),
        (ADD, {"dedupe": NativeKey(0)}, "life of the key in seconds"),
        (ADD, {"identity": ()}, "A write needs identity fields"),
        (ADD, {"identity": ("refrence",)}, "its fields are: priority, reference, text"),
        (ADD, {"horizon": -1.0}, "horizon is in seconds, 0 or more"),
        (ADD, {"probe": ReadPath(-1.0)}, "read lag is in seconds, 0 or more"),
        (ADD, {"probe": ReadPath(5.0, absent_is_final=True)}, "lagging read cannot prove"),
        (ADD, {"name": "AddNote"}, "snake_case"),
        (ADD, {"description": " "}, "Describe it"),
        (ADD, {"compensation": Compensation("add_note", lambda done: done.request)}, "cannot compensate itself"),
        (ADD, {"observation": Observation("add_note", lambda request: request)}, "by another action that reads"),
        (READ, {"observation": Observation("get_note", lambda request: request)}, "by another action that reads"),
        (ADD, {"effect": EffectClass.SEND, "idempotent": True}, "cannot be declared idempotent"),
        (ADD, {"effect": EffectClass.CHANGE, "version": "text", "idempotent": True}, "cannot be declared idempotent"),
        (SET, {"version": None}, "name the version field"),
        (SET, {"effect": EffectClass.DELETE, "version": None}, "name the version field"),
        (SET, {"version": "vers"}, "version field 'vers' is no field"),
        (SET, {"entity": "nowhere"}, "entity field 'nowhere' is no field"),
        (READ, {"identity": ("note_id",)}, "A read changes nothing"),
        (READ, {"dedupe": ClientId("id")}, "A read changes nothing"),
        (ADD, {"request": AddNotes, "batch": Batch(ADD, "notes", 5)}, "A batch takes identity, dedupe and probe"),
    ],
)
def test_contradictory_facts_are_refused_with_what_to_do(base: Action, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ContradictoryAction) as refused:
        replace(base, **changes)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("batch", "says"),
    [
        (Batch(READ, "notes", 5), "carries single writes"),
        (Batch(ADD, "notes", 0), "at least 1 item"),
        (Batch(ADD, "items", 5), "batch field 'items' is no field"),
        (Batch(ADD, "notes", 5, atomic="whole"), "batch field 'whole' is no field"),
    ],
)
def test_batch_that_cannot_work_is_refused(batch: Batch, says: str) -> None:
    with pytest.raises(ContradictoryAction, match=says):
        Action(
            name="add_notes",
            description="Adds.",
            request=AddNotes,
            reply=Noted,
            effect=EffectClass.CREATE,
            batch=batch,
        )


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ContradictoryAction) as refused:
        replace(ADD, probe=None, identity=(), horizon=-1.0)
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize(
    ("changes", "resend"),
    [
        ({}, "after_absence"),
        ({"retry": False}, "never"),
        ({"dedupe": ClientId("id")}, "same_key"),
        ({"dedupe": ClientId("id"), "retry": False}, "never"),
        ({"dedupe": NoDedupe()}, "never"),
    ],
)
def test_dedupe_means_say_what_an_ambiguous_attempt_allows(changes: dict[str, Any], resend: str) -> None:
    assert replace(ADD, **changes).resend == resend
