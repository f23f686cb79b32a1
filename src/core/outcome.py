"""Outcomes are values: what is proven about an operation, never what is hoped.

Applied    the effect is there, with the content that was asked for
Rejected   there is no effect and there will be none
Partial    a batch, item by item; it never collapses to one word
Unknown    it may have happened; recovery finds out
Pending    the operation runs elsewhere, or waits for a person
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NoReturn, TypeAlias, TypeVar

from .errors import Effect, IntegrationError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class UnprovenOutcome(Exception):
    """`unwrap` was called on an outcome that proves no effect and carries no error of its own.

    Args:
        outcome: The outcome that was asked for its value.
    """

    def __init__(self, outcome: Outcome[Any]) -> None:
        super().__init__(f"the effect is not proven: {outcome!r}")
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Receipt:
    """How an effect was proven.

    Args:
        record: The record's id in the target, where there is one.
        proof: `reply`, `probe` (found by looking) or `person` (resolved by hand).
        facts: What else the target said (etag, created or updated, …), JSON values.
    """

    record: str | None = None
    proof: Literal["reply", "probe", "person"] = "reply"
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied(Generic[T_co]):
    """Proven: the effect is in the target (for a read: the answer is here).

    Args:
        value: The action's reply model.
        receipt: How it was proven.
        operation_id: The ledger's id; empty for reads.
        replayed: True when an earlier call did it and this is that result.
    """

    value: T_co
    receipt: Receipt = field(default_factory=Receipt)
    operation_id: str = ""
    replayed: bool = False

    @property
    def effect(self) -> Effect:
        """Always `applied`."""
        return "applied"

    def unwrap(self) -> T_co:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Rejected:
    """Proven: no effect, now or later.

    Without an operation id no operation was begun (not valid, not allowed, the ledger cannot be used): then it speaks
    of this call alone, which sent nothing, and not of what an earlier call with the same request may have done.

    Args:
        error: Why; a `NotSent`, a `Refused`, or an error whose effect a probe lowered to none.
        operation_id: The ledger's id; empty where no operation was recorded.
        replayed: True when this is the result of an earlier call.
    """

    error: IntegrationError
    operation_id: str = ""
    replayed: bool = False

    @property
    def effect(self) -> Effect:
        """Always `none`."""
        return "none"

    def unwrap(self) -> NoReturn:
        """Raises the error."""
        raise self.error


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened. Do not do it again under another name; ask for this operation.

    Args:
        error: What was seen last, with its evidence.
        operation_id: The ledger's id.
        resolve_after: Seconds until the truth can be known at the earliest, if that is known.
    """

    error: IntegrationError
    operation_id: str = ""
    resolve_after: float | None = None

    @property
    def effect(self) -> Effect:
        """Always `maybe`."""
        return "maybe"

    def unwrap(self) -> NoReturn:
        """Raises the error."""
        raise self.error


@dataclass(frozen=True, slots=True)
class Waiting:
    """What people were asked before an operation may be sent.

    Args:
        approval_id: The ledger's id of the approval.
        role: The role that they have.
        quorum: How many of them must approve.
        expires_at: Until when (seconds since the epoch).
        approved: True when they did, and it is not carried out yet.
        executed_by: `seawall`, or `caller`: then it is carried out when the same request is made again.
    """

    approval_id: str
    role: str
    quorum: int
    expires_at: float
    approved: bool = False
    executed_by: str = "seawall"


@dataclass(frozen=True, slots=True)
class Pending:
    """No result yet.

    Args:
        operation_id: The ledger's id.
        waits_for: `operation` (another caller or process runs it), `person` (parked: it may have happened) or
            `approval` (nothing was sent: people must approve it first).
        reason: In words, why, and what to do.
        retry_after: Seconds after which asking again is worth while, if known.
        approval: What people were asked, where it waits for them.
    """

    operation_id: str
    waits_for: Literal["operation", "person", "approval"]
    reason: str
    retry_after: float | None = None
    approval: Waiting | None = None

    @property
    def effect(self) -> Effect:
        """Always `maybe`."""
        return "maybe"

    def unwrap(self) -> NoReturn:
        """Raises `UnprovenOutcome`."""
        raise UnprovenOutcome(self)


@dataclass(frozen=True, slots=True)
class Partial(Generic[T_co]):
    """A batch: one outcome for each item, in the order of the request.

    Args:
        items: The outcomes; none of them is `Partial`.
        batch_id: The id that the items' operations share in the ledger.
    """

    items: tuple[Outcome[T_co], ...]
    batch_id: str = ""

    @property
    def effect(self) -> Effect:
        """`applied` or `none` if all items say so; otherwise `maybe`: read the items."""
        effects = {item.effect for item in self.items}
        return effects.pop() if len(effects) == 1 else "maybe"

    def unwrap(self) -> tuple[T_co, ...]:
        """The values in order; raises for the first item that is not applied."""
        return tuple(item.unwrap() for item in self.items)  # type: ignore[misc]  # items are never Partial


Outcome: TypeAlias = Applied[T] | Rejected | Unknown | Pending | Partial[T]
