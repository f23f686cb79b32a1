"""Approvals for people and for machines: a table, one in full, and the same as JSON values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .core.approval import moment
from .core.approvals import Standing
from .core.ledger.approval_records import ApprovalStatus
from .listing import age

if TYPE_CHECKING:
    from rich.table import Table

_NEXT = {
    "seawall": "A process that has Seawall open carries it out within a moment, or `seawall recover` does.",
    "caller": "It is carried out when whoever asked makes the same request again.",
}
_LONGEST = 200  # characters of a value that are shown in a line of a table
_ALL = 1 << 40  # characters: people are shown all of what they approve


def approval_record(standing: Standing) -> dict[str, Any]:
    """An approval as JSON values.

    Args:
        standing: The approval, its operation and its votes.
    """
    approval = standing.approval
    return {
        "approval_id": approval.id,
        "operation_id": approval.operation_id,
        "status": str(approval.status),
        "operation_status": str(standing.operation.status),
        "role": approval.role,
        "quorum": approval.quorum,
        "executed_by": approval.executed_by,
        "reason": approval.reason,
        "requested_at": approval.requested_at,
        "expires_at": approval.expires_at,
        "ended_at": approval.ended_at,
        "digest": approval.digest,
        "shown": standing.shown,
        "replaces": approval.replaces,
        "because": None if approval.because is None else json.loads(approval.because),
        "edited_by": approval.edited_by,
        "message": approval.message,
        "votes": [asdict(vote) for vote in standing.votes],
    }


def approvals_table(found: Iterable[Standing], now: float, clean: Callable[[str], str]) -> Table:
    """Approvals as a table.

    Args:
        found: The approvals.
        now: Seconds since the epoch.
        clean: Makes text safe to show.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold")
    for heading in ("approval", "status", "action", "what", "asked by", "waits for", "votes", "since", "expires"):
        table.add_column(heading, overflow="fold")
    for standing in found:
        approval, shown = standing.approval, standing.shown
        approvers = sum(vote.vote == "approve" for vote in standing.votes)
        cells = (
            approval.id,
            str(approval.status),
            f"{shown['system']}.{shown['action']}",
            ", ".join(f"{name} = {_short(value)}" for name, value in shown["arguments"].items() if value is not None),
            shown["principal"],
            approval.role,
            f"{approvers} of {approval.quorum}",
            age(now - approval.requested_at),
            f"in {age(approval.expires_at - now)}" if approval.status.open else "-",
        )
        table.add_row(*(Text(clean(cell)) for cell in cells))
    return table


def approval_text(standing: Standing, now: float) -> str:
    """An approval in full, for a person who must decide.

    Args:
        standing: The approval, its operation and its votes.
        now: Seconds since the epoch.
    """
    approval, operation, shown = standing.approval, standing.operation, standing.shown
    target = f"{shown['system']} for {shown['action']}"
    left = f", in {age(approval.expires_at - now)}" if approval.status.open else ""
    lines = [
        f"{approval.id}: {approval.status}",
        f"{shown['principal']} asks {target} (operation {operation.id}, {operation.status}).",
        f"Needs {approval.quorum} of {approval.role}; the policy says: {approval.reason or 'approval is needed'}.",
        f"Asked at {moment(approval.requested_at)}; expires at {moment(approval.expires_at)}{left}.",
    ]
    if approval.because is not None:
        lines += [
            "",
            f"It comes in the place of {approval.replaces}, because:",
            *_because(json.loads(approval.because)),
        ]
    lines += ["", "What is asked for, and what is there now:", *_compared(shown)]
    if standing.votes:
        lines += ["", "What was said:"]
    for vote in standing.votes:
        said = f" ({vote.message})" if vote.message else ""
        lines.append(f"  {moment(vote.at)} {vote.by}: {vote.vote}{said}")
    if approval.message:
        lines += ["", f"How it ended: {approval.message}"]
    if approval.status is ApprovalStatus.APPROVED:
        lines += ["", _NEXT[approval.executed_by]]
    return "\n".join([*lines, "", f"Digest of what is shown: {approval.digest}"])


def approval_form(standing: Standing, longest: int) -> str | None:
    """What an approval is about, for a form: all arguments in full, and of what is there now what fits.

    Args:
        standing: The approval, its operation and its votes.
        longest: Characters, at most.

    Returns:
        None if the arguments do not fit: nobody is to approve what they were not shown.
    """
    approval, shown = standing.approval, standing.shown
    because = [] if approval.because is None else ["It was changed:", *_because(json.loads(approval.because), longest)]
    lines = [*because, *_compared(shown, longest)]
    needed = len(because) + sum(value is not None for value in shown["arguments"].values())
    lines += [f"  {vote.by}: {vote.vote} {_short(vote.message)}" for vote in standing.votes]
    kept = len(lines)
    while len(text := "\n".join([*lines[:kept], *_left_out(len(lines) - kept, approval.id)])) > longest:
        kept -= 1
        if kept < needed:
            return None
    return text


def _left_out(count: int, approval_id: str) -> list[str]:
    return [f"  and {count} more lines: seawall approvals show {approval_id}"] if count else []


def _because(told: dict[str, Any], longest: int = _ALL) -> list[str]:
    lines = [f"  {told['edited_by']} edited it: {told['message']}"] if "edited_by" in told else []
    lines += [
        f"  {one['what']}: was {_short(one['then'], longest)}, is {_short(one['now'], longest)} ({one['code']})"
        for one in told["differs"]
    ]
    return lines


def _compared(shown: dict[str, Any], longest: int = _ALL) -> list[str]:
    observed = shown["observed"]
    fields = {} if observed is None else observed.get("fields") or {}
    lines = []
    for name, value in shown["arguments"].items():
        if value is not None:
            before = f"   (now {_short(fields[name], longest)})" if name in fields and fields[name] != value else ""
            lines.append(f"  {name} = {_short(value, longest)}{before}")
    if observed is None:
        return [*lines, "  Nothing is there to compare it with."]
    if observed["state"] != "present":
        return [*lines, f"  The record in the target is {observed['state']}."]
    others = {name: value for name, value in fields.items() if name not in shown["arguments"] and value is not None}
    return lines + [f"  the record has {name} = {_whole(value)}" for name, value in others.items()]


def _whole(value: Any) -> str:
    """All of it, however long: nobody approves what they were not shown."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _short(value: Any, longest: int = _LONGEST) -> str:
    text = _whole(value)
    return text if len(text) <= longest else f"{text[:longest]}…"
