"""What really happened in each system, read from their effect logs once everything is settled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..effects import EffectLog
from .figures import Truth

_WATCHED: Mapping[str, frozenset[str]] = {
    "crm": frozenset(("Case", "CaseComment", "Task", "Escalate_Case")),
    "support": frozenset(("Notes",)),
    "sales": frozenset(("notes",)),
    "billing": frozenset(("CreditMemo",)),
    "orders": frozenset(("order_history",)),
}
"""What the agents write in each system, once for each request; what comes with it is not counted beside it."""


def log_of(folder: Path, system: str) -> Path:
    """The file of a system's effect log."""
    return folder / f"effects-{system}.jsonl"


def truths(folder: Path, counted: Mapping[str, Mapping[str, Any]]) -> dict[str, Truth]:
    """The truth of each system.

    Args:
        folder: Where the effect logs are.
        counted: `calls` and `faults` of each system.
    """
    return {
        system: Truth(
            [effect for effect in EffectLog.read(log_of(folder, system)) if effect.object in watched],
            counted[system]["calls"],
            counted[system]["faults"],
        )
        for system, watched in _WATCHED.items()
    }
