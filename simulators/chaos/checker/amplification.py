"""I7: how often is sent: by the policy, by its budget, and by an adapter that repeats below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..entries import Answered, Attempted, Spent, Wire
from ..verdicts import Invariant, Verdict, Witness
from .patience import inside_retry_after, past_the_breaker
from .record import Record
from .witnesses import verdict, witness

_REQUESTS_OF_ONE_ATTEMPT = 3  # the write, and once more after each kind of login

_FAILURES = (
    "refused",
    "dns",
    "connect_timeout",
    "tls",
    "pool_exhausted",
    "proxy_407",
    "hang",
    "reset",
    "status",
    "refusal",
    "lock_error",
    "throttle",
    "soap_fault",
    "late_commit",
)
"""Kinds of fault that no client can take for the answer: a spoilt one may be read all the same, and asked for later."""


def bounded_amplification(record: Record) -> Verdict:
    """I7: attempts within the policy and its budget, none inside a Retry-After, no retries below the policy."""
    operations = record.operations.values()
    found = [witness(record, one, says) for one in operations if (says := _too_many(record, one.attempts))]
    reads = [attempts[0] for attempts in record.attempts.values() if not attempts[0].operation]
    found += [Witness(f"a read: {says}") for one in reads if (says := _too_many(record, [one]))]
    found += _over_budget(record)
    found += inside_retry_after(record)
    found += past_the_breaker(record)
    found += _below_the_policy(record)
    return verdict(Invariant.BOUNDED_AMPLIFICATION, found)


def _too_many(record: Record, attempts: Sequence[Attempted]) -> str:
    most = max(attempts, key=lambda one: one.number, default=None)
    system = None if most is None else record.setting.systems.get(most.system)
    if most is None or system is None or most.number <= system.attempts:
        return ""
    return f"{most.number} attempts in one call, and {system.attempts} are allowed"


def _over_budget(record: Record) -> list[Witness]:
    found = []
    refunded = _refunded(record)
    workers = {attempt.worker for attempts in record.attempts.values() for attempt in attempts}
    for name, system in record.setting.systems.items():
        calls = _paying(record, name)
        sent = sum(1 for attempts in record.attempts.values() if attempts[0].system == name)
        most = calls * (1 + system.retry_ratio) + system.retry_reserve * max(1, len(workers)) + refunded
        if sent > most:
            says = f"{name}: {sent} attempts for {calls} operations, and at most {most:.0f} are paid for"
            found.append(Witness(says))
    return found


def _paying(record: Record, system: str) -> int:
    """How many operations of a system pay for retries: what was asked or read, and what ran on an approval again."""
    asked = [one for one in record.calls.values() if one.system == system]
    writing = [one for one in asked if one.operation or one.items]
    first = [some[0] for some in record.attempts.values() if some[0].system == system and some[0].number == 1]
    # Before people are asked, and before what they said is carried out, the target is read in nobody's call.
    reads = max(len(asked) - len(writing), sum(1 for one in first if not one.operation))
    own = {name for name, operation in record.operations.items() if operation.system == system}
    spent = [one.approval for one in record.history.of(Spent) if one.operation in own]
    return sum(len(one.items) or 1 for one in writing) + reads + len(spent) - len(set(spent))


def _refunded(record: Record) -> int:
    """Repetitions that were acknowledged: they show that the target is well, and cost the budget nothing."""
    acknowledged = {answer.attempt for answer in record.history.of(Answered) if answer.effect == "applied"}
    repeated = {one.attempt for some in record.attempts.values() for one in some if one.number > 1}
    for operation in record.operations.values():
        repeated |= {attempt.attempt for attempt in operation.attempts[1:]}
    return len(acknowledged & repeated)


def _below_the_policy(record: Record) -> list[Witness]:
    return _too_many_requests(record) + _sent_again(record)


def _too_many_requests(record: Record) -> list[Witness]:
    sent: Counter[tuple[int, str]] = Counter()
    for wire in record.wires:
        if (
            wire.lane == "write"
            and wire.attempt
            and (wire.request == "commit" or not _is_database(record, wire.system))
        ):
            sent[wire.attempt, wire.request] += 1
    return [
        Witness(f"attempt {number} came to {count} requests {request!r} on the wire: the adapter repeats by itself")
        for (number, request), count in sent.items()
        if count > _REQUESTS_OF_ONE_ATTEMPT
    ]


def _is_database(record: Record, system: str) -> bool:
    return any(wire.system == system and wire.request == "commit" for wire in record.wires)


def _sent_again(record: Record) -> list[Witness]:
    """Requests that failed and were made once more, just as they were, within one attempt or look."""
    failed: dict[tuple[int, str, str], Wire] = {}
    found = []
    for wire in record.wires:
        if not wire.attempt or not wire.digest or wire.lane not in ("read", "write"):
            continue
        place = (wire.attempt, wire.request, wire.digest)
        if (first := failed.pop(place, None)) is not None:
            says = f"attempt {wire.attempt} made the {wire.lane} {wire.request!r} again after {first.kind}"
            found.append(Witness(f"{says}: the adapter repeats by itself", _operation_of(record, wire.attempt)))
        if wire.fault and wire.kind in _FAILURES:
            failed[place] = wire
    return found


def _operation_of(record: Record, attempt: int) -> str:
    sent = record.attempts.get(attempt, ())
    return sent[0].operation if sent else ""
