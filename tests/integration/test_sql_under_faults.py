"""Every statement of a write, and its COMMIT, fails before it ran or after it: what is said of it is what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.sql import KINDS, ORDER, database
from support.sql import connect as connected

from seawall.core.adapter import Absent, CannotTell, Present, Sent
from seawall.core.errors import IntegrationError
from seawall.simulators.faults import Plan
from seawall.simulators.sql.seam import install

FAULTS = [("reset", "apply"), ("reset", "after_commit"), ("lock_error", "apply")]
STATEMENTS = 14  # more than a write has, its COMMIT included


@pytest.mark.case(1)
@pytest.mark.case(11)
@pytest.mark.case(46)
@pytest.mark.parametrize("fault", FAULTS, ids=" ".join)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_fault_at_any_statement_leaves_the_truth_and_a_repetition_makes_one(
    kind: str, fault: tuple[str, str], tmp_path: Path
) -> None:
    seen: set[str] = set()
    with database(kind, tmp_path) as made:
        world = connected(made)
        await world.send("create_order", {**ORDER, "reference": "first"}, key="sw-first")
        for number in range(1, STATEMENTS):
            request, key = {**ORDER, "reference": f"A-{number}"}, f"sw-{number}"
            before = world.orders
            plan = Plan.model_validate(
                {"faults": [{"id": "f", "kind": fault[0], "point": fault[1], "trigger": {"nth": number}, "times": 1}]}
            )
            _, remove = install(world.adapter.wire.writer, plan)
            said: Any
            try:
                said = await world.send("create_order", request, key=key)
            except IntegrationError as error:
                said = error
            finally:
                remove()
            happened = world.orders - before
            if isinstance(said, Sent):
                assert happened == 1
                seen.add("sent")
            elif said.effect == "none":
                assert happened == 0
                seen.add("none")
            else:
                seen.add(f"maybe {happened}")
            found = await world.probe("create_order", request, key=key)
            assert not isinstance(found, CannotTell)
            assert isinstance(found, Present if happened else Absent)
            again = await world.send("create_order", request, key=key, maybe_applied=True)
            assert again.facts.get("already_there", False) == bool(happened)
            assert world.orders - before == 1
        lines, (stock,) = made.count("order_lines"), made.rows("SELECT amount FROM stock WHERE article = 'bolt'")
        assert (lines, int(stock[0])) == (STATEMENTS, 100 - 3 * STATEMENTS)
        await world.adapter.close()
    assert {"sent", "none"} <= seen
    if fault[0] == "reset":
        assert f"maybe {int(fault[1] == 'after_commit')}" in seen
