"""What is known not to hold, and settings that show how the actions' facts depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_ORDER: Final[Mapping[str, Any]] = {
    "create_order": {
        "description": "Creates an order with its first line. The same reference again is the same order.",
        "effect": "create",
        "parameters": {"reference": "text", "customer": "integer", "article": "text", "amount": "integer"},
        "returns": {"order_id": "integer"},
        "identity": ["reference"],
        "record": "order_id",
        "statements": [
            {
                "sql": "INSERT INTO orders (reference, customer) VALUES (:reference, :customer)",
                "generated": "order_id",
            },
            {"sql": "INSERT INTO order_lines (order_id, article, amount) VALUES (:order_id, :article, :amount)"},
        ],
    },
    "set_status": {
        "description": "Sets the status of an order that was read at `version`.",
        "effect": "set",
        "parameters": {"order_id": "integer", "status": "text", "version": "integer"},
        "identity": ["order_id", "version"],
        "version": "version",
        "entity": "order_id",
        "table": {"name": "orders", "write": "update", "key": ["order_id"]},
    },
    "get_order": {
        "description": "Reads an order, with the version that changing it needs.",
        "effect": "read",
        "parameters": {"order_id": "integer"},
        "returns": {"order_id": "integer", "reference": "text", "status": "text", "version": "integer"},
        "statements": [{"sql": "SELECT order_id, reference, status, version FROM orders WHERE order_id = :order_id"}],
    },
}
_WITHOUT_TABLE: Final[Mapping[str, Any]] = {
    "create_order": {
        **_ORDER["create_order"],
        "dedupe": {"client_id": "external_key"},
        "statements": [
            {
                "sql": "INSERT INTO orders (reference, customer, external_key) "
                "VALUES (:reference, :customer, :seawall_key)",
                "generated": "order_id",
            },
        ],
        "look": {
            "sql": "SELECT order_id, reference, customer FROM orders WHERE external_key = :seawall_key",
            "content": ["reference", "customer"],
        },
    },
    "set_status": {**_ORDER["set_status"], "dedupe": {"natural_key": ["status"], "pre_image": True}},
    "get_order": _ORDER["get_order"],
}

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "`effects` table": {"url": "sqlite:///orders.db", "actions": _ORDER},
    "no table may be made": {"url": "sqlite:///orders.db", "effects_table": None, "actions": _WITHOUT_TABLE},
}

LIMITS: Final[Mapping[str, str]] = {
    "*": "actions are the ones that you declare. What a statement does outside of its transaction (foreign data "
    "wrappers, mail from a trigger, tables without transactions) is neither undone nor recognised. A failover that "
    "loses commits loses effects and keys alike. SQL Server and Oracle are prepared for and untested.",
}
