"""From effect class and dedupe means to the four hints of MCP, and to how far a call reaches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..action_facts import facts_of
from ..core.action import Action, EffectClass, NoDedupe


class Reach(StrEnum):
    """How far a call reaches; the scopes of a token and the dispatchers by effect class are named by it."""

    READ = "read"
    WRITE = "write"  # only adds something
    DESTRUCTIVE = "destructive"  # overwrites, removes, or cannot be taken back

    @property
    def includes(self) -> tuple[Reach, ...]:
        """What a dispatcher of this class calls."""
        order = tuple(Reach)
        return order[: order.index(self) + 1]


@dataclass(frozen=True, slots=True)
class Hints:
    """The four hints. All are always given: a host takes a missing one for the worst, or for the best.

    Args:
        read_only: It changes nothing.
        destructive: It does more than add something.
        idempotent: The same call again changes nothing more.
        open_world: What it answers may hold text that anybody wrote.
    """

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool = True


READ_ONLY = Hints(read_only=True, destructive=False, idempotent=True)
WORST = Hints(read_only=False, destructive=True, idempotent=False)

_BY_EFFECT = {
    EffectClass.READ: READ_ONLY,
    EffectClass.SET: Hints(read_only=False, destructive=True, idempotent=True),
    EffectClass.CHANGE: WORST,
    EffectClass.DELETE: Hints(read_only=False, destructive=True, idempotent=True),
    EffectClass.SEND: WORST,
    EffectClass.OPAQUE: WORST,
}


def hints_of(action: Action) -> Hints:
    """The hints of an action; a batch has those of what each item stands for."""
    facts = facts_of(action)
    if facts.effect is EffectClass.CREATE:
        return Hints(read_only=False, destructive=False, idempotent=not isinstance(facts.dedupe, NoDedupe))
    return _BY_EFFECT[facts.effect]


def reach_of(action: Action) -> Reach:
    """How far an action reaches, by the same hints."""
    hints = hints_of(action)
    if hints.read_only:
        return Reach.READ
    return Reach.DESTRUCTIVE if hints.destructive else Reach.WRITE
