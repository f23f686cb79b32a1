"""Rules of the ledger that need more than one operation, or a verdict that is odd."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from support.clock import FakeClock

from seawall.core.ledger import Ledger
from seawall.core.ledger.records import AttemptRow, DecisionRow, Intent, ProbeRow, Status, Verdict
from seawall.core.ledger.statements import Statement

from .conftest import Home

INTENT = Intent(
    id="op_1",
    system="crm",
    action="set",
    key="k1",
    identity="{}",
    request="{}",
    digest="d",
    principal="p",
    adapter_version="1",
    policy="{}",
    deadline_at=0.0,
    entity="case-1",
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def one(home: Home, clock: FakeClock) -> AsyncIterator[Ledger]:
    async with home.open(clock) as ledger:
        yield ledger


@pytest.mark.case(25)
async def test_rejected_operation_does_not_start_anew_beside_an_unsettled_one(one: Ledger) -> None:
    await one.begin([INTENT])
    await one.finish([Verdict("op_1", 1, Status.REJECTED)])
    await one.begin([replace(INTENT, id="op_2", key="k2")])
    await one.finish([Verdict("op_2", 1, Status.UNKNOWN)])
    (again,) = await one.begin([replace(INTENT, id="op_3")])
    assert (again.fresh, again.blocked_by) == (False, "op_2")
    found = await one.get("op_1")
    assert found is not None
    assert (found.status, found.epoch) == (Status.REJECTED, 1)


@pytest.mark.case(25)
async def test_two_intents_on_one_entity_in_one_call_are_one_operation(one: Ledger) -> None:
    first, second = await one.begin([INTENT, replace(INTENT, id="op_2", key="k2")])
    assert (first.fresh, second.fresh, second.blocked_by) == (True, False, "op_1")


async def test_repetition_on_a_blocked_entity_still_finds_its_own_operation(one: Ledger) -> None:
    await one.begin([INTENT])
    await one.finish([Verdict("op_1", 1, Status.APPLIED, outcome="{}")])
    await one.begin([replace(INTENT, id="op_2", key="k2")])
    (again,) = await one.begin([replace(INTENT, id="op_3")])
    assert (again.operation.id, again.operation.status, again.blocked_by) == ("op_1", Status.APPLIED, None)


@pytest.mark.case(23)
async def test_unknown_operation_without_a_time_is_looked_at_at_once(one: Ledger, clock: FakeClock) -> None:
    await one.begin([INTENT])
    await one.finish([Verdict("op_1", 1, Status.UNKNOWN)])
    assert await one.next_due() == clock.now()
    assert [operation.id for operation in await one.claim_due(limit=1)] == ["op_1"]


@pytest.mark.case(23)
async def test_unknown_operation_keeps_its_word_however_often_it_is_repeated_and_taken_over(
    one: Ledger, clock: FakeClock
) -> None:
    await one.begin([INTENT])
    await one.finish([Verdict("op_1", 1, Status.UNKNOWN, error='{"transient": true}', sent_at=1.0)])
    for epoch in (2, 3, 4):
        (claimed,) = await one.claim_due(limit=1)
        (again,) = await one.begin([replace(INTENT, digest=f"other {epoch}")])
        assert (again.fresh, again.operation.status, claimed.epoch) == (False, Status.UNKNOWN, epoch)
        await one.finish([Verdict("op_1", epoch, Status.UNKNOWN, error='{"transient": true}')])


@pytest.mark.case(19)
async def test_attempt_is_recorded_once_and_later_words_about_it_change_nothing(one: Ledger) -> None:
    attempt = AttemptRow("op_1", 1, 1, "send", 1.0, 2.0, "applied")
    await one.begin([INTENT])
    assert await one.finish([Verdict("op_1", 1, Status.APPLIED, attempts=(attempt,))]) == [True]
    contrary = replace(attempt, effect="none", ended_at=3.0)
    assert await one.finish([Verdict("op_1", 1, Status.REJECTED, attempts=(contrary,))]) == [False]
    story = await one.story("op_1")
    assert story is not None
    assert (story.operation.status, story.attempts) == (Status.APPLIED, (attempt,))


async def test_story_is_told_in_the_order_in_which_it_happened_not_recorded(one: Ledger) -> None:
    await one.begin([INTENT])
    attempts = [AttemptRow("op_1", 1, number, "send", 10.0 - number, 11.0, "maybe") for number in (1, 2)]
    probes = [ProbeRow("op_1", 1, at, "absent", "{}") for at in (8.0, 5.0)]
    decisions = [
        DecisionRow("op_1", at, "recovery", "Wait", reason) for at, reason in ((7.0, "b"), (6.0, "a"), (7.0, "c"))
    ]
    await one.finish(
        [Verdict("op_1", 1, Status.PARKED, attempts=tuple(attempts), probes=tuple(probes), decisions=tuple(decisions))]
    )
    story = await one.story("op_1")
    assert story is not None
    assert [attempt.number for attempt in story.attempts] == [2, 1]
    assert [probe.at for probe in story.probes] == [5.0, 8.0]
    assert [decision.reason for decision in story.decisions] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["op_3", "op_2", "op_1", "op_0"]),
        ({"system": "erp"}, ["op_3", "op_1"]),
        ({"status": Status.UNKNOWN}, ["op_2", "op_1"]),
        ({"status": Status.APPLIED}, ["op_3", "op_0"]),
        ({"status": Status.UNKNOWN, "system": "crm"}, ["op_2"]),
        ({"batch_id": "b"}, ["op_3", "op_2"]),
        ({"action": "set", "principal": "q"}, ["op_3"]),
        ({"action": "none"}, []),
    ],
)
async def test_operations_are_found_by_everything_given_newest_first(
    one: Ledger, wanted: dict[str, str], found: list[str]
) -> None:
    for number in range(4):
        changes = {"system": "erp" if number % 2 else "crm", "principal": "q" if number == 3 else "p"}
        batch = "b" if number > 1 else None
        await one.begin(
            [replace(INTENT, id=f"op_{number}", key=f"k{number}", entity=None, batch_id=batch, **changes)]  # type: ignore[arg-type]  # text
        )
        await one.finish([Verdict(f"op_{number}", 1, Status.APPLIED if number in (0, 3) else Status.UNKNOWN)])
    assert [operation.id for operation in await one.find(**wanted)] == found  # type: ignore[arg-type]  # as parametrized


async def test_decision_without_an_operation_is_recorded(one: Ledger) -> None:
    await one.note([DecisionRow(None, 1.0, "policy", "deny", "no rule allows it")])
    one.note_soon([DecisionRow("op_1", 2.0, "policy", "allow", "a rule")])
    await one.begin([INTENT])
    story = await one.story("op_1")
    assert story is not None
    assert [decision.decision for decision in story.decisions] == ["allow"]
    query = Statement("SELECT reason FROM decisions WHERE operation_id IS NULL", (), {})
    rows = (await one._writer.submit(lambda db: db.run(query, ()))).fetchall()
    assert rows == [("no rule allows it",)]
