"""I8 to I10: what becomes of what is open, whose key and turn it is, and by when it is answered."""

from __future__ import annotations

from ..entries import Asked, Attempted, Journalled, Probed, Told
from ..verdicts import Invariant, Verdict, Witness
from .approving import approvals
from .record import Operation, Record, still
from .witnesses import verdict, witness

_UNDECIDED = ("many", "cannot_tell", "differs", "error")
_CRASHES = 3


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
    # What an earlier look could not tell, a later one may have told.
    looks = [probe for probe in operation.probes if probe.at <= operation.journal[-1].at]
    if crashes >= _CRASHES or (looks and looks[-1].finding in _UNDECIDED):
        return True
    return len(looks) >= record.setting.systems[operation.system].recovery_attempts and _left_open(operation, looks[-1])


def _left_open(operation: Operation, look: Probed) -> bool:
    """Whether nothing was there and it was sent once more, and that was not acknowledged."""
    last = operation.attempts[-1] if operation.attempts else None
    if look.finding != "absent" or last is None or last.at < look.at:
        return False
    answer = operation.answers.get(last.attempt)
    return answer is None or answer.effect != "applied"


def key_discipline(record: Record) -> Verdict:
    """I9: one key for one content, nothing sent before it is written down or by who no longer holds it."""
    found: list[Witness] = []
    for operation in record.operations.values():
        keys = {attempt.key for attempt in operation.attempts}
        if len(keys) > 1:
            found.append(witness(record, operation, f"{len(keys)} keys for one operation"))
        elif any(_wrote(record, probe.attempt) for probe in operation.probes):
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
    found += _unknown_writes(record)
    found += approvals(record)
    return verdict(Invariant.KEY_DISCIPLINE, found)


def _unknown_writes(record: Record) -> list[Witness]:
    """Attempts without an operation that are no reads: by what is declared of the action, or by what went out."""
    found = []
    for number, attempts in record.attempts.items():
        one = attempts[0]
        if any(attempt.operation for attempt in attempts):
            continue
        system = record.setting.systems.get(one.system)
        facts = None if system is None else system.actions.get(one.action)
        if facts is not None and facts.effect != "read":
            found.append(Witness(f"attempt {number} sent {one.action}, of which the ledger knew nothing"))
        elif _wrote(record, number):
            found.append(Witness(f"attempt {number} wrote for {one.action}, which must only read"))
    return found


def _wrote(record: Record, attempt: int) -> bool:
    """Whether its requests write: a COMMIT ends a transaction that only read as well."""
    return any(wire.request != "commit" for wire in record.writes.get(attempt, {}).values())


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
    senders = [one for number, one in sent_by.items() if _wrote(record, number)]
    wrote = [(place, one.worker, False) for one in senders for place in record.writes[one.attempt]]
    holder = ""
    for _, worker, takes in sorted(taken + wrote):
        if takes:
            holder = worker
        elif worker != holder:
            return f"{worker} wrote after {holder} had taken the operation over"
    return ""


def deadline(record: Record) -> Verdict:
    """I10: every call is answered by its deadline; a process that stands still answers when it runs again.

    It may be the process that was asked, or one that held the operation meanwhile.
    """
    found: list[Witness] = []
    pauses = still(record.events)
    if record.event("settled") is not None:
        silent = (asked for call, asked in record.calls.items() if call not in record.told)
        found += [Witness(f"call {one.call} was never answered", one.operation) for one in silent]
    for told in record.told.values():
        asked = record.calls[told.call]
        late = told.at - asked.at - asked.deadline
        if told.word == "cut_off" or late <= record.setting.deadline_slack:
            continue
        concerned = _concerned(record, asked, told)
        if any(
            began <= told.at and ended >= asked.at
            for who, began, ended in pauses
            if not asked.worker or who in concerned
        ):
            continue
        name = asked.operation or (asked.items[0] if asked.items else "")
        says = f"call {told.call} was answered {late:.1f} s after its deadline"
        operation = record.operations.get(name)
        found.append(Witness(says, name) if operation is None else witness(record, operation, says))
    return verdict(Invariant.DEADLINE, found)


def _concerned(record: Record, asked: Asked, told: Told) -> set[str]:
    """The processes that a call waits for: the one that was asked, and those that held its operations meanwhile."""
    names = asked.items or (asked.operation,)
    operations = [record.operations[name] for name in names if name in record.operations]
    taken = (state for one in operations for state in one.journal if state.status == "running")
    return {asked.worker} | {state.worker for state in taken if state.at <= told.at}
