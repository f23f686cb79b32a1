"""A wire that breaks at statements of a write, and at COMMIT, on either side of it; judged by the database itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from support.sql import ORDER, SERVERS, connect, database

from seawall.core.adapter import Absent, CannotTell, Present, Sent
from seawall.core.errors import IntegrationError
from seawall.simulators.faults import Plan
from seawall.simulators.sql.proxy import WireProxy

FAULTS: list[dict[str, Any]] = [
    {"kind": "reset", "point": "apply"},
    {"kind": "reset", "point": "after_commit"},
    {"kind": "hang", "point": "apply"},
    {"kind": "hang", "point": "after_commit"},
]
TIMEOUT = 1.0
# A connection is set up with a COMMIT of its own on PostgreSQL; each of these comes once or twice in a write.
PLACES = [("commit", 1), ("commit", 2), ("insert", 1), ("insert", 2), ("update", 1)]


def told(fault: dict[str, Any]) -> str:
    return f"{fault['kind']} {fault['point']}"


@pytest.mark.slow
@pytest.mark.case(1)
@pytest.mark.case(33)
@pytest.mark.case(46)
@pytest.mark.parametrize("fault", FAULTS, ids=told)
@pytest.mark.parametrize("kind", list(SERVERS))
async def test_a_wire_that_breaks_anywhere_leaves_the_truth_and_a_repetition_makes_one(
    kind: str, fault: dict[str, Any], tmp_path: Path
) -> None:
    seen: set[str] = set()
    with database(kind, tmp_path) as made:
        url = make_url(made.url)
        direct = connect(made)
        for number, (operation, nth) in enumerate(PLACES, 1):
            one = {"id": "f", "match": {"operation": operation}, "trigger": {"nth": nth}, "times": 1, **fault}
            plan = Plan.model_validate({"faults": [one]})
            proxy = WireProxy("postgresql" if kind == "postgresql" else "mysql", "127.0.0.1", url.port or 0, plan)
            with proxy.serve_in_thread() as port:
                there = url.set(port=port).render_as_string(hide_password=False)
                world = connect(made, url=there, install=False, pre_ping=False)
                request, key = {**ORDER, "reference": f"A-{number}"}, f"sw-{number}"
                said: Any
                try:
                    said = await world.send("create_order", request, key=key, timeout=TIMEOUT)
                except IntegrationError as error:
                    said = error
                await world.adapter.close()
            await proxy.settle()
            happened = len(made.rows(f"SELECT 1 FROM orders WHERE reference = 'A-{number}'"))
            if isinstance(said, Sent):
                assert happened == 1
                seen.add("sent")
            else:
                assert said.effect == "maybe" or happened == 0
                seen.add(f"{said.effect} {happened}")
            found = await direct.probe("create_order", request, key=key)
            assert not isinstance(found, CannotTell)
            assert isinstance(found, Present if happened else Absent)
            again = await direct.send("create_order", request, key=key, maybe_applied=True)
            assert again.facts.get("already_there", False) == bool(happened)
        assert made.count("orders") == made.count("order_lines") == len(PLACES)
        await direct.adapter.close()
    assert f"maybe {int(fault['point'] == 'after_commit')}" in seen, seen
    assert "none 0" in seen, seen
