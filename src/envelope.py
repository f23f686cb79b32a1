"""An outcome as one JSON object, one sentence and one exit code, for whoever reads it outside Python.

The sentence can never be read as success unless the effect is proven, and names the next permitted step.
"""

from __future__ import annotations

from dataclasses import asdict
from enum import IntEnum
from typing import Any

from pydantic import BaseModel

from .core.errors import CircuitOpen, Denied, IntegrationError, InvalidRequest, LedgerUnavailable, Paused
from .core.outcome import Applied, Outcome, Partial, Pending, Rejected, Unknown


class ExitCode(IntEnum):
    """How a command of `seawall` ends. The worst that is true decides."""

    OK = 0  # applied; or the question was answered
    REJECTED = 1  # proven: no effect, now or later
    USAGE = 2  # wrong command line, configuration or request; nothing was sent
    UNKNOWN = 3  # it may have happened, or still runs
    PARKED = 4  # it may have happened, and a person must decide
    PARTIAL = 5  # a batch of which at least one item is not applied
    LEDGER = 6  # the ledger cannot be used; nothing was sent
    HELD = 7  # not done: people must approve it first
    BUG = 70  # a mistake in Seawall itself
    INTERRUPTED = 130  # Ctrl-C
    BROKEN_PIPE = 141  # whoever read the output went away


def exit_code(outcome: Outcome[Any]) -> ExitCode:
    """The exit code that an outcome stands for."""
    match outcome:
        case Applied():
            return ExitCode.OK
        case Rejected(error=LedgerUnavailable()):
            return ExitCode.LEDGER
        case Rejected(error=InvalidRequest()):
            return ExitCode.USAGE
        case Rejected():
            return ExitCode.REJECTED
        case Pending(waits_for="person"):
            return ExitCode.PARKED
        case Pending(waits_for="approval"):
            return ExitCode.HELD
        case Pending() | Unknown():
            return ExitCode.UNKNOWN
        case Partial():
            return ExitCode.OK if _status(outcome) == "applied" else ExitCode.PARTIAL


def envelope(outcome: Outcome[Any], target: str) -> dict[str, Any]:
    """The outcome as JSON values; the same keys for every outcome.

    Args:
        outcome: What became of the call.
        target: `system.action`, named in the summary.
    """
    error = getattr(outcome, "error", None)
    told: dict[str, Any] = {
        "status": _status(outcome),
        "effect": outcome.effect,
        "operation_id": getattr(outcome, "operation_id", "") or None,
        "batch_id": None,
        "replayed": getattr(outcome, "replayed", False),
        "summary": summary(outcome, target),
        "value": None,
        "receipt": None,
        "error": error.to_record() if isinstance(error, IntegrationError) else None,
        "items": None,
        "resolve_after": None,
        "approval": None,
    }
    match outcome:
        case Applied(value=value, receipt=receipt):
            told["value"] = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
            told["receipt"] = {"record": receipt.record, "proof": receipt.proof, "facts": dict(receipt.facts)}
        case Pending(retry_after=seconds, approval=waiting):
            told["resolve_after"] = seconds
            told["approval"] = None if waiting is None else asdict(waiting)
        case Unknown(resolve_after=seconds):
            told["resolve_after"] = seconds
        case Partial(items=items, batch_id=batch_id):
            told["items"] = [envelope(item, f"{target}, item {place}") for place, item in enumerate(items, 1)]
            told["batch_id"] = batch_id or None
        case Rejected():
            pass
    return told


def summary(outcome: Outcome[Any], target: str) -> str:
    """The outcome in a few words; the first sentence says whether the effect is proven."""
    match outcome:
        case Applied(replayed=True):
            return f"Already done earlier; this is that result: {target}{_as_record(outcome.receipt.record)}."
        case Applied(operation_id=""):
            return f"Answered: {target}."
        case Applied(receipt=receipt):
            proof = "" if receipt.proof == "reply" else f" Proven by a {receipt.proof}, not by the reply."
            return f"Applied: {target}{_as_record(receipt.record)}.{proof}"
        case Rejected(error=error):
            return _rejected(error, target)
        case Unknown(operation_id=operation_id, error=error):
            return (
                f"It is not known whether this was applied: {target}. Do not create it again. "
                f"Last seen: {_sentence(error.message)} `seawall recover` finds out; "
                f"`seawall ops explain {operation_id}` tells more."
            )
        case Pending(waits_for="person", operation_id=operation_id, reason=reason):
            return (
                f"It is not known whether this was applied, and a person must decide: {target}. "
                f"Do not create it again. {_sentence(reason)} "
                f"`seawall ops explain {operation_id}` says what a person can do."
            )
        case Pending(waits_for="approval", operation_id=operation_id, reason=reason):
            return (
                f"NOT DONE YET: {target}. {_sentence(reason)} Do not ask for it another way. {_ask_for(operation_id)}"
            )
        case Pending(operation_id=operation_id):
            return f"Still running; result not known: {target}. Do not create it again. {_ask_for(operation_id)}"
        case Partial(items=items):
            return _batch(items, target)


def _status(outcome: Outcome[Any]) -> str:
    # A batch is only called applied when every item is; each item is told in `items` all the same.
    if isinstance(outcome, Partial) and outcome.items and all(isinstance(item, Applied) for item in outcome.items):
        return "applied"
    return type(outcome).__name__.lower()


def _rejected(error: IntegrationError, target: str) -> str:
    # Only these are raised before any attempt; the other NotSent may follow an attempt that was refused.
    first = "Nothing was sent" if isinstance(error, InvalidRequest | Denied | LedgerUnavailable) else "Not done"
    code = f" [{error.code}]" if error.code else ""
    return f"{first}: {target}, because {_sentence(error.message + code)}{_again(error)}"


def _again(error: IntegrationError) -> str:
    if isinstance(error, CircuitOpen):
        pause = "" if error.retry_after is None else f" for {error.retry_after:.0f} s"
        return f" Calls to this system pause{pause}. Do not make this change by another route."
    if isinstance(error, Paused):
        return " Do not make this change by another route."
    if not error.transient:
        return ""
    later = "later" if error.retry_after is None else f"in {error.retry_after:.1f} s"
    return f" The same request may be made again {later}."


def _batch(items: tuple[Outcome[Any], ...], target: str) -> str:
    applied = sum(isinstance(item, Applied) for item in items)
    rejected = sum(isinstance(item, Rejected) for item in items)
    if applied == len(items):
        return f"Applied: {target}, all {len(items)} items."
    counts = [f"{applied} of {len(items)} items are applied", f"{rejected} rejected"]
    if unproven := len(items) - applied - rejected:
        counts.append(f"{unproven} not known")
    return f"Not all done: {target}. {', '.join(counts)}; read each item, and repeat none that is not known."


def _as_record(record: str | None) -> str:
    return f" as record {record}" if record else ""


def _ask_for(operation_id: str) -> str:
    return (
        f"Ask later: `seawall ops show {operation_id}`." if operation_id else "Make the same request later to learn it."
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
