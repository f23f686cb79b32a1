"""The checker: a pure function of a history and the effect logs.

The fifteen invariants are in four modules: `effects` (what was told against what happened), `amplification` (how often
is sent), `conduct` (how it was done) and `surroundings` (reads, neighbours, order, secrets, vacuity).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ...effects import Effect
from ..history import History
from ..verdicts import Judgement, Reached
from . import amplification, conduct, effects, surroundings
from .record import Operation, Record

_RULES = (
    effects.no_lost_write,
    effects.no_duplicate,
    effects.no_phantom_success,
    effects.no_phantom_failure,
    effects.no_unexplained_outcome,
    effects.exact_partials,
    amplification.bounded_amplification,
    conduct.eventual_resolution,
    conduct.key_discipline,
    conduct.deadline,
    surroundings.read_honesty,
    surroundings.isolation,
    surroundings.order,
    surroundings.no_secrets,
    surroundings.not_vacuous,
)


def check(history: History, logs: Mapping[str, Sequence[Effect]]) -> Judgement:
    """Judge an episode.

    Args:
        history: What was asked, told, sent and written down.
        logs: System → its effect log.

    Returns:
        A verdict for each of the fifteen invariants, and what was reached.
    """
    record = Record(history, logs)
    operations = record.operations.values()
    return Judgement(
        verdicts=tuple(rule(record) for rule in _RULES),
        reached=Counter(row for operation in operations for row in _rows(operation)),
        parked=tuple(operation.name for operation in operations if operation.status == "parked"),
        calls=len(record.calls),
        sent=sum(len(operation.attempts) for operation in operations),
    )


def _rows(operation: Operation) -> list[Reached]:
    """The rows of the truth table that an operation's claims reached."""
    if not operation.wanted:
        return []
    return [
        Reached(f"{operation.system}.{operation.action}", _truth(operation, claim.told.at), _saw(operation), claim.word)
        for claim in operation.claims
    ]


def _truth(operation: Operation, at: float) -> str:
    if operation.first is None:
        return "some of them" if operation.happened else "not applied"
    if operation.first > at or any(effect.cause == "late" for effect in operation.happened):
        return "applied later"
    return "applied"


def _saw(operation: Operation) -> str:
    """What the first attempt came to, as the client of the wire saw it."""
    if not operation.attempts:
        return "not sent"
    answer = operation.answers.get(operation.attempts[0].attempt)
    if answer is None:
        return "no reply"
    if not answer.error:
        return "ack"
    if answer.effect == "none":
        return "not sent" if answer.error in _NOT_SENT else "refusal"
    return "unreadable" if answer.error in ("UnreadableReply", "ContractBroken") else "no reply"


_NOT_SENT = ("ConnectFailed", "PoolExhausted", "DeadlineBeforeSend", "NotSent")
