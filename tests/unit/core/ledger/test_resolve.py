"""What a person establishes about an operation, as the ledger records it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.clock import FakeClock

from seawall.core.ledger import Ledger
from seawall.core.ledger.records import DecisionRow, Intent, Status, Verdict

from .conftest import Home

DECISION = DecisionRow("op_1", 0.0, "ann", "resolved", "she looked")


def intent(number: int = 1, system: str = "crm", entity: str | None = None) -> Intent:
    return Intent(
        id=f"op_{number}",
        system=system,
        action="add",
        key=f"k{number}",
        identity="{}",
        request='{"a":1}',
        digest="d1",
        principal="agent:a",
        adapter_version="toy 1",
        policy="{}",
        deadline_at=1e9,
        entity=entity,
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def ledger(home: Home, clock: FakeClock) -> AsyncIterator[Ledger]:
    async with home.open(clock) as one:
        yield one


async def parked(ledger: Ledger, number: int = 1, **facts: str) -> None:
    await ledger.begin([intent(number, **facts)])
    assert await ledger.finish([Verdict(f"op_{number}", 1, Status.PARKED, parked_because="?", checked=True)]) == [True]


async def test_resolve_of_a_parked_operation_settles_it_under_a_new_epoch(ledger: Ledger) -> None:
    await parked(ledger)
    assert await ledger.resolve(Verdict("op_1", 1, Status.APPLIED, outcome="{}"), DECISION)
    story = await ledger.story("op_1")
    assert story is not None
    operation = story.operation
    assert (operation.status, operation.epoch, operation.parked_because) == (Status.APPLIED, 2, None)
    assert [(row.by, row.decision) for row in story.decisions] == [("ann", "resolved")]


async def test_resolve_under_an_epoch_that_is_over_changes_nothing(ledger: Ledger) -> None:
    await parked(ledger)
    assert not await ledger.resolve(Verdict("op_1", 7, Status.APPLIED, outcome="{}"), DECISION)
    story = await ledger.story("op_1")
    assert story is not None
    assert (story.operation.status, story.decisions) == (Status.PARKED, ())


async def test_resolve_of_an_operation_that_is_held_or_settled_changes_nothing(ledger: Ledger) -> None:
    await ledger.begin([intent()])
    assert not await ledger.resolve(Verdict("op_1", 1, Status.APPLIED, outcome="{}"), DECISION)
    await ledger.finish([Verdict("op_1", 1, Status.REJECTED, error="{}")])
    assert not await ledger.resolve(Verdict("op_1", 1, Status.APPLIED, outcome="{}"), DECISION)


async def test_verdict_of_a_holder_from_before_a_resolution_is_refused(ledger: Ledger, clock: FakeClock) -> None:
    await ledger.begin([intent()])
    await ledger.finish([Verdict("op_1", 1, Status.UNKNOWN, next_check_at=clock.now())])
    assert await ledger.resolve(Verdict("op_1", 1, Status.APPLIED, outcome="{}"), DECISION)
    assert await ledger.finish([Verdict("op_1", 1, Status.REJECTED, error="{}")]) == [False]
    operation = await ledger.get("op_1")
    assert operation is not None
    assert operation.status is Status.APPLIED


async def test_operation_that_is_made_unknown_again_starts_counting_anew(ledger: Ledger, clock: FakeClock) -> None:
    await parked(ledger)
    assert await ledger.resolve(Verdict("op_1", 1, Status.UNKNOWN, error="{}", next_check_at=clock.now()), DECISION)
    (claimed,) = await ledger.claim_due(limit=9)
    assert (claimed.checks, claimed.orphaned, claimed.epoch) == (0, 0, 3)


async def test_entity_of_a_parked_operation_is_free_after_its_resolution(ledger: Ledger) -> None:
    await parked(ledger, entity="note n1")
    (blocked,) = await ledger.begin([intent(2, entity="note n1")])
    assert blocked.blocked_by == "op_1"
    await ledger.resolve(Verdict("op_1", 1, Status.REJECTED, error="{}"), DECISION)
    (begun,) = await ledger.begin([intent(2, entity="note n1")])
    assert begun.fresh


async def test_next_due_of_one_system_does_not_see_another(ledger: Ledger, clock: FakeClock) -> None:
    for number, system, wait in ((1, "crm", 50.0), (2, "billing", 5.0)):
        await ledger.begin([intent(number, system)])
        await ledger.finish([Verdict(f"op_{number}", 1, Status.UNKNOWN, next_check_at=clock.now() + wait)])
    assert await ledger.next_due(system="crm") == clock.now() + 50.0
    assert await ledger.next_due() == clock.now() + 5.0
    assert await ledger.next_due(system="erp") is None
