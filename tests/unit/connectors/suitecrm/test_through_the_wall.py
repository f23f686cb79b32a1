"""Whole calls through Seawall against the simulated SuiteCRM: what a caller is told at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support.suitecrm_world import WIRES, World, in_a_suite
from support.virtual import sources

from seawall import Applied, Config, Pending, Rejected, Seawall, Unknown
from seawall.connectors.suitecrm import models
from seawall.core.errors import Forbidden
from seawall.simulators.virtual_time import LoopClock

REQUEST = models.CreateCase(reference="order-17", subject="Printer on fire")
over_both_wires = pytest.mark.parametrize("wire", WIRES.values(), ids=list(WIRES))


def behind_a_wall(
    folder: Path, test: Callable[[World, Seawall], Awaitable[None]], *faults: dict[str, Any], **how: Any
) -> None:
    config = Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db")},
            "systems": {"crm": {"connector": "suitecrm"}},
            "policy": [{"name": "everything", "decision": "allow"}],
        }
    )

    async def main(world: World) -> None:
        wall = Seawall(config, adapters={"crm": world.crm}, sources=sources(), recovery=True, inline_ledger=True)
        async with wall:
            await test(world, wall)

    in_a_suite(main, *faults, **how)


async def ask(wall: Seawall, request: Any, name: str = "create_case") -> Any:
    return await wall.call(f"crm.{name}", request, principal="agent:ada", deadline=30.0)


@pytest.mark.case(11)
@over_both_wires
def test_a_hook_that_fails_after_the_commit_ends_as_applied(wire: dict[str, Any], tmp_path: Path) -> None:
    async def test(world: World, wall: Seawall) -> None:
        outcome = await ask(wall, REQUEST)
        assert isinstance(outcome, Applied)
        assert world.truth("Cases") == 1
        assert world.suite.effects[0].record_id == outcome.receipt.record

    hooks = {"hooks": [{"module": "Cases", "contains": "Printer"}]}
    behind_a_wall(tmp_path, test, adapter=wire, suite=hooks)


@pytest.mark.case(1)
@over_both_wires
@pytest.mark.parametrize("point", ["apply", "after_commit"])
def test_a_lost_answer_ends_as_applied_once(wire: dict[str, Any], point: str, tmp_path: Path) -> None:
    async def test(world: World, wall: Seawall) -> None:
        outcome = await ask(wall, REQUEST)
        assert isinstance(outcome, Applied)
        assert world.truth("Cases") == 1

    operation = "set_entry" if wire["api"] == "v4_1" else "v8_create"
    lost = {"kind": "reset", "point": point, "match": {"operation": operation}, "trigger": {"first": 1}}
    behind_a_wall(tmp_path, test, lost, adapter=wire)


def test_a_phantom_change_never_becomes_a_success(tmp_path: Path) -> None:
    async def test(world: World, wall: Seawall) -> None:
        seen = await world.seen()
        request = models.CloseCase(case_id=world.case_id, version=seen.version)
        clock = LoopClock()

        async def somebody_deletes_it() -> None:
            await clock.sleep(1)
            world.suite.change_record("Cases", world.case_id, {"deleted": "1"})

        deleting = asyncio.create_task(somebody_deletes_it())
        outcome = await ask(wall, request, "close_case")
        await deleting
        assert isinstance(outcome, Unknown)
        assert world.truth("Cases") == 0
        await clock.sleep(7200)
        later = await ask(wall, request, "close_case")
        assert isinstance(later, Unknown | Pending)
        assert world.truth("Cases") == 0

    slow = {"kind": "slow", "point": "apply", "params": {"seconds": 3}, "match": {"operation": "set_entry"}}
    behind_a_wall(tmp_path, test, slow | {"trigger": {"first": 1}}, adapter=WIRES["v4_1"])


@over_both_wires
def test_a_refusal_is_told_as_one(wire: dict[str, Any], tmp_path: Path) -> None:
    async def test(world: World, wall: Seawall) -> None:
        outcome = await ask(wall, REQUEST)
        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, Forbidden)
        assert world.truth("Cases") == 0

    users = ({"user_name": "integration", "password": "correct-horse", "denied": {"Cases.save"}},)
    behind_a_wall(tmp_path, test, adapter=wire, suite={"users": users})


@pytest.mark.case(45)
def test_a_batch_that_breaks_off_ends_with_every_case_there_once(tmp_path: Path) -> None:
    async def test(world: World, wall: Seawall) -> None:
        cases = tuple(models.CreateCase(reference=f"r{n}", subject=f"Case {n}") for n in range(10))
        outcome = await ask(wall, models.CreateCases(cases=cases), "create_cases")
        there = {effect.record_id for effect in world.suite.effects}
        for item in outcome.items:
            assert isinstance(item, Applied | Unknown)
            assert not isinstance(item, Applied) or item.receipt.record in there
        await LoopClock().sleep(3600)
        again = await ask(wall, models.CreateCases(cases=cases), "create_cases")
        assert all(isinstance(item, Applied) for item in again.items)
        assert world.truth("Cases") == len({effect.record_id for effect in world.suite.effects}) == 10

    broken = {"kind": "reset", "point": "apply", "match": {"operation": "set_entries"}, "trigger": {"first": 1}}
    behind_a_wall(tmp_path, test, broken, adapter=WIRES["v4_1"])
