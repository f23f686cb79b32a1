"""From an outcome to what an agent is told: the table of `docs/agents.md`, one function for each line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from ..core import errors
from ..core.action import Action
from ..core.approval import EXPIRED, REJECTED
from ..core.errors import IntegrationError
from ..core.held import WITHDRAWN
from ..core.ledger.records import Status
from ..core.outcome import Applied, Outcome, Partial, Pending, Rejected, Unknown
from ..core.replay import OTHER_CONTENT
from .faults import fault
from .result import Effect, Fault, Next, Result, Retry, quoted

HELD = str(Status.HELD)

DISTINCT = "distinct_from"
"""The argument by which an agent asks for the same a second time, and the code of the error if it may not."""

GET, WAIT, CANCEL = "operation_get", "operation_wait", "operation_cancel"
"""The tools by which an agent learns what became of an operation, or takes it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What was called.

    Args:
        system: The system.
        action: The action.
        request: The request's fields.
        same: The tool and arguments that make the same request; None where no permitted tool makes it.
        now: Seconds since the epoch.
        policy: The decision.
        trace_id: The caller's trace.
    """

    system: str
    action: Action
    request: Mapping[str, Any]
    same: Next | None
    now: float
    policy: Mapping[str, Any] | None
    trace_id: str | None

    @property
    def target(self) -> str:
        """`system.action`."""
        return f"{self.system}.{self.action.name}"

    def told(self, **facts: Any) -> Result:
        """A result of this call."""
        return Result(source=self.system, policy=self.policy, trace_id=self.trace_id, **facts)


def tell(outcome: Outcome[Any], call: Call) -> Result:
    """The result that an outcome stands for.

    Args:
        outcome: What became of the call.
        call: What was called.
    """
    match outcome:
        case Applied():
            return _applied(outcome, call)
        case Rejected(error=error):
            return _rejected(error, outcome.operation_id or None, call)
        case Unknown():
            return unknown(call, outcome.operation_id, outcome.error, outcome.resolve_after)
        case Pending(waits_for="person"):
            return _parked(outcome, call)
        case Pending(waits_for="approval"):
            return _held(outcome, call)
        case Pending():
            return in_progress(call, outcome.operation_id, outcome.retry_after)
        case Partial():
            return _batch(outcome, call)


def in_progress(call: Call, operation_id: str, seconds: float | None = None) -> Result:
    """It runs; no result yet.

    Args:
        call: What was called.
        operation_id: The ledger's id, or empty where it is not known yet.
        seconds: When asking again is worth while, if known.
    """
    how = f"call {WAIT} with this operation_id" if operation_id else "make the same request to learn it"
    return call.told(
        status="in_progress",
        effect="unknown",
        operation_id=operation_id or None,
        retry=Retry("same_operation_only", _ms(seconds)),
        next=Next(WAIT, {"operation_id": operation_id}) if operation_id else call.same,
        summary=f"Still running; result not known: {call.target}. Do not create it again: {how}.",
    )


def unknown(call: Call, operation_id: str, error: IntegrationError | None, seconds: float | None) -> Result:
    """It may have happened.

    Args:
        call: What was called.
        operation_id: The ledger's id, or empty.
        error: What was seen last.
        seconds: When the truth can be known at the earliest, if known.
    """
    ask = f"Call {GET} with this operation_id" if operation_id else "Make exactly the same request"
    seen = f" Last seen: {quoted(error.message)}." if error is not None else ""
    return call.told(
        status="outcome_unknown",
        effect="unknown",
        operation_id=operation_id or None,
        retry=Retry("same_operation_only", _ms(seconds)),
        next=Next(GET, {"operation_id": operation_id}) if operation_id else call.same,
        error=None if error is None else fault(error),
        summary=(
            f"It is not known whether this was applied. Do not create it again. {call.target}: "
            f"Seawall finds out by itself. {ask}{_later(seconds)} to learn the result.{seen}"
        ),
    )


def _applied(outcome: Applied[Any], call: Call) -> Result:
    value = outcome.value.model_dump(mode="json") if isinstance(outcome.value, BaseModel) else outcome.value
    record = outcome.receipt.record
    records = ({"system": call.system, "type": _noun(call.action), "id": record},) if record and _writes(call) else ()
    named = f" as record {quoted(record)}" if record and records else ""
    if outcome.replayed:
        summary = f"Already done earlier; this is that result. {call.target} was applied{named}."
    elif not _writes(call):
        summary = f"Answered: {call.target}. Nothing was changed."
    else:
        proof = "" if outcome.receipt.proof == "reply" else f" Proven by a {outcome.receipt.proof}, not by the reply."
        summary = f"Done: {call.target} is applied{named}.{proof}"
    return call.told(
        status="replayed" if outcome.replayed else "succeeded",
        effect="applied",
        operation_id=outcome.operation_id or None,
        data=value,
        records=records,
        summary=summary,
    )


def _parked(outcome: Pending, call: Call) -> Result:
    return call.told(
        status="outcome_unknown",
        effect="unknown",
        operation_id=outcome.operation_id or None,
        retry=Retry("same_operation_only"),
        next=Next(GET, {"operation_id": outcome.operation_id}),
        error=Fault("parked", "unknown"),
        summary=(
            f"It is not known whether this was applied. Do not create it again. {call.target}: a person must decide, "
            f"because {quoted(outcome.reason)}. Report it; {GET} tells when it is decided."
        ),
    )


def _held(outcome: Pending, call: Call) -> Result:
    waiting = outcome.approval
    facts: dict[str, Any] = {
        "status": "pending_approval",
        "effect": "not_applied",
        "operation_id": outcome.operation_id or None,
        "retry": Retry("same_operation_only"),
        "next": Next(WAIT, {"operation_id": outcome.operation_id}),
    }
    if waiting is None:
        return call.told(
            summary=f"NOT DONE YET. People must approve it first. Do not resubmit. {call.target}.", **facts
        )
    approved = replace(call, policy={**(call.policy or {}), "approval_id": waiting.approval_id})
    until = _moment(waiting.expires_at)
    if waiting.approved:
        facts["next"] = call.same
        facts["retry"] = Retry("same_request")
        said = f"NOT DONE YET. Approved until {until}: make exactly the same request again to have it carried out."
        return approved.told(summary=f"{said} {call.target}.", **facts)
    people = waiting.role if waiting.quorum == 1 else f"{waiting.quorum} people of {waiting.role}"
    by_itself = f"Once approved, Seawall carries it out by itself; {GET} tells what became of it"
    if waiting.executed_by == "caller":
        by_itself = f"Once {GET} says that it is approved, make exactly the same request again to have it carried out"
    return approved.told(
        summary=(
            f"NOT DONE YET. Waiting for {people} until {until}; stays valid if this session ends. Do not resubmit. "
            f"{call.target}: nothing was sent. {by_itself}, {CANCEL} takes it back."
        ),
        **facts,
    )


def _rejected(error: IntegrationError, operation_id: str | None, call: Call) -> Result:
    facts: dict[str, Any] = {"effect": "not_applied", "operation_id": operation_id, "error": fault(error)}
    match error:
        case errors.InvalidRequest():
            again = Retry("changed_request")
            summary = f"Not valid, nothing was sent: {_sentence(error.message)} Mend it and call again."
            if error.code == DISTINCT:
                wrong = ({"field": DISTINCT, "rule": error.message},)
                facts["error"] = Fault(DISTINCT, "request", wrong)
            return call.told(status="invalid", retry=again, summary=summary, **facts)
        case errors.Denied(code=code) if code == EXPIRED:
            summary = (
                f"Expired; nothing was executed: {call.target}. {_sentence(error.message)} This is no denial: nobody "
                "decided in time. The same request asks people anew."
            )
            return call.told(status="expired", retry=Retry("same_request"), next=call.same, summary=summary, **facts)
        case errors.Denied(code=code) if code == REJECTED:
            summary = (
                f"Denied by a person; nothing was executed: {call.target}. They say {quoted(error.message)}. "
                "Do not make this change by another route."
            )
            return call.told(status="denied", retry=Retry("changed_request"), summary=summary, **facts)
        case errors.Denied():
            summary = (
                f"Denied by policy; nothing was executed. {_sentence(error.message)} Do not make this change by "
                "another route; whoever owns the policy can allow it."
            )
            return call.told(status="denied", summary=summary, **facts)
        case errors.CircuitOpen() | errors.LedgerUnavailable() | errors.Paused():
            return _unavailable(error, call, facts)
        case errors.Conflict(code=code) if code == OTHER_CONTENT:
            return _conflict(error, call)
        case errors.NotSent(code=code) if code == WITHDRAWN:
            summary = f"Cancelled before it was sent; nothing was executed: {call.target}."
            return call.told(status="cancelled", retry=Retry("same_request"), summary=summary, **facts)
    ours = isinstance(error, errors.NotSent)
    said = _sentence(error.message) if ours else f"{call.system} said {quoted(error.message)}."
    if error.transient:
        summary = f"Not done: {call.target}. {said} The same request may be made again{_later(error.retry_after)}."
        again = Retry("same_request", _ms(error.retry_after))
        return call.told(status="failed", retry=again, next=call.same, summary=summary, **facts)
    summary = f"Not done: {call.target}. {said} This failure is permanent: the same request will fail again."
    return call.told(status="failed", retry=Retry("changed_request"), summary=summary, **facts)


def _unavailable(error: IntegrationError, call: Call, facts: Mapping[str, Any]) -> Result:
    first = "Nothing was sent." if error.attempt <= 1 else "Nothing was applied."
    if isinstance(error, errors.LedgerUnavailable):
        why = "Seawall cannot record what it does, so no write is sent."
    elif isinstance(error, errors.Paused):
        why = _paused(error, call)
    else:
        calls = "Writes" if _writes(call) else "Calls"
        until = "" if error.retry_after is None else f" until {_moment(call.now + error.retry_after)}"
        why = f"{calls} to {call.system} pause{until}."
    return call.told(
        status="unavailable",
        retry=Retry("same_request", _ms(error.retry_after)),
        next=call.same,
        summary=f"{first} {why} Do not make this change by another route; report it.",
        **facts,
    )


def _paused(error: errors.Paused, call: Call) -> str:
    told = error.evidence
    match told.get("kind"):
        case "pause_writes":
            held_back = f"Writes to {call.system} are paused"
        case "stop":
            held_back = "All calls to all systems are stopped"
        case _:
            held_back = f"Calls to {call.system} are paused"
    until = "" if error.retry_after is None else f" until {_moment(call.now + error.retry_after)}"
    return f"{held_back}{until} by {told.get('by')} ({told.get('reason')})."


def _conflict(error: IntegrationError, call: Call) -> Result:
    earlier = str(error.evidence.get("operation_id", ""))
    asked = error.evidence.get("earlier_request")
    fields: list[Mapping[str, Any]] = []
    for name in error.evidence.get("differs", ()):
        told: dict[str, Any] = {"field": name, "rule": "differs from the earlier request of this identity"}
        if isinstance(asked, Mapping):  # shown to whoever asked then, and to nobody else
            told |= {"earlier": asked.get(name), "now": call.request.get(name)}
        fields.append(told)
    named = ", ".join(str(told["field"]) for told in fields)
    mine = isinstance(asked, Mapping)
    otherwise = "Only if the same is to be done a second time, say so with distinct_from."
    if mine and error.evidence.get("status") == HELD:
        otherwise = f"It waits for people and nothing of it was sent: {CANCEL} it first, to ask for this instead."
    return call.told(
        status="conflict",
        effect="not_applied",
        operation_id=earlier or None,
        retry=Retry("changed_request"),
        next=Next(GET, {"operation_id": earlier}) if mine else None,
        error=Fault(OTHER_CONTENT, "conflict", tuple(fields)),
        summary=(
            f"Same request identity, different content: {call.target}; nothing was sent. It differs in {named} from "
            f"operation {earlier}. If you mean that request, leave it: "
            + (f"{GET} shows what became of it. " if mine else "another principal made it. ")
            + otherwise
        ),
    )


def _batch(outcome: Partial[Any], call: Call) -> Result:
    items = [tell(item, call) for item in outcome.items]
    applied, doubtful = sum(item.proven for item in items), [item for item in items if item.effect == "unknown"]
    data = {"batch_id": outcome.batch_id or None, "items": [_item(item) for item in items]}
    facts: dict[str, Any] = {"data": data, "records": tuple(record for item in items for record in item.records)}
    counted = f"{applied} of {len(items)} items are applied"
    if items and applied == len(items):
        replayed = all(item.status == "replayed" for item in items)
        first = "Already done earlier; this is that result." if replayed else "Done:"
        summary = f"{first} {call.target}, all {len(items)} items are applied."
        return call.told(status="replayed" if replayed else "succeeded", effect="applied", summary=summary, **facts)
    if items and all(item.status == "unavailable" for item in items):
        first_item = items[0]
        return call.told(
            status="unavailable",
            effect="not_applied",
            retry=first_item.retry,
            next=call.same,
            error=first_item.error,
            summary=first_item.summary,
            **facts,
        )
    if doubtful:
        running = all(item.status == "in_progress" for item in doubtful)
        first = "Still running; result not known." if running else "It is not known whether all of this was applied."
        return call.told(
            status="in_progress" if running else "outcome_unknown",
            effect="unknown",
            retry=Retry("same_operation_only", max((item.retry.after_ms or 0 for item in doubtful), default=0) or None),
            next=doubtful[0].next,
            error=None if running else Fault("items_unknown", "unknown"),
            summary=(
                f"{first} Do not create it again. {call.target}: {counted}, {len(doubtful)} not known; "
                f"read each item, and ask {GET} for each that is not known."
            ),
            **facts,
        )
    effect: Effect = "partial" if applied else "not_applied"
    held = [item for item in items if item.status == "pending_approval"]
    waiting = f"{len(held)} wait for people and may still be done; do not resubmit them"
    if held and applied + len(held) == len(items):
        facts |= {"retry": Retry("same_operation_only"), "next": held[0].next}
        summary = f"NOT ALL DONE YET. {call.target}: {counted}, {waiting}. Read each item."
        return call.told(status="pending_approval", effect=effect, summary=summary, **facts)
    return call.told(
        status="failed",
        effect=effect,
        retry=Retry("changed_request"),
        error=Fault("items_rejected", "batch"),
        summary=(
            f"Not all done: {call.target}. {counted}, {len(items) - applied - len(held)} are not"
            f"{f', {waiting}' if held else ''}; read each item. Items that are applied are not done again if you "
            "repeat them."
        ),
        **facts,
    )


def _item(item: Result) -> dict[str, Any]:
    told = item.to_json()
    kept = {name: told[name] for name in ("status", "operation_id", "effect", "retry", "summary", "records", "error")}
    return {**kept, "value": item.data}


def _writes(call: Call) -> bool:
    return call.action.writes


def _noun(action: Action) -> str:
    """What an action is about: the words after its verb."""
    return action.name.partition("_")[2] or action.name


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else max(0, round(seconds * 1000))


def _later(seconds: float | None) -> str:
    return " later" if seconds is None else f" in {max(0.0, seconds):.0f} s"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
