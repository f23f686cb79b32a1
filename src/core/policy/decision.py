"""What a policy is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from ..action import Action
from .rule import Demand, Rate


@dataclass(frozen=True, slots=True)
class Question:
    """One call that somebody wants to make.

    Args:
        principal: Who asks.
        system: The system's name.
        action: The action.
        request: The validated request; without one, no condition on a field can be told.
        now: When (seconds since the epoch).
        repeat: Whether it is a deliberate repeat.
        exhausted: Rules whose rate this principal has used up; they do not match.
    """

    principal: str
    system: str
    action: Action
    request: BaseModel | None = None
    now: float = 0.0
    repeat: bool = False
    exhausted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy says of one call.

    Args:
        decision: `allow`, `require_approval` or `deny`.
        rule: The rule that decided; `default` where none did, `unreadable` where there is none to ask.
        version: Digest of the whole policy, shortened.
        id: Its own.
        reason: Why, in words.
        approval: What an approval needs, where one is required.
        rate: How often the rule may be used, if it says so; whoever goes by this decision must count it.
        record: Id, decision, rule and version as JSON, for the ledger.
    """

    decision: Literal["allow", "require_approval", "deny"]
    rule: str
    version: str
    id: str
    reason: str
    approval: Demand | None
    rate: Rate | None
    record: str

    @property
    def allowed(self) -> bool:
        """Whether the call may run."""
        return self.decision == "allow"
