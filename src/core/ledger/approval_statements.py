"""The statements about approvals, compiled once for each database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import ClauseElement, Table, bindparam, func, literal_column, null, or_, select, update

from .schema import approvals, operations, votes

if TYPE_CHECKING:
    from .statements import Statement

_ap, _op = approvals.c, operations.c
_held = (
    _op.id == bindparam("which"),
    _op.status == literal_column("'held'"),
    _op.epoch == bindparam("under"),
)
_OPEN = or_(_ap.status == literal_column("'waiting'"), _ap.status == literal_column("'approved'"))


class ApprovalStatements:
    """Statements about approvals, in the words of one database.

    Args:
        compiled: Makes text for the driver.
        insert: Makes an insert that leaves alone what is there with the same values of the named columns.
    """

    def __init__(self, compiled: Callable[[ClauseElement], Statement], insert: Callable[..., Statement]) -> None:
        self._compiled = compiled
        self._found: dict[tuple[str, ...], Statement] = {}
        row = select(*[column for column in approvals.columns if column.name != "seq"])
        self.row = row
        self.insert = insert(approvals)
        self.insert_vote = insert(votes, "approval_id", "by")
        self.by_id = compiled(row.where(_ap.id == bindparam("id")))
        self.latest_of = compiled(
            row.where(_ap.operation_id == bindparam("id")).order_by(approvals.c.seq.desc()).limit(1)
        )
        self.of_operation = compiled(row.where(_ap.operation_id == bindparam("id")).order_by(approvals.c.seq))
        self.overdue = compiled(
            row.where(_OPEN, _ap.expires_at <= bindparam("now")).order_by(_ap.expires_at).limit(100)
        )
        self.to_release = compiled(
            select(_ap.id, _op.system)
            .join_from(approvals, operations, _op.id == _ap.operation_id)
            .where(_ap.status == literal_column("'approved'"), _ap.executed_by == literal_column("'seawall'"))
            .order_by(approvals.c.seq)
            .limit(bindparam("most"))
        )
        self.any_open = compiled(select(literal_column("1")).select_from(approvals).where(_OPEN).limit(1))
        self.votes = compiled(
            select(*[column for column in votes.columns if column.name != "seq"])
            .where(votes.c.approval_id == bindparam("id"))
            .order_by(votes.c.seq)
        )
        self.approvers = compiled(
            select(func.count()).where(
                votes.c.approval_id == bindparam("id"), votes.c.vote == literal_column("'approve'")
            )
        )
        self.move = compiled(
            update(approvals)
            .where(
                _ap.id == bindparam("which"),
                or_(_ap.status == bindparam("was"), _ap.status == bindparam("or_was")),
                _ap.expires_at > bindparam("after"),
            )
            .values(
                status=bindparam("new_status"),
                ended_at=bindparam("ended_at"),
                message=bindparam("message"),
                tell_at=bindparam("now"),
            )
        )
        """From one of two statuses to another."""
        self.release = compiled(
            update(operations)
            .where(*_held, _op.digest == bindparam("same"))
            .values(
                status="running",
                holder=bindparam("holder"),
                epoch=_op.epoch + 1,
                policy=bindparam("policy"),
                deadline_at=bindparam("deadline_at"),
                updated_at=bindparam("now"),
            )
        )
        self.hold_again = compiled(
            update(operations)
            .where(
                _op.id == bindparam("which"),
                _op.status == literal_column("'rejected'"),
                _op.epoch == bindparam("under"),
            )
            .values(status="held", holder=None, epoch=_op.epoch + 1, error=None, updated_at=bindparam("now"))
        )
        self.refuse = compiled(
            update(operations)
            .where(*_held)
            .values(
                status=bindparam("new_status"),
                epoch=_op.epoch + 1,
                next_check_at=bindparam("next_check_at"),
                error=bindparam("error"),
                updated_at=bindparam("now"),
            )
        )
        self.edit = compiled(
            update(operations)
            .where(*_held)
            .values(
                epoch=_op.epoch + 1,
                request=bindparam("request"),
                digest=bindparam("digest"),
                entity=bindparam("entity"),
                policy=bindparam("policy"),
                updated_at=bindparam("now"),
            )
        )
        self.untold = compiled(
            row.where(
                _ap.told != _ap.status,
                _ap.tell_at <= bindparam("now"),
                or_(_ap.ended_at.is_(None), _ap.ended_at > bindparam("since")),
            )
            .order_by(_ap.tell_at)
            .limit(20)
        )
        self.put_off = compiled(
            update(approvals)
            .where(_ap.id == bindparam("which"), _ap.tell_at == bindparam("was"))
            .values(tell_at=bindparam("until"))
        )
        self.blank = compiled(
            update(approvals)
            .where(_ap.operation_id == bindparam("operation"))
            .values(
                shown=bindparam("nothing"),
                digest="",
                asked_digest="",
                reason=bindparam("words"),
                because=null(),
                message=null(),
            )
        )
        self.blank_votes = compiled(
            update(votes)
            .where(votes.c.approval_id.in_(select(_ap.id).where(_ap.operation_id == bindparam("operation"))))
            .values(digest="", message=bindparam("words"))
        )
        self.told = compiled(update(approvals).where(_ap.id == bindparam("which")).values(told=bindparam("said")))

    def find(self, *names: str) -> Statement:
        """Approvals by the columns `names` (`status`, `role`), newest first."""
        if names not in self._found:
            conditions = [_column(approvals, name) == bindparam(f"only_{name}") for name in names]
            self._found[names] = self._compiled(
                self.row.where(*conditions).order_by(approvals.c.seq.desc()).limit(bindparam("most"))
            )
        return self._found[names]


def _column(table: Table, name: str) -> ClauseElement:
    return table.c[name]
