"""After an ambiguous attempt: what is proven, what may be done, and what must wait. Pure; no input or output.

The table of DESIGN section 4 as a function. The pipeline asks it inside a call, recovery asks it later, and
both obey the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from .action import Action, NativeKey
from .adapter import Absent, CannotTell, Finding, Many, Present


@dataclass(frozen=True, slots=True)
class ProvenApplied:
    """The effect is there."""

    present: Present[Any]


@dataclass(frozen=True, slots=True)
class ProvenAbsent:
    """There is no effect and there will be none; nothing is to be sent again."""

    proof: str


@dataclass(frozen=True, slots=True)
class SendAgain:
    """The same request may be sent again under the same key."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is proven yet: look again after `seconds`; None for the usual growing wait."""

    reason: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Park:
    """A person must decide."""

    reason: str


Step: TypeAlias = ProvenApplied | ProvenAbsent | SendAgain | Wait | Park


@dataclass(frozen=True, slots=True)
class Doubt:
    """An operation that may have happened.

    Args:
        action: The action.
        since_first: Seconds since the first attempt that may have landed.
        since_last: Seconds since the last one.
        atomic: True for an item of an all-or-nothing batch: it is never sent again alone.
        final: True when the target's last answer was a refusal for good, or broke the contract: sending again is
            pointless, but an attempt may still commit.
        horizon: The late-commit horizon in force for the system, or None where nobody knows it.
        margin: Seconds within which a repetition would reach the target; its key must be alive until then.
    """

    action: Action
    since_first: float
    since_last: float
    atomic: bool = False
    final: bool = False
    horizon: float | None = None
    margin: float = 0.0

    @property
    def sendable(self) -> bool:
        """Whether sending it again could be of use at all."""
        return not (self.atomic or self.final)


def next_step(doubt: Doubt, finding: Finding | None) -> Step:
    """What follows from a finding.

    Args:
        doubt: The operation.
        finding: What the probe found; None where the action has no probe.
    """
    match finding:
        case None:
            return _without_probe(doubt)
        case Present(differs=differs, superseded=superseded) if differs and not superseded:
            names = ", ".join(differs)
            return Park(f"the record is there, but its content is not what was asked for: {names}")
        case Present():
            return ProvenApplied(finding)
        case Many(records=records):
            return Park(f"duplicate: {len(records)} records carry this operation's key ({', '.join(records)})")
        case CannotTell(reason=reason):
            return Wait(reason)
        case Absent():
            return _absent(doubt)


def _without_probe(doubt: Doubt) -> Step:
    action = doubt.action
    if not doubt.sendable:
        return Park("an attempt may have landed, it cannot be sent again, and the action has no probe")
    if action.resend == "same_key":
        return _same_key(doubt) or Park(
            "the target no longer remembers the idempotency key, and the action has no probe"
        )
    return Park("the target offers no way to find out or to recognise a repetition")


def _same_key(doubt: Doubt) -> SendAgain | None:
    dedupe = doubt.action.dedupe
    if isinstance(dedupe, NativeKey) and doubt.since_first + doubt.margin >= dedupe.ttl:
        return None
    return SendAgain(f"the target recognises the key ({type(dedupe).__name__})")


def _absent(doubt: Doubt) -> Step:
    action = doubt.action
    assert action.probe is not None
    if action.resend == "same_key" and doubt.sendable and (again := _same_key(doubt)):
        return again
    if not action.probe.absent_is_final:
        if doubt.horizon is None:
            return Park("not found, but nobody knows how long the target may still commit it")
        left = doubt.horizon + action.probe.read_lag - doubt.since_last
        if left > 0:
            return Wait(f"not found, but the target may commit it for another {left:.1f} s", left)
    if action.resend == "after_absence" and doubt.sendable:
        return SendAgain("proven absent after the late-commit horizon")
    return ProvenAbsent("not found, and the target can no longer commit it; it is not sent again by itself")
