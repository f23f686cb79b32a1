"""The SQL connector behind a wire that breaks at COMMIT, through the whole of Seawall; judged by hidden triggers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.legacy_server import SERVERS, Server, administer, legacy_server

from seawall import Applied, Pending, Seawall, Unknown
from seawall.connectors.sql.adapter import SqlAdapter
from seawall.simulators.effects import Effect

CHANGE = {
    "description": "Writes a note on an order that was read at `version`, and enters it into the order's history.",
    "effect": "set",
    "parameters": {"reference": "text", "order_no": "text", "version": "integer", "note": "text"},
    "identity": ["reference"],
    "version": "version",
    "entity": "order_no",
    "statements": [
        {
            "sql": "UPDATE orders SET note = :note, version = version + 1 "
            "WHERE order_no = :order_no AND version = :version"
        },
        {"sql": "INSERT INTO order_history (order_no, what, entered_by) VALUES (:order_no, :note, 'agent')"},
    ],
}


def config(server: Server, port: int, folder: Path) -> dict[str, Any]:
    return {
        "ledger": {"path": str(folder / "ledger.db")},
        "systems": {
            "orders": {
                "connector": "sql",
                "attempt_timeout": 1.5,
                "deadline": 8,
                "horizon": 2,
                "recovery": {"interval": 0.1, "first_probe": 0.1, "longest_wait": 0.5},
                "settings": {"url": server.url(port), "actions": {"change_order": CHANGE}},
            }
        },
        "policy": [{"name": "all", "decision": "allow"}],
    }


@pytest.mark.case(46)
@pytest.mark.case(47)
@pytest.mark.parametrize(
    "fault",
    [
        {"match": {"operation": "commit"}, "point": "apply", "kind": "reset"},
        {"match": {"operation": "commit"}, "point": "after_commit", "kind": "reset"},
        {"match": {"operation": "commit"}, "point": "after_commit", "kind": "hang", "params": {"seconds": 3}},
        {
            "match": {"operation": "commit"},
            "point": "later",
            "kind": "late_commit",
            "params": {"delay": 1, "reply": "reset"},
        },
        {"match": {"operation": "insert"}, "point": "apply", "kind": "sql_error", "params": {"error": "serialization"}},
        {"match": {"operation": "insert"}, "point": "after_commit", "kind": "truncate"},
        {"match": {"operation": "update"}, "point": "apply", "kind": "reset"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault['point']} {fault['match']['operation']}",
)
@pytest.mark.parametrize("protocol", list(SERVERS))
async def test_a_change_over_a_wire_that_breaks_once_is_there_once(
    protocol: str, fault: dict[str, Any], tmp_path: Path
) -> None:
    with legacy_server(protocol) as server:
        if protocol == "mysql":
            # A table without transactions, which the triggers might write: the connector would refuse the action.
            administer(protocol, f"DROP TABLE {server.name}.shipping_audit")
        proxy = server.proxy({**fault, "trigger": {"nth": 3 if fault["match"]["operation"] == "insert" else 1}})
        made = Seawall.from_config(config(server, SERVERS[protocol][0], tmp_path))
        adapter = made.systems["orders"].adapter
        assert isinstance(adapter, SqlAdapter)
        await adapter.install_effects()
        await adapter.close()
        with proxy.serve_in_thread() as port:
            async with Seawall.from_config(config(server, port, tmp_path)) as wall:
                request = {"reference": "r1", "order_no": "O0001", "version": 1, "note": "credited"}
                outcome = await wall.call("orders.change_order", request, principal="agent:ada")
                await wall.settle(20)
                (operation,) = await wall.ledger.find(limit=10)
        effects = server.database.effects()
        assert (operation.status, told(effects)) == ("applied", ["orders", "order_history"]), outcome
        assert not isinstance(outcome, Applied | Unknown | Pending) or outcome.operation_id == operation.id


def told(effects: list[Effect]) -> list[str]:
    return [effect.object for effect in effects]
