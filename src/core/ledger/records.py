"""What the ledger remembers, as plain values. Times are seconds since the epoch; JSON is kept as text.

They are values: nobody changes one. They are not declared frozen, because that makes each field cost a call of its
own, and a write would take 8 % longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .approval_records import Ask

ERASED = "erased:"
"""Begins the digest of an operation that was erased; after it a salt, by which its key can still be checked."""


class Status(StrEnum):
    """Where an operation stands."""

    HELD = "held"  # nothing was sent: people must approve it first
    RUNNING = "running"  # a holder is at it; if the holder is gone, it may have been sent
    UNKNOWN = "unknown"  # it may have happened; recovery will look again at `next_check_at`
    PARKED = "parked"  # it may have happened; a person must decide
    APPLIED = "applied"
    REJECTED = "rejected"

    @property
    def settled(self) -> bool:
        """True when the truth is known and will not change."""
        return self in (Status.APPLIED, Status.REJECTED)


@dataclass(slots=True)
class Usage:
    """A rule with a rate, which an operation uses if it is new.

    Args:
        rule: The rule.
        calls: How many new operations its principal may begin with it within `per`.
        per: Seconds of a window that slides.
    """

    rule: str
    calls: int
    per: float


@dataclass(slots=True)
class Intent:
    """An operation that is about to be sent for the first time, or again after a rejection.

    Args:
        id: The operation's id, if it turns out to be new.
        system: The system.
        action: The action.
        key: The idempotency key; unique in its system.
        identity: Canonical JSON of the identity fields.
        request: Canonical JSON of the whole request.
        digest: Digest of `request`.
        entity: The record it writes, where the action names one and writes to it do not commute.
        principal: Who asked.
        adapter_version: The adapter's kind and version.
        policy: JSON of the policy decision that allows it.
        trace_id: The caller's trace, or empty.
        batch_id: Shared by the items of one batch call, else None.
        atomic: True for an item of an all-or-nothing batch.
        deadline_at: When its caller stops waiting.
        undoes: The operation that it compensates, else None.
        replay_rejections: Seconds for which a permanent rejection of the same content is replayed.
        ask: What people must approve before it may be sent; it is then recorded as `HELD`. None to send it.
        usages: Rules with a rate that it uses if it turns out to be new.
    """

    id: str
    system: str
    action: str
    key: str
    identity: str
    request: str
    digest: str
    principal: str
    adapter_version: str
    policy: str
    deadline_at: float
    entity: str | None = None
    trace_id: str = ""
    batch_id: str | None = None
    atomic: bool = False
    undoes: str | None = None
    replay_rejections: float = 0.0
    usages: tuple[Usage, ...] = ()
    ask: Ask | None = None


@dataclass(slots=True)
class Operation:
    """One row of `operations`: an intent and what became of it.

    Args:
        status: See `Status`.
        outcome: JSON of the value and receipt once applied, else None.
        error: JSON of the last error (`IntegrationError.to_record`), else None.
        holder: Who holds it while it is running or being recovered, else None.
        epoch: Grows each time the operation changes hands; a write with an older epoch is refused.
        created_at: When the intent was first recorded.
        updated_at: When the row last changed.
        sent_at: When the first attempt that may have landed was made, as far as known, else None.
        last_sent_at: When the last one was made; the late-commit horizon counts from it.
        next_check_at: When recovery looks at it next, else None.
        checks: Probes made so far.
        parked_because: In words, why a person must decide, else None.
        orphaned: How many times a holder vanished while it held the operation.
        intent_id: The intent that started it anew after a rejection; None while it is the first one, `id`.
        salt: Of its commitments in the audit; None once it was erased, or if it is older than the audit.
    """

    id: str
    system: str
    action: str
    key: str
    identity: str
    request: str
    digest: str
    entity: str | None
    principal: str
    adapter_version: str
    policy: str
    trace_id: str
    batch_id: str | None
    atomic: bool
    deadline_at: float
    undoes: str | None
    status: Status
    outcome: str | None
    error: str | None
    holder: str | None
    epoch: int
    created_at: float
    updated_at: float
    sent_at: float | None
    last_sent_at: float | None
    next_check_at: float | None
    checks: int
    parked_because: str | None
    orphaned: int = 0
    intent_id: str | None = None
    salt: str | None = None


@dataclass(slots=True)
class Begun:
    """The ledger's answer to an intent.

    Args:
        operation: The row: new, started anew after a rejection, or the one that was there before.
        fresh: True when the caller now holds it and is to send it.
        blocked_by: The unsettled operation on the same entity that stands in the way; then nothing was recorded
            and `operation` is that one.
        possibly_sent_since: Since when a fresh operation may have been sent already, because the ledger was restored
            from a backup that is as old; it must be looked up in the target before it is sent. Else None.
        used_up: Rule → when its rate is free again, if that stands in the way; then nothing was recorded for any
            intent of its batch, and `operation` is what would have been.
    """

    operation: Operation
    fresh: bool
    blocked_by: str | None = None
    possibly_sent_since: float | None = None
    used_up: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class AttemptRow:
    """One attempt as it ended.

    Args:
        operation_id: The operation.
        epoch: The epoch under which it was made.
        number: 1 for the first in this epoch.
        purpose: `send` or `resend`.
        started_at: When it began.
        ended_at: When it ended.
        effect: What was known of the effect then: `none`, `applied` or `maybe`.
        error: JSON of the error, None on success.
        stale: True when its holder had lost the operation; kept as evidence only.
    """

    operation_id: str
    epoch: int
    number: int
    purpose: str
    started_at: float
    ended_at: float
    effect: str
    error: str | None = None
    stale: bool = False


@dataclass(slots=True)
class ProbeRow:
    """One probe and what it found (`present`, `absent`, `cannot_tell`, `many` or `failed`), detail as JSON."""

    operation_id: str
    epoch: int
    at: float
    finding: str
    detail: str


@dataclass(slots=True)
class DecisionRow:
    """One decision and its reason: by policy, by recovery, by a person. `operation_id` is None for a denied call.

    `salt` is that of its commitments in the audit where it has no operation; the ledger sets it.
    """

    operation_id: str | None
    at: float
    by: str
    decision: str
    reason: str
    detail: str = "{}"
    salt: str | None = None


@dataclass(slots=True)
class Verdict:
    """What a holder records about an operation it holds.

    Args:
        operation_id: The operation.
        epoch: The epoch under which the holder holds it.
        status: The new status. `RUNNING` is none.
        outcome: JSON of value and receipt for `APPLIED`.
        error: JSON of the error otherwise.
        sent_at: When the first attempt that may have landed was made; never overwritten once set.
        last_sent_at: When the last one was made; overwritten unless None. A claimed orphan gets the time of the
            claim for both, because nobody saw when its holder sent it.
        next_check_at: For `UNKNOWN`: when recovery looks again.
        parked_because: For `PARKED`: why, in words.
        checked: True when a probe was made for this verdict.
        attempts: Attempts to record with it.
        probes: Probes to record with it.
        decisions: Decisions to record with it.
    """

    operation_id: str
    epoch: int
    status: Status
    outcome: str | None = None
    error: str | None = None
    sent_at: float | None = None
    last_sent_at: float | None = None
    next_check_at: float | None = None
    parked_because: str | None = None
    checked: bool = False
    attempts: tuple[AttemptRow, ...] = ()
    probes: tuple[ProbeRow, ...] = ()
    decisions: tuple[DecisionRow, ...] = ()


@dataclass(slots=True)
class Restore:
    """The ledger was restored from a backup.

    Args:
        backup_at: When the backup was made.
        restored_at: When it was restored.
        until: Until when a request that the ledger does not know counts as possibly sent; None for ever.
    """

    backup_at: float
    restored_at: float
    until: float | None = None


@dataclass(slots=True)
class Story:
    """Everything the ledger knows about one operation, each list in the order it happened."""

    operation: Operation
    attempts: tuple[AttemptRow, ...]
    probes: tuple[ProbeRow, ...]
    decisions: tuple[DecisionRow, ...]
