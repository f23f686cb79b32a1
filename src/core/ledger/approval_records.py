"""What the ledger remembers of people who were asked, as plain values. Times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import Operation


class ApprovalStatus(StrEnum):
    """Where an approval stands. Only the first two are open; an approval never comes back from the others."""

    WAITING = "waiting"  # for more votes
    APPROVED = "approved"  # not spent yet
    SPENT = "spent"  # its operation was begun: it cannot be used again
    REJECTED = "rejected"  # a person said no
    EXPIRED = "expired"  # nobody decided in time, or it was not carried out in time
    WITHDRAWN = "withdrawn"  # whoever asked wants it no more
    REPLACED = "replaced"  # what was shown is not true any more, or was edited; another one asks anew
    DENIED = "denied"  # the policy no longer allows it at all

    @property
    def open(self) -> bool:
        """Whether it can still be decided or spent."""
        return self in (ApprovalStatus.WAITING, ApprovalStatus.APPROVED)


@dataclass(slots=True)
class Ask:
    """What people are to be asked before an intent may be sent.

    Args:
        id: The id of the approval, if it turns out to be new.
        role: The role that approvers must have.
        quorum: How many of them must approve; 0 where the policy asks for nobody any more, after an edit.
        executed_by: `seawall`, or `caller` if it is carried out when the same request is made again.
        lasts: Seconds until it expires.
        reason: Why the policy asks.
        shown: Canonical JSON of all that the approval is bound to: what is shown to people.
        digest: Digest of `shown`.
    """

    id: str
    role: str
    quorum: int
    executed_by: str
    lasts: float
    reason: str
    shown: str
    digest: str


@dataclass(slots=True)
class Approval:
    """One row of `approvals`.

    Args:
        status: See `ApprovalStatus`.
        asked_digest: Digest of the request as the principal made it; differs from the operation's after an edit.
        edited_by: Who changed the request, if somebody did.
        replaces: The approval in whose place it came, else None.
        because: JSON: why it came in that one's place: what differs.
        requested_at: When people were asked.
        expires_at: When it expires.
        ended_at: When it was spent, rejected, or otherwise ended.
        message: What was said at its end.
        told: The status that a webhook was told of last.
        tell_at: Not before then the webhook is told of the present one.
    """

    id: str
    operation_id: str
    status: ApprovalStatus
    role: str
    quorum: int
    executed_by: str
    reason: str
    digest: str
    shown: str
    asked_digest: str
    edited_by: str | None
    replaces: str | None
    because: str | None
    requested_at: float
    expires_at: float
    ended_at: float | None = None
    message: str | None = None
    told: str = ""
    tell_at: float = 0.0


@dataclass(slots=True)
class Due:
    """An approval that Seawall is to carry out, and the system that it will reach."""

    id: str
    system: str


@dataclass(slots=True)
class Vote:
    """What one person said: `approve` or `reject`, under the digest of what they saw."""

    approval_id: str
    by: str
    at: float
    vote: str
    digest: str
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Another content for an operation that is held.

    Args:
        by: Who changed it.
        request: Canonical JSON of the whole request.
        digest: Its digest.
        entity: The record it writes, where it names one.
        policy: JSON of the decision on it.
    """

    by: str
    request: str
    digest: str
    entity: str | None
    policy: str


@dataclass(frozen=True, slots=True)
class Released:
    """What came of the try to spend an approval.

    Args:
        operation: The operation, now held by us and running; None if it was not released.
        blocked_by: The unsettled operation on the same record that stands in the way, if one does.
    """

    operation: Operation | None = None
    blocked_by: Operation | None = None
