"""A deliberate repeat: the same business facts once more, on purpose, as an operation of its own.

Its identity holds the operation that it repeats, so that it is one operation however often it is asked for, and so
that nobody can make up a key: only what was done can be done again, once for each time that it was done.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .action import Action, NaturalKey, NoDedupe
from .errors import InvalidRequest
from .identity import DISTINCT_FROM, canonical_json
from .ledger.records import Status
from .redaction import clean

if TYPE_CHECKING:
    from .ledger.store import Ledger

_LONGEST_REASON = 1000  # characters


@dataclass(frozen=True, slots=True)
class Repeat:
    """What a caller says who wants the same done once more.

    Args:
        distinct_from: The operation that did it before.
        reason: Why it is to be done again; recorded, no part of the identity.
    """

    distinct_from: str
    reason: str

    def beside(self, decision: str) -> str:
        """The record of a policy decision with what was said here, so that both become durable with the intent."""
        said = {"operation_id": self.distinct_from, "reason": clean(self.reason)}
        return canonical_json({**json.loads(decision), "distinct_from": said})


def can_be_repeated(action: Action) -> bool:
    """Whether a second effect of the same content can be told from the first one."""
    told_by_content = isinstance(action.dedupe, NaturalKey) or (
        isinstance(action.dedupe, NoDedupe) and action.probe is not None
    )
    return action.writes and action.batch is None and not told_by_content


async def check_repeat(ledger: Ledger, repeat: Repeat, system: str, action: Action, facts: str, principal: str) -> None:
    """Make sure that what is to be repeated was done, by the same principal, with the same business facts.

    Args:
        ledger: The ledger.
        repeat: What is asked for.
        system: The system's name.
        action: The action.
        facts: Canonical JSON of the request's identity fields.
        principal: Who asks.

    Raises:
        InvalidRequest: It cannot be repeated; the message says what to do instead.
        LedgerUnavailable: The ledger cannot be read.
    """
    if not can_be_repeated(action):
        raise _refused(
            f"{action.name} cannot be repeated on purpose: {system} could not tell the second from the first"
        )
    if not repeat.reason.strip() or len(repeat.reason) > _LONGEST_REASON:
        raise _refused(f"a deliberate repeat needs a reason of at most {_LONGEST_REASON} characters")
    earlier = await ledger.get(clean(repeat.distinct_from))
    if earlier is None or earlier.principal != principal:
        raise _refused(f"{principal} has no operation {clean(repeat.distinct_from)} to be distinct from")
    known = json.loads(earlier.identity)
    known.pop(DISTINCT_FROM, None)
    if (earlier.system, earlier.action) != (system, action.name) or canonical_json(known) != facts:
        raise _refused(f"operation {earlier.id} is another request; leave distinct_from out")
    if earlier.status is Status.REJECTED:
        raise _refused(f"operation {earlier.id} was not done: make the same request again without distinct_from")
    if earlier.status is not Status.APPLIED:
        raise _refused(
            f"it is not known what became of operation {earlier.id} ({earlier.status}); it cannot be repeated before"
        )


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(f"{why}; nothing was sent", code="distinct_from")
