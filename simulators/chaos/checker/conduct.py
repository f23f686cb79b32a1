"""I7 to I10: how often is sent, what becomes of what is open, whose key and turn it is, and by when it is answered."""

from __future__ import annotations

from collections import Counter, defaultdict

from ..entries import Answered, Attempted, Event, Journalled, Spent
from ..verdicts import Invariant, Verdict, Witness
from .approving import approvals
from .record import EPSILON, Operation, Record
from .witnesses import verdict, witness

_REQUESTS_OF_ONE_ATTEMPT = 3  # the write, and once more after each kind of login
_UNDECIDED = ("many", "cannot_tell", "present", "error")
_CRASHES = 3


def bounded_amplification(record: Record) -> Verdict:
    """I7: attempts within the policy and its budget, none inside a Retry-After, no retries below the policy."""
    found: list[Witness] = []
    for operation in record.operations.values():
        system = record.setting.systems.get(operation.system)
        most = max((attempt.number for attempt in operation.attempts), default=0)
        if system is not None and most > system.attempts:
            found.append(witness(record, operation, f"{most} attempts in one call, and {system.attempts} are allowed"))
    found += _over_budget(record)
    found += _inside_retry_after(record)
    found += _below_the_policy(record)
    return verdict(Invariant.BOUNDED_AMPLIFICATION, found)


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


def _inside_retry_after(record: Record) -> list[Witness]:
    found = []
    until: dict[tuple[str, str], float] = {}
    by_number = {number: attempts[0] for number, attempts in record.attempts.items()}
    for entry in record.history.entries:
        if isinstance(entry, Attempted):
            place = (entry.worker, entry.system)
            if entry.at < until.get(place, 0.0) - EPSILON:
                says = f"{entry.worker} sent to {entry.system} {until[place] - entry.at:.1f} s before it was asked to"
                found.append(Witness(says, entry.operation))
                until.pop(place)
        elif (asked_for := getattr(entry, "retry_after", None)) and (number := getattr(entry, "attempt", 0)):
            attempt = by_number[number]
            until[attempt.worker, attempt.system] = entry.at + asked_for
    return found


def _below_the_policy(record: Record) -> list[Witness]:
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


def eventual_resolution(record: Record) -> Verdict:
    """I8: once all is healed, everything is resolved within the promised time, or parked for a declared reason."""
    within, healed = record.setting.resolve_within, record.event("heal")
    if within is None or healed is None:
        why = "nothing was promised" if within is None else "the history ends before anything was healed"
        return Verdict(Invariant.EVENTUAL_RESOLUTION, "valid" if within is None else "unknown", (Witness(why),))
    found: list[Witness] = []
    for operation in record.operations.values():
        if not operation.journal:
            continue
        last = operation.journal[-1]
        if last.status in ("running", "unknown"):
            found.append(witness(record, operation, f"it is still {last.status} at the end"))
        elif last.at > healed.at + within:
            found.append(
                witness(record, operation, f"it was resolved {last.at - healed.at:.0f} s after all was healed")
            )
        elif last.status == "parked" and not _may_park(record, operation):
            found.append(witness(record, operation, "a person must decide, although it could be found out"))
    return verdict(Invariant.EVENTUAL_RESOLUTION, found)


def _may_park(record: Record, operation: Operation) -> bool:
    facts = record.facts(operation)
    if facts is None or facts.dedupe == "NoDedupe" or not facts.probe or facts.horizon is None:
        return True
    crashes = sum(1 for event in record.events if event.what == "crash")
    return crashes >= _CRASHES or any(probe.finding in _UNDECIDED for probe in operation.probes)


def key_discipline(record: Record) -> Verdict:
    """I9: one key for one content, nothing sent before it is written down or by who no longer holds it."""
    found: list[Witness] = []
    for operation in record.operations.values():
        keys = {attempt.key for attempt in operation.attempts}
        if len(keys) > 1:
            found.append(witness(record, operation, f"{len(keys)} keys for one operation"))
        elif any(record.writes.get(probe.attempt) for probe in operation.probes):
            found.append(witness(record, operation, "a probe wrote, and it must only read"))
        elif says := _undisciplined(record, operation):
            found.append(witness(record, operation, says))
    owners: dict[tuple[str, str], str] = {}
    for operation in record.operations.values():
        for attempt in operation.attempts:
            other = owners.setdefault((attempt.system, attempt.key), operation.name)
            if other != operation.name:
                found.append(witness(record, operation, f"its key is that of {other}, too"))
                break
    found += approvals(record)
    return verdict(Invariant.KEY_DISCIPLINE, found)


def _undisciplined(record: Record, operation: Operation) -> str:
    """What is wrong with the order of attempts and journal, in words; empty if nothing is."""
    sent_by: dict[int, Attempted] = {}
    holder: dict[str, Journalled] = {}
    digest, rejected = "", False
    for _, entry in operation.course:
        match entry:
            case Journalled():
                if entry.status == "running":
                    holder[entry.operation_id] = entry
                rejected = rejected or entry.status == "rejected"
            case Attempted():
                if entry.operation_id not in holder:
                    return "it was sent before its intent was written down"
                if digest not in ("", entry.digest) and not rejected:
                    return "one key was used for two contents"
                digest, rejected = entry.digest, False
                sent_by[entry.attempt] = entry
    return _stale(record, operation, sent_by)


def _stale(record: Record, operation: Operation, sent_by: dict[int, Attempted]) -> str:
    taken = [
        (place, entry.worker, True)
        for place, entry in operation.course
        if isinstance(entry, Journalled) and entry.status == "running"
    ]
    wrote = [(place, one.worker, False) for number, one in sent_by.items() for place in record.writes[number]]
    holder = ""
    for _, worker, takes in sorted(taken + wrote):
        if takes:
            holder = worker
        elif worker != holder:
            return f"{worker} wrote after {holder} had taken the operation over"
    return ""


def deadline(record: Record) -> Verdict:
    """I10: every call is answered by its deadline; a process that stands still answers when it runs again."""
    found: list[Witness] = []
    still = _still(record.events)
    if record.event("settled") is not None:
        silent = (asked for call, asked in record.calls.items() if call not in record.told)
        found += [Witness(f"call {one.call} was never answered", one.operation) for one in silent]
    for told in record.told.values():
        asked = record.calls[told.call]
        late = told.at - asked.at - asked.deadline
        if told.word == "cut_off" or late <= record.setting.deadline_slack:
            continue
        if any(began <= told.at and ended >= asked.at for began, ended in still):
            continue
        name = asked.operation or (asked.items[0] if asked.items else "")
        says = f"call {told.call} was answered {late:.1f} s after its deadline"
        operation = record.operations.get(name)
        found.append(Witness(says, name) if operation is None else witness(record, operation, says))
    return verdict(Invariant.DEADLINE, found)


def _still(events: list[Event]) -> list[tuple[float, float]]:
    """The times in which some process stood still."""
    began: dict[str, float] = {}
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for event in events:
        if event.what == "pause":
            began.setdefault(event.who, event.at)
        elif event.what in ("resume", "crash") and event.who in began:
            found[event.who].append((began.pop(event.who), event.at))
    open_ended = [(at, float("inf")) for at in began.values()]
    return [pause for pauses in found.values() for pause in pauses] + open_ended
