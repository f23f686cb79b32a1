"""I1 to I6: what clients were told, held against what happened."""

from __future__ import annotations

from collections.abc import Sequence

from ...effects import Effect
from ..verdicts import Invariant, Verdict, Witness
from .denials import denied_falsely
from .doubts import explained, was_answered
from .record import EPSILON, Claim, Operation, Record, as_asked, counts, unasked
from .witnesses import verdict, witness


def no_lost_write(record: Record) -> Verdict:
    """I1: what the ledger calls applied is there, and what was acknowledged is still there at the end."""
    found: list[Witness] = []
    for operation in record.operations.values():
        if not operation.wanted:
            continue
        if operation.status == "applied" and operation.first is None and not _told_applied(operation):
            found.append(witness(record, operation, "the ledger calls it applied, and it never happened"))
        elif spoilt := _spoilt(record, operation):
            gone = "its record is gone at the end" if spoilt.kind == "delete" else "it was overwritten unasked"
            found.append(witness(record, operation, f"it was acknowledged, and {gone}"))
    return verdict(Invariant.NO_LOST_WRITE, found)


def no_duplicate(record: Record) -> Verdict:
    """I2: at most one effect for each operation, and none that nobody asked for."""
    found: list[Witness] = []
    undone = {pair.undoes for pair in record.compensated}  # what comes back after it was undone is I13's
    for operation in record.operations.values():
        if operation.name in undone:
            continue
        for wanted, effects in zip(operation.wanted, operation.effects, strict=True):
            times = sum(1 for effect in effects if counts(wanted, effect))
            if times > 1:
                found.append(witness(record, operation, f"{wanted.object} was changed {times} times by one operation"))
    lost = [_spoilt(record, operation) for operation in record.operations.values()]  # these are I1's
    for system, log in record.unasked.items():
        for effect in log:
            if effect not in lost:
                says = (
                    f"{effect.object} {effect.record_id} was {_DONE[effect.kind]} in {system}, and nobody asked for it"
                )
                found.append(Witness(says, "", (str(effect),)))
    return verdict(Invariant.NO_DUPLICATE, found)


def no_phantom_success(record: Record) -> Verdict:
    """I3: nothing is called applied before it happened, or with other content than was asked for."""
    found: list[Witness] = []
    for operation in record.operations.values():
        for claim in operation.claims:
            if claim.item or claim.word != "applied" or not operation.wanted:
                continue
            if problem := _not_there(record, operation, claim):
                found.append(witness(record, operation, problem))
                break
        else:
            if not _items(operation) and (problem := _recovered_wrongly(operation)):
                found.append(witness(record, operation, problem))
    return verdict(Invariant.NO_PHANTOM_SUCCESS, found)


def no_phantom_failure(record: Record) -> Verdict:
    """I4: what is called rejected did not happen, and what had been sent for it never happens."""
    found: list[Witness] = []
    for operation in record.operations.values():
        said = next((claim for claim in operation.claims if not claim.item and denied_falsely(operation, claim)), None)
        if said is not None:
            found.append(
                witness(record, operation, f"call {said.asked.call} was told that it did not happen, and it did")
            )
        elif _rejected_falsely(operation) and not _items(operation):
            found.append(witness(record, operation, "the ledger calls it rejected, and it happened"))
    return verdict(Invariant.NO_PHANTOM_FAILURE, found)


def no_unexplained_outcome(record: Record) -> Verdict:
    """I5: each unknown, and what people must decide, has something behind it that can leave its client in doubt."""
    found: list[Witness] = []
    for operation in record.operations.values():
        for claim in operation.claims:
            if claim.word == "unknown" and not explained(record, operation, claim):
                found.append(witness(record, operation, f"call {claim.asked.call} was told unknown without any cause"))
                break
        else:
            if operation.status == "parked" and was_answered(record, operation):
                found.append(
                    witness(record, operation, "a person must decide, although the target had answered clearly")
                )
    return verdict(Invariant.NO_UNEXPLAINED_OUTCOME, found)


