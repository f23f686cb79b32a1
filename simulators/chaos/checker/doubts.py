"""What can leave a client in doubt about an operation, and which answers cannot."""

from __future__ import annotations

from math import inf

from ..entries import Replied, Wire
from .record import EPSILON, Claim, Operation, Record, still

_REFUSALS = (400, 401, 403, 404, 422)


def explained(record: Record, operation: Operation, claim: Claim) -> bool:
    """Whether something had happened by then that can leave a client in doubt about this operation."""
    at = claim.told.at + EPSILON
    workers = {one.worker for one in operation.attempts} | {one.worker for one in operation.journal}
    return (
        _struck_in_doubt(record, operation, at)
        or any(one.what in ("crash", "pause") and one.at <= at and one.who in workers for one in record.events)
        or any(one.at <= at and not _answered(operation, one.attempt, at) for one in operation.attempts)
        or any(other.word == "cut_off" and other.told.at <= at for other in operation.claims)
        or _merely_accepted(record, operation, at)
    )


def _struck_in_doubt(record: Record, operation: Operation, at: float) -> bool:
    """Whether a fault befell one of its attempts from which nobody can tell that nothing was done."""
    own = {attempt.attempt for attempt in operation.attempts}
    wrote: set[int] = set()
    for wire in record.wires:
        shared = wire.fault and (wire.lane == "auth" or wire.kind == "session_expired")
        if shared and wire.system == operation.system and wrote and wire.at <= at:
            return True  # a login is shared, and what comes after the write may need one
        if wire.at > at or wire.attempt not in own or wire.lane == "auth":
            continue
        reached = wire.point != "connect"
        if wire.fault and (reached or wire.attempt in wrote):
            return True
        if reached and wire.lane == "write":
            wrote.add(wire.attempt)
    return False


def _merely_accepted(record: Record, operation: Operation, at: float) -> bool:
    """Whether the target only said of a doubtful attempt that it had received it, as of a one-way call."""
    doubtful = {number for number, answer in operation.answers.items() if answer.effect == "maybe" and answer.at <= at}
    return any(reply.status == 202 for reply in _last_answers(record, doubtful, until=at).values())


def _answered(operation: Operation, attempt: int, at: float) -> bool:
    answer = operation.answers.get(attempt)
    return answer is not None and answer.at <= at


def was_answered(record: Record, operation: Operation) -> bool:
    """Whether the target answered each attempt that its adapter took for doubtful, whole and so that none is left.

    Done, it was when the answer came; a one-way call is received and not answered, and says nothing.
    """
    if not all(attempt.attempt in operation.answers for attempt in operation.attempts):
        return False
    doubtful = {number for number, answer in operation.answers.items() if answer.effect == "maybe"}
    last = _last_answers(record, doubtful)
    struck = {wire.attempt for wire in record.wires if wire.fault}
    return bool(doubtful) and all(
        number in last and number not in struck and _is_clear(record, operation, last[number]) for number in doubtful
    )


def _last_answers(record: Record, attempts: set[int], *, until: float = inf) -> dict[int, Replied]:
    """The answer to the last request of each attempt by then, if that has one; what answers a login is none."""
    lanes: dict[int, str] = {}
    found: dict[int, Replied] = {}
    for entry in record.history.entries:
        if entry.at > until:
            continue
        match entry:
            case Wire(lane="read" | "write" | "auth") if entry.attempt in attempts:
                lanes[entry.attempt] = entry.lane
                if entry.lane != "auth":
                    found.pop(entry.attempt, None)
            case Replied() if entry.attempt in attempts and lanes.get(entry.attempt) != "auth":
                found[entry.attempt] = entry
            case _:
                pass
    return found


def _is_clear(record: Record, operation: Operation, reply: Replied) -> bool:
    attempt = next(one for one in operation.attempts if one.attempt == reply.attempt)
    answered = operation.answers[reply.attempt].at
    if any(
        who == attempt.worker and began <= answered and ended >= attempt.at
        for who, began, ended in still(record.events)
    ):
        return False
    if reply.status in _REFUSALS:
        return reply.size > 0 and not operation.happened
    done = reply.status == 204 or (reply.size > 0 and 200 <= reply.status < 300 and reply.status != 202)
    return done and operation.first is not None and operation.first <= reply.at + EPSILON
