"""Rows of the ledger, made up, and a ledger put back from its backup."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from seawall.core.ledger.records import Operation, Status

START = 1_700_000_000.0


def operation(status: Status = Status.APPLIED, **changes: Any) -> Operation:
    fields: dict[str, Any] = {
        "id": "op_1",
        "system": "crm",
        "action": "create_case",
        "key": "sw-abc",
        "identity": '{"reference":"A-1"}',
        "request": '{"reference":"A-1","subject":"Printer"}',
        "digest": "d",
        "entity": None,
        "principal": "agent:support",
        "adapter_version": "salesforce 1",
        "policy": '{"decision":"allow","rule":"agents create","version":"v1"}',
        "trace_id": "",
        "batch_id": None,
        "atomic": False,
        "deadline_at": START + 30,
        "undoes": None,
        "status": status,
        "outcome": None,
        "error": None,
        "holder": None,
        "epoch": 1,
        "created_at": START,
        "updated_at": START + 3,
        "sent_at": START,
        "last_sent_at": START,
        "next_check_at": None,
        "checks": 0,
        "parked_because": None,
    }
    return Operation(**{**fields, **changes})


def put_back(folder: Path) -> None:
    """Restore `ledger.db` from `backup.db`."""
    for path in folder.glob("ledger.db*"):
        path.unlink()
    shutil.copy(folder / "backup.db", folder / "ledger.db")
