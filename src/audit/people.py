"""Comparing approvals and votes with the audit: who was asked for what, who said what, and what came of it."""

from __future__ import annotations

from typing import Any

from ..core.ledger.approval_records import Approval, Vote
from ..core.ledger.records import Operation
from .expected import differing
from .report import Report
from .scratch import Told

_ASKED = ("role", "quorum", "executed_by", "edited_by", "replaces", "requested_at", "expires_at")
_SHOWN = ("shown", "digest", "asked_digest", "reason", "because")


class People:
    """Compares what people were asked and said, operation by operation.

    Args:
        report: What is found goes here.
    """

    def __init__(self, report: Report) -> None:
        self._report = report

    def compare(
        self,
        row: Operation | None,
        asked: tuple[list[Approval], list[Vote]],
        told: list[Told],
        *,
        erased: bool,
    ) -> None:
        """Compare the approvals of one operation, and the votes on them.

        Args:
            row: The operation; None where it is gone.
            asked: What the tables have.
            told: Its events.
            erased: Whether words about it were forgotten at any time.
        """
        salt = None if row is None else row.salt
        approvals, votes = asked
        self._approvals(approvals, told, salt, erased=erased)
        self._votes(votes, told, salt, erased=erased)

    def _approvals(self, rows: list[Approval], told: list[Told], salt: str | None, *, erased: bool) -> None:
        known = {one.event.get("approval"): one for one in told if one.event["kind"] == "approval"}
        moved: dict[Any, Told] = {}
        for one in told:
            if one.event["kind"] == "approval_moved":
                before = moved.get(one.event.get("approval"))
                if before is None or _later(one, before):
                    moved[one.event.get("approval")] = one
        for row in rows:
            where, found = f"approvals {row.id}", known.pop(row.id, None)
            if found is None:
                self._report.fault("row_added", where, "the audit does not tell that people were asked this")
                continue
            last = moved.get(row.id, found)
            wrong = [name for name in _ASKED if found.event.get(name) != getattr(row, name)]
            wrong += ["status"] if last.event.get("status") != row.status else []
            wrong += ["ended_at"] if last.event.get("ended_at") != row.ended_at else []
            if not _forgotten(row, erased=erased):
                shown = {name: getattr(row, name) for name in _SHOWN}
                wrong += differing(dict.fromkeys(_SHOWN) | found.event.get("private", {}), shown, salt)
                said = {"message": None} | last.event.get("private", {}) if last is not found else {"message": None}
                wrong += differing(said, {"message": row.message}, salt)
            self._altered(where, last, wrong)
        for name, one in known.items():
            self._gone(f"approvals {name}", "the approval", one)

    def _votes(self, rows: list[Vote], told: list[Told], salt: str | None, *, erased: bool) -> None:
        known = {(one.event.get("approval"), one.event.get("by")): one for one in told if one.event["kind"] == "vote"}
        for row in rows:
            where, found = f"votes of {row.approval_id} by {row.by}", known.pop((row.approval_id, row.by), None)
            if found is None:
                self._report.fault("row_added", where, "the audit does not tell of this vote")
                continue
            wrong = [name for name in ("vote", "at") if found.event.get(name) != getattr(row, name)]
            if not _forgotten(row, erased=erased):
                said = {"digest": row.digest, "message": row.message}
                wrong += differing(dict.fromkeys(said) | found.event.get("private", {}), said, salt)
            self._altered(where, found, wrong)
        for (approval, by), one in known.items():
            self._gone(f"votes of {approval} by {by}", "the vote", one)

    def _altered(self, where: str, told: Told, wrong: list[str]) -> None:
        if wrong:
            said = f"not what {told.where} says: {', '.join(sorted(set(wrong)))}"
            self._report.fault("row_altered", where, said, told.at)

    def _gone(self, where: str, what: str, told: Told) -> None:
        said = f"{what} is gone from the table; {told.where} tells of it ({told.event['kind']})"
        self._report.fault("row_missing", where, said, told.at)


def _forgotten(row: Approval | Vote, *, erased: bool) -> bool:
    return erased and row.digest == ""


def _later(one: Told, other: Told) -> bool:
    """Whether a move came after another one: an approval is open once, and ends once."""
    return (one.event.get("ended_at") is not None) >= (other.event.get("ended_at") is not None)
