"""What a person establishes about an operation that Seawall could not settle, and how it is recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from .action import Action
from .adapter import Attempt, Finding, Many, Present
from .clock import Sources
from .doubt import look, moved
from .errors import IntegrationError, InvalidRequest
from .ledger.records import DecisionRow, Operation, Status, Verdict
from .outcome import Receipt
from .redaction import Secrets, clean
from .replay import encode_applied
from .system import System
from .trail import Trail

if TYPE_CHECKING:
    from .ledger.store import Ledger

BY_PERSON = "resolved_by_person"
"""The code of the error of an operation that did not happen, as a person found out."""

_LONGEST_NAME = 64  # characters


@dataclass(frozen=True, slots=True)
class Word:
    """Who says it, why, and what they saw.

    Args:
        by: Who; nobody checks it here.
        reason: Why.
        evidence: What they saw, if they say so.
    """

    by: str
    reason: str
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    operation: Operation
    system: System | None
    action: Action | None
    found: dict[str, Any] = field(default_factory=dict)


class Resolution:
    """Records what people establish. Nothing is sent here.

    Every method raises `InvalidRequest` when it must not be recorded; the message says what to do instead.

    Args:
        systems: The systems by name; an operation of another one can be resolved, but not looked at.
        ledger: The ledger.
        sources: The clock.
        secrets: Removed from what is recorded.
    """

    def __init__(self, systems: Mapping[str, System], ledger: Ledger, sources: Sources, secrets: Secrets) -> None:
        self._systems = systems
        self._ledger = ledger
        self._clock = sources.clock
        self._secrets = secrets

    async def applied(self, operation_id: str, record: str, word: Word) -> Operation:
        """It happened, as `record` in the target.

        Where the target can be looked at and answers with another record, nothing is recorded.

        Args:
            operation_id: The operation.
            record: The record's id in the target.
            word: Who says so.

        Returns:
            The operation as it is now.
        """
        if not record.strip():
            raise InvalidRequest("say which record it is in the target", code="resolution")
        word = self._checked(word)
        case = await self._case(operation_id)
        found = await self._look(case)
        if isinstance(found, Present) and found.record not in (None, record):
            raise InvalidRequest(
                f"a probe finds it as record {found.record}, and not as {record}; look again which one it is",
                code="resolution",
            )
        value = found.value if isinstance(found, Present) else _built(case.action, record)
        facts = {"by": word.by, "reason": word.reason}
        outcome = _outcome(value, Receipt(self._clean(record), "person", facts))
        verdict = Verdict(operation_id, case.operation.epoch, Status.APPLIED, outcome=outcome)
        return await self._record(case, verdict, word, "resolved_applied", {"record": record})

    async def not_applied(self, operation_id: str, word: Word, *, despite_horizon: bool = False) -> Operation:
        """It did not happen, and cannot happen any more; the same request may be made anew.

        Where the target can be looked at and it is there, nothing is recorded.

        Args:
            operation_id: The operation.
            word: Who says so.
            despite_horizon: They say so although the target may still commit it, as far as is known.

        Returns:
            The operation as it is now.
        """
        word = self._checked(word)
        case = await self._case(operation_id)
        if not despite_horizon:
            self._wait_for_horizon(case)
        found = await self._look(case)
        if isinstance(found, Present | Many):
            records = found.records if isinstance(found, Many) else (found.record or "a record",)
            raise InvalidRequest(
                f"a probe finds it in the target ({', '.join(records)}); remove it there, or say that it is applied",
                code="resolution",
            )
        operation = case.operation
        last = json.loads(operation.error) if operation.error else None
        error = IntegrationError(
            f"{word.by} found out that it did not happen: {word.reason}",
            code=BY_PERSON,
            transient=True,
            outage=False,
            evidence={"last_error": last, "parked_because": operation.parked_because, "evidence": word.evidence},
        ).without_effect(f"{word.by} says so: {word.reason}")
        recorded = self._secrets.scrub_all(error.at(operation.system, operation.action, 0).to_record())
        verdict = Verdict(operation_id, operation.epoch, Status.REJECTED, error=json.dumps(recorded))
        return await self._record(
            case, verdict, word, "resolved_not_applied", {"despite_horizon": despite_horizon} if despite_horizon else {}
        )

    async def retry(self, operation_id: str, word: Word) -> Operation:
        """Let recovery look at a parked operation again, under the same key, the same policy and the same rules.

        Args:
            operation_id: The operation.
            word: Who says so.

        Returns:
            The operation as it is now.
        """
        word = self._checked(word)
        case = await self._case(operation_id)
        operation = case.operation
        if operation.status is not Status.PARKED:
            raise InvalidRequest("it is not parked: recovery looks at it by itself", code="resolution")
        verdict = Verdict(
            operation_id,
            operation.epoch,
            Status.UNKNOWN,
            error=operation.error,
            next_check_at=self._clock.now(),
        )
        return await self._record(
            case, verdict, word, "retry_allowed", {"was_parked_because": operation.parked_because}
        )

    def _checked(self, word: Word) -> Word:
        by, reason = self._clean(word.by).strip(), self._clean(word.reason).strip()
        if not 0 < len(by) <= _LONGEST_NAME or not reason:
            raise InvalidRequest(f"say who decides it (in up to {_LONGEST_NAME} characters) and why", code="resolution")
        return Word(by, reason, None if word.evidence is None else self._clean(word.evidence))

    async def _case(self, operation_id: str) -> _Case:
        operation = await self._ledger.get(operation_id)
        if operation is None:
            raise InvalidRequest(f"the ledger knows no operation {operation_id!r}", code="unknown_operation")
        if operation.status.settled:
            raise InvalidRequest(f"it is settled: it is {operation.status}, and that does not change", code="settled")
        if operation.status is Status.RUNNING or operation.holder is not None:
            raise InvalidRequest(
                f"a process is at it now ({operation.holder}); ask again when it has come to an end. If that process "
                "is gone, `seawall recover` takes the operation over once its lease has run out",
                code="still_running",
            )
        system = self._systems.get(operation.system)
        return _Case(operation, system, None if system is None else system.adapter.actions.get(operation.action))

    def _wait_for_horizon(self, case: _Case) -> None:
        operation, system, action = case.operation, case.system, case.action
        horizon = None if system is None or action is None else system.horizon(action)
        insist = "To insist, use --despite-horizon; that and the reason are recorded"
        if system is None or action is None or horizon is None:
            raise InvalidRequest(
                f"nobody knows how long {operation.system} may still commit it after a lost reply. {insist}",
                code="horizon",
            )
        last = operation.last_sent_at or operation.sent_at or operation.updated_at
        lag = action.probe.read_lag if action.probe is not None else 0.0
        left = horizon + lag - system.elapsed.since(operation.id, last)
        if left > 0:
            raise InvalidRequest(
                f"{operation.system} may still commit it for another {left:.0f} s. Look again after that. {insist}",
                code="horizon",
                retry_after=left,
            )

    async def _look(self, case: _Case) -> Finding | None:
        """What a probe finds, where there is one that would find it; the person's word counts where there is none."""
        operation, system, action = case.operation, case.system, case.action
        if system is None or action is None or action.probe is None or moved(system, action, operation) is not None:
            return None
        try:
            request = action.request.model_validate_json(operation.request)
        except ValidationError:
            return None
        trail = Trail(operation.id, operation.epoch, self._clock)
        attempt = Attempt(operation.id, operation.key, request, sent_before=operation.sent_at)
        deadline_at = self._clock.monotonic() + system.settings.deadline
        found = await look(system, action, attempt, deadline_at, trail)
        (probe,) = trail.verdict(Status.UNKNOWN).probes
        case.found["probe"] = {"finding": probe.finding, "detail": json.loads(probe.detail)}
        return None if isinstance(found, IntegrationError) else found

    async def _record(
        self, case: _Case, verdict: Verdict, word: Word, decision: str, detail: Mapping[str, Any]
    ) -> Operation:
        told = {**detail, **case.found} | ({} if word.evidence is None else {"evidence": word.evidence})
        row = DecisionRow(
            verdict.operation_id,
            self._clock.now(),
            word.by,
            decision,
            word.reason,
            json.dumps(self._secrets.scrub_all(told), default=str),
        )
        recorded = await self._ledger.resolve(verdict, row)
        operation = await self._ledger.get(verdict.operation_id)
        if not recorded or operation is None:
            raise InvalidRequest("it has changed meanwhile; nothing was recorded. Look again", code="changed")
        return operation

    def _clean(self, text: str) -> str:
        return clean(self._secrets.scrub(text))


def _built(action: Action | None, record: str) -> BaseModel | None:
    """The action's answer, where the record's id is all that it needs."""
    if action is None:
        return None
    fields = action.reply.model_fields
    required = [name for name, about in fields.items() if about.is_required()] or [
        name for name in fields if name == "id"
    ]
    if len(required) != 1:
        return None
    try:
        return action.reply.model_validate({required[0]: record})
    except ValidationError:
        return None


def _outcome(value: BaseModel | None, receipt: Receipt) -> str:
    if value is not None:
        return encode_applied(value, receipt)
    told = {"record": receipt.record, "proof": receipt.proof, "facts": dict(receipt.facts)}
    return json.dumps({"value": {}, "receipt": told})
