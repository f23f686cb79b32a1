"""Which rejections are not true: what a call may deny, and what another call for the same thing excuses."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from ..entries import Asked, Told
from .record import EPSILON, Claim, Operation

_ABOUT_THE_CALL = ("Denied", "InvalidRequest", "LedgerUnavailable")
"""Errors that come before the ledger was asked: they say that this call sent nothing, and nothing of other calls."""

_NOT_BEGUN = ("pending", "cut_off")
"""What a call may be told before anything was sent for it."""

_STILL_OPEN = ("unknown", *_NOT_BEGUN)
"""What a call may be told after which its operation goes on."""


def denied_falsely(operation: Operation, claim: Claim) -> bool:
    """Whether a rejection is not true: it had happened, or what had been sent by then happened later."""
    if claim.word != "rejected" or _about_other_content(operation, claim.asked, claim.told):
        return False
    if claim.error in _ABOUT_THE_CALL and not claim.told.operation_id and not _was_sent(operation, claim):
        return False
    # A rejection may be overtaken by another call for the same thing, also before its own caller has heard of it.
    recorded = [place for place in operation.rejections if place < claim.place]
    decided = max(recorded, default=claim.place)
    sent = zip(operation.attempts, operation.places, strict=True)
    others = _other_calls(operation, claim, _NOT_BEGUN)
    anew = min(
        (attempt.at for attempt, place in sent if any(_newer(one, decided, place) for one in others)), default=None
    )
    return any(anew is None or effect.at < anew - EPSILON for effect in operation.happened)


def _was_sent(operation: Operation, claim: Claim) -> bool:
    """Whether something was sent while a call waited, and no other call can have been the cause."""
    mine = [place for place in operation.places if operation.begun.get(claim.asked.call, 0) < place < claim.place]
    others = _other_calls(operation, claim, _STILL_OPEN)
    return any(not any(one.begin < place < one.end for one in others) for place in mine)


def _other_calls(operation: Operation, claim: Claim, endless: Sequence[str]) -> list[_Span]:
    """Where the other calls for an operation stand in the history; those that were told certain words have no end."""
    ends = {one.asked.call: one.place for one in operation.claims if one.word not in endless}
    calls = [(begin, ends.get(call)) for call, begin in operation.begun.items() if call != claim.asked.call]
    return [_Span(begin, inf if end is None else end) for begin, end in calls]


def _newer(call: _Span, decided: int, sent: int) -> bool:
    """Whether what was sent after a decision can be for a call: it was made since then, or still waited."""
    return decided < sent and call.begin < sent and (call.begin > decided or call.end > sent)


class _Span(NamedTuple):
    begin: int
    end: float


def _about_other_content(operation: Operation, asked: Asked, told: Told) -> bool:
    """Whether a conflict was told, because the same identity was asked for with other content."""
    return told.error == "Conflict" and any(other.digest != asked.digest for other in operation.asked)
