"""The story of one operation in words: what was asked, what was tried, what was found, and what happens next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .core.incidents import Incident
from .core.ledger.records import AttemptRow, DecisionRow, Operation, ProbeRow, Status, Story

_BY_PERSON = "resolved_by_person"
_LONGEST = 200  # characters of one value; a story is read, the ledger keeps the whole

_FOUND = {
    "present": "it is there",
    "absent": "it is not there",
    "cannot_tell": "what was found decides nothing",
    "many": "more than one record carries its key",
    "failed": "the probe itself failed, which says nothing about the operation",
}

_DECIDED = {
    "ProvenApplied": "proven: it happened",
    "ProvenAbsent": "proven: it did not happen, and will not",
    "SendAgain": "send it again under the same key",
    "Wait": "wait, and look again",
    "later": "look again later",
    "Park": "leave it to a person",
    "park": "leave it to a person",
    "allow": "allowed",
    "deny": "denied",
    "require_approval": "an approval is needed",
    "stale_result": "a result that came too late was kept as evidence only",
    "resolved_applied": "it happened, as a person found out",
    "resolved_not_applied": "it did not happen, as a person found out",
    "retry_allowed": "recovery may look at it again, and send it again where the rules allow that",
    "compensate": "undo it by an operation of its own",
}

_EFFECT = {
    "none": "nothing happened in the target",
    "applied": "the target acknowledged it",
    "maybe": "it may have happened",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A story that can be read aloud or printed.

    Args:
        operation_id: The operation.
        status: Where it stands.
        headline: How it ended, or that nobody knows yet.
        asked: Who asked for what, and what allowed it.
        events: What happened, in order of time.
        ending: What is known now, and what happens next by itself.
        advice: What a person can do; empty when there is nothing left to do.
    """

    operation_id: str
    status: Status
    headline: str
    asked: tuple[str, ...]
    events: tuple[str, ...]
    ending: tuple[str, ...]
    advice: tuple[str, ...]

    def text(self) -> str:
        """The whole story as plain text."""
        parts = [self.headline]
        sections = (
            ("What was asked", self.asked),
            ("What happened", self.events),
            ("Where it stands", self.ending),
            ("What you can do", self.advice),
        )
        for title, lines in sections:
            if lines:
                parts.append("\n".join((f"{title}:", *(f"  {line}" for line in lines))))
        return "\n\n".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "operation_id": self.operation_id,
            "status": str(self.status),
            "headline": self.headline,
            "asked": list(self.asked),
            "events": list(self.events),
            "ending": list(self.ending),
            "advice": list(self.advice),
        }


def explain(story: Story, now: float, incident: Incident | None = None) -> Explanation:
    """Tell the story of one operation.

    Args:
        story: What the ledger knows.
        now: Seconds since the epoch.
        incident: The incident that it is part of, if it is of one.
    """
    operation = story.operation
    return Explanation(
        operation_id=operation.id,
        status=operation.status,
        headline=_headline(operation),
        asked=_asked(operation),
        events=_events(story),
        ending=(*_ending(story, now), *_part_of(incident)),
        advice=_advice(operation),
    )


