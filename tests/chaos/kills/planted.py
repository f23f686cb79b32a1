"""Bugs that are planted in workers, to see that a campaign finds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seawall.core.action import Action
from seawall.core.ledger import Ledger
from seawall.core.trail import Trail


def _no_fence() -> None:
    """Whoever held an operation once believes to hold it for ever."""

    async def hold(self: Any, operation_id: str, epoch: int) -> bool:
        return True

    Ledger.still_holds = lambda self, operation_id, epoch: True  # type: ignore[method-assign]
    Ledger.hold = hold  # type: ignore[method-assign]


def _sends_again_at_once() -> None:
    """Every target is believed to know our keys."""
    Action.resend = property(lambda self: "same_key")  # type: ignore[assignment,method-assign]


def _no_doubt() -> None:
    """An attempt without an answer is taken for one without an effect."""
    Trail.maybe_applied = property(lambda self: False)  # type: ignore[assignment,method-assign]


PLANTS: dict[str, Callable[[], None]] = {
    "nothing": lambda: None,
    "no fence": _no_fence,
    "sends again at once": _sends_again_at_once,
    "no doubt": _no_doubt,
}


def plant(name: str) -> None:
    """Plant it in this process."""
    PLANTS[name]()
