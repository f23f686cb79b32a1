"""Declared actions through the whole of Seawall: lost answers, two callers, and undoing; judged by the rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.sql import KINDS, ORDER, Commit, Database, World, at_commit, connect, database, driver_error, order_actions

from seawall import Applied, Config, Seawall
from seawall.core.outcome import Rejected

UNDO = {
    "description": "Deletes an order and gives its articles back.",
    "effect": "delete",
    "identity": ["reference"],
    "parameters": {"reference": "text", "article": "text", "amount": "integer", "order_id": "integer"},
    "statements": [
        {"sql": "DELETE FROM order_lines WHERE order_id = :order_id"},
        {"sql": "DELETE FROM orders WHERE reference = :reference"},
        {"sql": "UPDATE stock SET amount = amount + :amount WHERE article = :article"},
    ],
}


def actions(kind: str) -> dict[str, Any]:
    declared = order_actions(kind)
    fields = {name: f"request.{name}" for name in ("reference", "article", "amount")}
    declared["create_order"]["compensation"] = {"by": "undo", "request": {**fields, "order_id": "value.order_id"}}
    return {**declared, "undo": UNDO}


@asynccontextmanager
async def walled(made: Database, folder: Path) -> AsyncIterator[tuple[Seawall, World]]:
    world = connect(made, actions=actions(made.kind), late_commit_horizon=0.0)
    config = Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db")},
            "systems": {"orders": {"connector": "sql"}},
            "policy": [{"name": "all", "decision": "allow"}],
        }
    )
    async with Seawall(config, adapters={"orders": world.adapter}) as wall:
        yield wall, world


@pytest.mark.case(1)
@pytest.mark.case(46)
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_lost_answer_to_commit_is_settled_within_the_call(kind: str, there: bool, tmp_path: Path) -> None:
    with database(kind, tmp_path) as made:
        async with walled(made, tmp_path) as (wall, world):

            def act(real: Commit, connection: Any) -> None:
                (real if there else type(connection).rollback)(connection)
                raise driver_error(world)

            with at_commit(world, act):
                outcome = await wall.call("orders.create_order", ORDER, principal="p")
            assert isinstance(outcome, Applied)
            assert outcome.receipt.proof == ("probe" if there else "reply")
            assert world.whole() == (1, 1, 97)
            again = await wall.call("orders.create_order", ORDER, principal="p")
            assert isinstance(again, Applied)
            assert (again.replayed, again.value) == (True, outcome.value)


@pytest.mark.case(21)
@pytest.mark.parametrize("kind", KINDS)
async def test_many_callers_of_one_request_make_one_order_and_others_their_own(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path) as made:
        async with walled(made, tmp_path) as (wall, world):
            asked = [{**ORDER, "reference": f"A-{n % 5}"} for n in range(25)]
            outcomes = await asyncio.gather(*(wall.call("orders.create_order", one, principal="p") for one in asked))
            assert all(isinstance(outcome, Applied) for outcome in outcomes)
            assert world.whole() == (5, 5, 85)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_done_is_undone_by_the_action_that_is_declared_for_it(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path) as made:
        async with walled(made, tmp_path) as (wall, world):
            outcome = await wall.call("orders.create_order", ORDER, principal="p")
            assert isinstance(outcome, Applied)
            undone = await wall.compensate(outcome.operation_id, reason="wrong customer", principal="p")
            assert isinstance(undone, Applied)
            assert world.whole() == (0, 0, 100)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refusal_is_a_rejection_and_the_corrected_request_goes_through(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path) as made:
        async with walled(made, tmp_path) as (wall, world):
            refused = await wall.call("orders.create_order", {**ORDER, "article": "anvil"}, principal="p")
            assert isinstance(refused, Rejected)
            assert refused.error.code == "missing"
            assert world.whole() == (0, 0, 100)
            corrected = await wall.call("orders.create_order", {**ORDER, "reference": "A-2"}, principal="p")
            assert isinstance(corrected, Applied)
            assert world.whole() == (1, 1, 97)
