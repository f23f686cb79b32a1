"""What the audit is told of approvals: who was asked for what, who said what, and what became of the operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .approval_records import Approval, Vote
from .events import allowed, code_of
from .records import Operation, Status

if TYPE_CHECKING:
    from .database import Database


def asked(db: Database, approval: Approval, salt: str) -> None:
    """People are asked."""
    private = {
        "shown": approval.shown,
        "digest": approval.digest,
        "asked_digest": approval.asked_digest,
        "reason": approval.reason,
        "because": approval.because,
    }
    db.audit_private(
        "approval",
        approval.operation_id,
        salt,
        private,
        approval=approval.id,
        status=approval.status.value,
        role=approval.role,
        quorum=approval.quorum,
        executed_by=approval.executed_by,
        edited_by=approval.edited_by,
        replaces=approval.replaces,
        requested_at=approval.requested_at,
        expires_at=approval.expires_at,
    )


def moved(db: Database, approval: Approval, salt: str) -> None:
    """An approval came to another status. The row is as it is from now on."""
    db.audit_private(
        "approval_moved",
        approval.operation_id,
        salt,
        {"message": approval.message},
        approval=approval.id,
        status=approval.status.value,
        ended_at=approval.ended_at,
    )


def voted(db: Database, said: Vote, approval: Approval, salt: str) -> None:
    """Somebody said what they think of it."""
    db.audit_private(
        "vote",
        approval.operation_id,
        salt,
        {"digest": said.digest, "message": said.message},
        approval=said.approval_id,
        by=said.by,
        at=said.at,
        vote=said.vote,
    )


def released(db: Database, operation: Operation) -> None:
    """A held operation was begun, under the approval that was spent for it. The row is as it is from now on."""
    _changed(db, "released", operation, {})


def held_again(db: Database, operation: Operation) -> None:
    """An operation that had no effect waits for another try. The row is as it is from now on."""
    db.audit("held_again", operation.id, epoch=operation.epoch)


def edited(db: Database, operation: Operation) -> None:
    """Its request was changed. The row is as it is from now on."""
    private = {"request": operation.request, "digest": operation.digest, "entity": operation.entity}
    _changed(db, "edited", operation, private)


def _changed(db: Database, kind: str, operation: Operation, private: dict[str, str | None]) -> None:
    policy = allowed(operation.policy)
    assert operation.salt is not None
    db.audit_private(
        kind,
        operation.id,
        operation.salt,
        {**private, "policy": policy.more},
        epoch=operation.epoch,
        decision=policy.decision,
        rule=policy.rule,
        policy_version=policy.version,
        decision_id=policy.id,
    )


def refused(db: Database, operation: Operation, status: Status, error: str) -> None:
    """A held operation ended without being sent by us, or is looked up because it may have been sent."""
    assert operation.salt is not None
    db.audit_private(
        "refused",
        operation.id,
        operation.salt,
        {"error": error},
        status=status.value,
        epoch=operation.epoch,
        code=code_of(error),
    )
