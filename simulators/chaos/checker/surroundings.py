"""I11 to I15: reads, neighbours, order, secrets, and whether anything was tried at all."""

from __future__ import annotations

import json
from typing import Any

from ...effects import Effect
from ..canaries import canary_forms
from ..entries import Asked, Stored, Told
from ..history import line_of
from ..verdicts import Invariant, Verdict, Witness
from .record import EPSILON, Operation, Record, counts
from .witnesses import verdict, witness

_HELD_BACK = ("CircuitOpen", "BulkheadFull", "BudgetExhausted", "RateLimited")

_BY_LOAD = ("BulkheadFull", "RateLimited")


def read_honesty(record: Record) -> Verdict:
    """I11: no probe says absent of what is there, and no read answers what is not so."""
    found: list[Witness] = []
    for operation in record.operations.values():
        for probe in operation.probes:
            seen = [one for one in _counting(operation) if one.at < probe.began - probe.read_lag - EPSILON]
            if probe.finding == "absent" and seen and not _overtaken(record, operation, seen, probe.at):
                found.append(witness(record, operation, "a probe said absent, and it had happened"))
                break
    for call, fields in record.setting.reads.items():
        told = record.told.get(call)
        if told is None or told.word != "applied":
            continue
        value: Any = told.value if isinstance(told.value, dict) else {}
        wrong = sorted(name for name, wanted in fields.items() if str(value.get(name)) != str(wanted))
        if wrong:
            found.append(Witness(f"read {call} was answered with wrong {', '.join(wrong)}", "", (json.dumps(value),)))
    return verdict(Invariant.READ_HONESTY, found)


def isolation(record: Record) -> Verdict:
    """I12: a fault in one system holds back no call of another. A system's own load may hold back its calls."""
    struck = {wire.system for wire in record.wires if wire.fault}
    found = [
        Witness(f"call {told.call} of {asked.system} was held back ({told.error}), and only {_all(struck)} had faults")
        for told in record.told.values()
        if (asked := record.calls[told.call]).system not in struck
        and told.error in _HELD_BACK
        and struck
        and not (told.error in _BY_LOAD and _has_company(record, asked, told))
    ]
    return verdict(Invariant.ISOLATION, found)


def _has_company(record: Record, asked: Asked, told: Told) -> bool:
    """Whether another call of the same system was under way while a call was."""
    return any(
        other.call != asked.call
        and other.system == asked.system
        and other.at <= told.at
        and (other.call not in record.told or record.told[other.call].at >= asked.at)
        for other in record.calls.values()
    )


def order(record: Record) -> Verdict:
    """I13: nothing that was asked for earlier lands on top of something newer that was acknowledged."""
    found: list[Witness] = []
    for newer in record.operations.values():
        if not any(claim.word == "applied" for claim in newer.claims):
            continue
        names = dict.fromkeys(one for asked in newer.asked for one in asked.supersedes)
        olders = [record.operations[name] for name in names if name in record.operations]
        says = f"it landed on top of {newer.name}, which was newer"
        found += [witness(record, older, says) for older in olders if _on_top(older, newer)]
    for pair in record.compensated:
        undoing, undone = record.operations.get(pair.operation), record.operations.get(pair.undoes)
        if undoing is None or undone is None or not any(claim.word == "applied" for claim in undoing.claims):
            continue
        if _after(undone, undoing):
            found.append(witness(record, undone, f"it happened after {undoing.name} was said to have undone it"))
    return verdict(Invariant.ORDER, found)


def no_secrets(record: Record) -> Verdict:
    """I14: no configured secret is in anything that was told or written down."""
    forms = canary_forms(record.setting.canaries)
    found = []
    for entry in record.history.entries if forms else ():
        line = line_of(entry)
        if any(form in line for form in forms):
            where = f"a row of {entry.table} in the ledger" if isinstance(entry, Stored) else type(entry).__name__
            found.append(Witness(f"a secret is in {where} at t={entry.at - record.start:.2f}"))
    return verdict(Invariant.NO_SECRETS, found)


def not_vacuous(record: Record) -> Verdict:
    """I15: something was tried, and every planned fault struck; otherwise nothing can be said."""
    fired = {wire.fault for wire in record.wires}
    found = [
        Witness(f"fault {name} was planned, and never struck") for name in record.setting.planned if name not in fired
    ]
    if not record.calls:
        found.append(Witness("nobody asked for anything"))
    elif record.operations and not any(operation.attempts for operation in record.operations.values()):
        found.append(Witness("nothing was ever sent"))
    return Verdict(Invariant.NOT_VACUOUS, "unknown" if found else "valid", tuple(found))


def _counting(operation: Operation) -> list[Effect]:
    return [
        effect
        for wanted, effects in zip(operation.wanted, operation.effects, strict=True)
        for effect in effects
        if counts(wanted, effect)
    ]


def _overtaken(record: Record, operation: Operation, effects: list[Effect], at: float) -> bool:
    """Whether something else changed or deleted the record after these effects and before `at`."""
    own = {effect.seq for effect in operation.happened}
    last = max(effect.seq for effect in effects)
    records = {(effect.object, effect.record_id) for effect in effects}
    return any(
        effect.seq > last and effect.at <= at and effect.seq not in own and (effect.object, effect.record_id) in records
        for effect in record.effects.get(operation.system, ())
    )


def _on_top(older: Operation, newer: Operation) -> bool:
    """Whether a late effect of the older one changed fields that the newer one had written."""
    return any(
        late.seq > early.seq
        and (late.object, late.record_id) == (early.object, early.record_id)
        and not set(late.changed).isdisjoint(early.fields)
        for early in newer.happened
        for late in older.happened
    )


def _after(older: Operation, newer: Operation) -> bool:
    """Whether an effect of the older one came after the newer one's."""
    return any(late.seq > early.seq for early in newer.happened for late in _counting(older))


def _all(names: set[str]) -> str:
    return ", ".join(sorted(names))