def when(at: float) -> str:
    """A time as a person reads it, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _headline(operation: Operation) -> str:
    name = f"{operation.id}: {operation.system}.{operation.action}"
    match operation.status:
        case Status.APPLIED:
            return f"{name} is applied. The effect is in the target."
        case Status.REJECTED:
            return f"{name} was not done. There is no effect in the target, and there will be none."
        case Status.UNKNOWN:
            return f"{name} may have happened. It is not known yet; Seawall finds out."
        case Status.PARKED:
            return f"{name} may have happened. It is not known, and a person must decide."
        case Status.HELD:
            return f"{name} was not done. People must approve it first; nothing was sent."
        case Status.RUNNING:
            return f"{name} is still running, or its process ended in the middle of it. The result is not known."


def _asked(operation: Operation) -> tuple[str, ...]:
    moment = when(operation.created_at)
    lines = [
        f"{operation.principal} asked {operation.system} for {operation.action} at {moment}.",
        f"It went through the connector {operation.adapter_version}.",
        _allowed_by(_json(operation.policy)),
        f"What makes it the same request: {_pairs(_json(operation.identity))}.",
        f"The request: {_pairs(_json(operation.request))}.",
        f"The key it carries in the target: {operation.key}.",
    ]
    if operation.entity is not None:
        lines.append(f"The record it writes: {operation.entity}; other writes to it wait until this one is settled.")
    if operation.batch_id is not None:
        kind = "an all-or-nothing batch" if operation.atomic else "a batch"
        lines.append(f"It is one item of {kind}: {operation.batch_id}.")
    if operation.trace_id:
        lines.append(f"The caller's trace: {operation.trace_id}.")
    return tuple(lines)


def _allowed_by(policy: Mapping[str, Any]) -> str:
    if not policy:
        return "The ledger does not say which rule allowed it."
    verbs = {"allow": "allowed", "require_approval": "wants people to approve"}
    verb = verbs.get(str(policy.get("decision")), "denied")
    return f"The rule {policy.get('rule')!r} of policy version {policy.get('version')} {verb} it."


def _events(story: Story) -> tuple[str, ...]:
    start = story.operation.created_at
    told = [(start, 0, "The intent was recorded, before anything was sent.")]
    told += [(row.ended_at, 1, _attempt(row)) for row in story.attempts]
    told += [(row.at, 2, _probe(row)) for row in story.probes]
    told += [(row.at, 3, _decision(row)) for row in story.decisions]
    # Equal times keep cause before consequence: attempt, probe, decision.
    told.sort(key=lambda event: event[:2])
    return tuple(f"{_offset(at - start):>10}  {text}" for at, _, text in told)


def _attempt(row: AttemptRow) -> str:
    again = ", sent again by recovery," if row.purpose == "resend" else ""
    took = f"after {max(0.0, row.ended_at - row.started_at):.2f} s"
    ended = "the target acknowledged it"
    if row.error is not None:
        ended = f"{_error(_json(row.error))}; {_EFFECT.get(row.effect, row.effect)}"
    late = " (It ended after another process had taken over; kept as evidence.)" if row.stale else ""
    return f"Attempt {row.number}{again} ended {took}: {ended}.{late}"


def _probe(row: ProbeRow) -> str:
    detail = _json(row.detail)
    text = f"Looked in the target: {_FOUND.get(row.finding, row.finding)}"
    if row.finding == "failed":
        return f"{text}: {_error(detail)}."
    shown = {key: value for key, value in detail.items() if value not in (None, [], {}, "")}
    return f"{text} ({_pairs(shown)})." if shown else f"{text}."


def _decision(row: DecisionRow) -> str:
    reason = f", because: {row.reason.rstrip('.')}" if row.reason else ""
    detail = {name: value for name, value in _json(row.detail).items() if value not in (None, "", {}, [])}
    shown = f" ({_pairs(detail)})" if detail else ""
    return f"Decision by {row.by}: {_DECIDED.get(row.decision, row.decision)}{reason}{shown}."


def _ending(story: Story, now: float) -> tuple[str, ...]:
    operation = story.operation
    lines = [_effort(story)]
    error = _json(operation.error)
    match operation.status:
        case Status.APPLIED:
            outcome = _json(operation.outcome)
            receipt = outcome.get("receipt") or {}
            record = f" as record {receipt['record']}" if receipt.get("record") else ""
            lines.append(f"Applied{record}; proven by {_proof(receipt.get('proof'))}, at {when(operation.updated_at)}.")
            if outcome.get("value"):
                lines.append(f"The answer: {_pairs(outcome['value'])}.")
        case Status.REJECTED:
            lines.append(f"Not done: {_error(error)}, at {when(operation.updated_at)}.")
            proof = (error.get("evidence") or {}).get("no_effect_because")
            if proof:
                lines.append(f"That there is no effect is proven: {proof}.")
        case Status.UNKNOWN:
            lines.append(f"Last seen: {_error(error)}.")
            lines.append(_next_look(operation, now))
        case Status.PARKED:
            lines.append(f"Parked, because: {operation.parked_because or 'a person must decide'}.")
            if error:
                lines.append(f"Last seen: {_error(error)}.")
            lines.append("Nothing more happens by itself: it is neither sent again nor given up.")
        case Status.HELD:
            lines.append("It waits for people. Nothing was sent.")
        case Status.RUNNING:
            lines.append(f"Its holder is {operation.holder}; its caller waits until {when(operation.deadline_at)}.")
            lines.append("If that process is gone, recovery takes over as soon as its lease has run out.")
    return tuple(lines)


def _effort(story: Story) -> str:
    attempts, probes = len(story.attempts), len(story.probes)
    again = story.operation.epoch - 1
    hands = f"; it was taken up again {_times(again)}" if again else ""
    orphaned = story.operation.orphaned
    gone = f"; {_times(orphaned)} the process that held it ended without a word" if orphaned else ""
    tried = f"{attempts} attempt{'s' * (attempts != 1)} and {probes} probe{'s' * (probes != 1)} are on record"
    return f"{tried}{hands}{gone}."


def _part_of(incident: Incident | None) -> tuple[str, ...]:
    if incident is None:
        return ()
    others = incident.total - 1
    shared = f"{others} other operation{'s' * (others != 1)} share{'s' * (others == 1)} the cause" if others else ""
    alone = "no other operation shares the cause"
    told = f"It is part of incident {incident.id} ({incident.cause}), open since {when(incident.first_seen)}"
    return (f"{told}: {shared or alone}.",)


def _next_look(operation: Operation, now: float) -> str:
    if operation.next_check_at is None:
        return "Recovery looks again when the process that holds it lets go of it."
    wait = operation.next_check_at - now
    if wait > 0:
        return f"Recovery looks again at {when(operation.next_check_at)}, in {wait:.1f} s, if a process runs it."
    return f"It has been due since {when(operation.next_check_at)}; recovery looks as soon as a process runs it."


def _advice(operation: Operation) -> tuple[str, ...]:
    match operation.status:
        case Status.APPLIED:
            return ()
        case Status.REJECTED:
            if _json(operation.error).get("code") == _BY_PERSON:
                return ("The same request may be made again: it is then sent anew.",)
            if _json(operation.error).get("transient"):
                return ("Make the same request again: it was refused for a passing reason.",)
            return ("Mend what the error names, and ask again.",)
        case Status.HELD:
            return ("Look at what is asked: `seawall approvals list`. Do not make this change by another route.",)
        case Status.UNKNOWN | Status.RUNNING:
            return (
                "Do not make this change by another route: it may be there already.",
                "Run `seawall recover`, or leave it to a process that has Seawall open.",
            )
        case Status.PARKED:
            where = f"in {operation.system} for the key {operation.key}, or for {_pairs(_json(operation.identity))}"
            command, said = f"seawall ops {{}} {operation.id}", "--by NAME --reason WHY"
            return (
                f"Look {where}.",
                "If it is there twice, remove one.",
                f"If it is there: `{command.format('resolve')} --applied RECORD {said}`.",
                f"If it is not there and cannot come any more: `{command.format('resolve')} --not-applied {said}`.",
                "After that the same request may be made again.",
                f"If you have mended what stood in the way: `{command.format('retry')} {said}`; recovery looks again.",
                "Until you know, do not make this change by another route.",
            )


def _error(record: Mapping[str, Any]) -> str:
    if not record:
        return "no error was recorded"
    code = f" [{record['code']}]" if record.get("code") else ""
    message = str(record.get("message") or "no message").rstrip(".")
    return f"{record.get('type', 'error')}: {message}{code}"


def _proof(proof: object) -> str:
    return {"reply": "the target's reply", "probe": "a probe", "person": "a person"}.get(str(proof), str(proof))


def _pairs(values: Mapping[str, Any]) -> str:
    if not values:
        return "nothing"
    return ", ".join(f"{key} = {_short(value)}" for key, value in values.items() if value is not None)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def _json(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {"unreadable": text}
    return found if isinstance(found, dict) else {"value": found}


def _offset(seconds: float) -> str:
    return f"+{max(0.0, seconds):.2f} s"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
