"""Overrides in both ledgers: each act once, seen by everybody, and told in the decisions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select
from support.clock import FakeClock

from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger import Ledger
from seawall.core.ledger.override_records import EVERYWHERE, Override, OverrideKind
from seawall.core.ledger.records import DecisionRow
from seawall.core.ledger.schema import decisions as table
from seawall.core.ledger.statements import stored

from .conftest import Home
from .test_lost_acknowledgement import lose_next_acknowledgement

PAUSES = (OverrideKind.PAUSE_ALL, OverrideKind.PAUSE_WRITES)


def wanted(name: str = "override_1", kind: OverrideKind = OverrideKind.PAUSE_WRITES, scope: str = "crm") -> Override:
    return Override(name, scope, kind, "ann", "it doubles invoices", 0.0)


async def in_force(one: Ledger) -> list[str]:
    return [found.id for found in (await one.overrides.look(None)).in_force]


async def decisions(one: Ledger) -> list[DecisionRow]:
    async def run(db: Any) -> list[DecisionRow]:
        of_none = table.c.operation_id.is_(None)
        statement = db.sql.compiled(select(*stored(table)).where(of_none).order_by(table.c.seq))
        rows = (await db.run(statement, statement.values())).fetchall()
        return [DecisionRow(*row) for row in rows]

    found: list[DecisionRow] = await one._writer.submit(run, writes=False)
    return found


async def test_override_is_in_force_for_whoever_looks_until_a_person_ends_it(home: Home) -> None:
    clock = FakeClock()
    async with home.open(clock) as one, home.open(clock) as other:
        done, put = await one.overrides.impose(wanted())
        assert (done, put.at, put.until) == (True, clock.now(), None)
        assert await in_force(other) == ["override_1"]
        clock.advance(60)
        (ended,), reset = await other.overrides.end(["override_1"], "bob", "mended", "resume")
        assert (ended.ended_by, ended.ended_reason, ended.ended_at, reset) == ("bob", "mended", clock.now(), None)
        assert await in_force(one) == []


async def test_override_in_whose_place_one_stands_is_not_recorded_and_that_one_is_told(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        await one.overrides.impose(wanted(), unless=PAUSES)
        done, found = await one.overrides.impose(wanted("override_2"), unless=PAUSES)
        assert (done, found.id, found.by) == (False, "override_1", "ann")
        assert (await one.overrides.impose(wanted("override_3", scope="erp"), unless=PAUSES))[0]
        assert await in_force(one) == ["override_1", "override_3"]


async def test_two_processes_that_pause_at_once_leave_one_pause(home: Home) -> None:
    async with home.open() as one, home.open() as other:
        answers = await asyncio.gather(
            *(door.overrides.impose(wanted(f"override_{n}"), unless=PAUSES) for n, door in enumerate([one, other] * 4))
        )
        assert sum(done for done, _ in answers) == 1
        assert len({found.id for _, found in answers}) == 1
        assert len(await in_force(one)) == 1


async def test_override_with_an_expiry_ends_by_itself_and_leaves_its_place_to_another(home: Home) -> None:
    clock = FakeClock()
    async with home.open(clock) as one:
        _, put = await one.overrides.impose(wanted(), lasts=10.0, unless=PAUSES)
        assert put.until == clock.now() + 10.0
        clock.advance(9.9)
        assert await in_force(one) == ["override_1"]
        clock.advance(0.2)
        assert await in_force(one) == []
        assert (await one.overrides.impose(wanted("override_2"), unless=PAUSES))[0]
        (expired,), _ = await one.overrides.end(["override_1"], "bob", "late", "resume")
        assert expired.ended_at is None, "what is over cannot be ended any more"


async def test_reset_is_told_once_to_everybody_who_looked_before_it(home: Home) -> None:
    async with home.open(FakeClock()) as one, home.open(FakeClock()) as other:
        await one.overrides.impose(wanted(kind=OverrideKind.TRIP))
        first = await other.overrides.look(None)
        reset = wanted("override_2", OverrideKind.RESET)
        (trip,), told = await one.overrides.end(["override_1"], "ann", "it doubles invoices", "reset", reset=reset)
        assert told is not None
        assert (trip.ended_by, told.ended_at) == ("ann", told.at)
        second = await other.overrides.look(first.after)
        assert ([one.id for one in second.resets], second.in_force) == (["override_2"], ())
        assert (await other.overrides.look(second.after)).resets == ()
        assert (await other.overrides.look(None)).resets == (), "a process that begins has no breaker to close"


async def test_every_act_is_a_decision_without_an_operation_that_says_who_and_why(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        await one.overrides.impose(wanted(kind=OverrideKind.STOP, scope=EVERYWHERE))
        await one.overrides.impose(wanted("override_2", OverrideKind.STOP, EVERYWHERE), unless=[OverrideKind.STOP])
        await one.overrides.end(["override_1"], "bob", "mended", "start")
        await one.overrides.end(["override_1"], "eve", "again", "start")
        await one.overrides.end([], "eve", "well", "reset", reset=wanted("override_3", OverrideKind.RESET))
        noted = [(row.operation_id, row.by, row.decision, row.reason) for row in await decisions(one)]
        assert noted == [
            (None, "ann", "stop", "it doubles invoices"),
            (None, "bob", "start", "mended"),
            (None, "ann", "reset", "it doubles invoices"),
        ]
        about = json.loads((await decisions(one))[0].detail)
        assert about == {"override_id": "override_1", "scope": "*", "kind": "stop", "until": None}


async def test_history_is_newest_first_and_bounded(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        for number in range(3):
            await one.overrides.impose(wanted(f"override_{number}"))
        assert [found.id for found in await one.overrides.history(2)] == ["override_2", "override_1"]


@pytest.mark.case(15)
async def test_act_whose_acknowledgement_was_lost_is_done_once_and_ours(local_home: Home) -> None:
    async with local_home.open() as one:
        lose_next_acknowledgement(one)
        done, found = await one.overrides.impose(wanted(), unless=PAUSES)
        assert (done, found.id) == (True, "override_1")
        lose_next_acknowledgement(one)
        reset = wanted("override_2", OverrideKind.RESET)
        (ended,), told = await one.overrides.end(["override_1"], "bob", "mended", "resume", reset=reset)
        assert told is not None
        assert (ended.ended_by, told.id) == ("bob", "override_2")
        assert [row.decision for row in await decisions(one)] == ["pause_writes", "resume", "reset"]


async def test_look_into_a_ledger_that_is_closed_says_so(local_home: Home) -> None:
    async with local_home.open() as one:
        pass
    with pytest.raises(LedgerUnavailable):
        await one.overrides.look(None)