def exact_partials(record: Record) -> Verdict:
    """I6: what is said of each item of a batch is what happened to it."""
    found: list[Witness] = []
    for told in record.told.values():
        asked = record.calls[told.call]
        if asked.items and told.word != "cut_off" and len(told.items) != len(asked.items):
            says = f"call {told.call} asked for {len(asked.items)} items and was told of {len(told.items)}"
            found.append(Witness(says, asked.items[0]))
    for operation in record.operations.values():
        for claim in operation.claims:
            if not claim.item:
                continue
            if claim.word == "applied" and operation.wanted and (problem := _not_there(record, operation, claim)):
                found.append(witness(record, operation, f"item: {problem}"))
            elif denied_falsely(operation, claim):
                found.append(witness(record, operation, "the item was called rejected, and it happened"))
            else:
                continue
            break
        else:
            if _rejected_falsely(operation) and _items(operation):
                found.append(witness(record, operation, "the ledger calls the item rejected, and it happened"))
            elif _items(operation) and (problem := _recovered_wrongly(operation)):
                found.append(witness(record, operation, f"item: {problem}"))
    return verdict(Invariant.EXACT_PARTIALS, found)


_DONE = {"insert": "made", "update": "changed", "delete": "deleted", "invoke": "run"}


def _rejected_falsely(operation: Operation) -> bool:
    return operation.status == "rejected" and bool(operation.happened)


def _items(operation: Operation) -> bool:
    return any(asked.items for asked in operation.asked)


def _told_applied(operation: Operation) -> bool:
    return any(claim.word == "applied" for claim in operation.claims)


def _spoilt(record: Record, operation: Operation) -> Effect | None:
    """The first effect that nobody asked for and that undid what was acknowledged; None if there is none."""
    if not _told_applied(operation) or operation.first is None:
        return None
    own = operation.happened
    return next((effect for effect in record.unasked.get(operation.system, ()) if _undoes(effect, own)), None)


def _undoes(effect: Effect, own: Sequence[Effect]) -> bool:
    return any(
        (one.object, one.record_id) == (effect.object, effect.record_id)
        and one.seq < effect.seq
        and (effect.kind == "delete" or not set(effect.changed).isdisjoint(one.fields))
        for one in own
        if one.kind != "delete"
    )


def _not_there(record: Record, operation: Operation, claim: Claim) -> str:
    """What is wrong with an `applied`, in words; empty if nothing is."""
    first = operation.first
    if first is None:
        return f"call {claim.asked.call} was told applied, and nothing happened"
    if first > claim.told.at + EPSILON:
        return f"call {claim.asked.call} was told applied before it happened"
    if claim.record and (whose := _whose_else(record, operation, claim.record)):
        return f"call {claim.asked.call} was told applied, with the record {claim.record} of {whose}"
    if _was_sent_for_another(operation, claim):
        return f"call {claim.asked.call} was told applied, and what was sent is the content of another call"
    if claim.asked.reworded:
        return ""
    problem = _other_content(operation)
    return f"call {claim.asked.call} was told applied, and {problem}" if problem else ""


def _other_content(operation: Operation) -> str:
    """In what its effects are not what was asked for, in words; empty if they are."""
    for wanted, effects in zip(operation.wanted, operation.effects, strict=True):
        if not any(as_asked(wanted, effect) for effect in effects):
            return "the content is not what was asked for"
        if more := sorted({name for effect in effects for name in unasked(wanted, effect)}):
            return f"nobody had asked to write {', '.join(more)}"
    return ""


def _recovered_wrongly(operation: Operation) -> str:
    """What is wrong with an operation that the ledger calls applied and of which no client was told so, in words."""
    if operation.status != "applied" or _told_applied(operation) or operation.first is None:
        return ""
    sent = {attempt.digest for attempt in operation.attempts}
    if any(asked.reworded and (asked.items or asked.digest in sent) for asked in operation.asked):
        return ""
    problem = _other_content(operation)
    return f"the ledger calls it applied, and {problem}" if problem else ""


def _whose_else(record: Record, operation: Operation, named: str) -> str:
    """Whose record a receipt names, if it is not one that the operation made, changed or wrote the id of."""
    own = operation.happened
    written = {str(value) for effect in own for value in effect.fields.values()}
    written |= {
        str(value) for wanted in operation.wanted for value in (*wanted.where.values(), *wanted.content.values())
    }
    if named in written or named in {effect.record_id for effect in own}:
        return ""
    ids = {effect.record_id for effect in record.effects.get(operation.system, ())}
    return "another operation" if named in ids else "nothing that it made or changed"


def _was_sent_for_another(operation: Operation, claim: Claim) -> bool:
    """Whether a call was answered by attempts that all had another content than its own."""
    if claim.item or not claim.asked.digest:
        return False
    none = {answer.attempt for answer in operation.answers.values() if answer.effect == "none"}
    sent = [one for one in operation.attempts if one.attempt not in none] or operation.attempts
    return bool(sent) and all(one.digest != claim.asked.digest for one in sent)
