"""The oracle: what really happened, counted in the simulator's effect log and never read from replies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...core.action import Action, ClientId, NativeKey, Transactional, Upsert
from ..chaos.checker.record import as_asked, counts, matches
from ..chaos.entries import Wanted
from ..effects import Effect

ENFORCED = (NativeKey, Upsert, ClientId, Transactional)
"""The means by which the target itself keeps a second delivery of one request from having an effect."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What happened to one operation.

    Args:
        copies: How often its effect is there; 0 if it never happened.
        whole: False if only a part of its effects is there, or some more often than others.
        content: Whether an effect holds what was asked for, for each of its parts.
        records: Ids of the records that it made or changed, second deliveries included.
        at: When each copy of its first part was committed.
    """

    copies: int
    whole: bool
    content: bool
    records: tuple[str, ...]
    at: tuple[float, ...]


def truth_of(effects: Iterable[Effect], wanted: Sequence[Wanted], action: Action) -> Truth:
    """Count.

    A change that changes nothing is no second effect. Where nothing unique is written, a request that a proxy
    delivers twice has two effects that no client can prevent; they count as one.

    Args:
        effects: The whole effect log.
        wanted: By what the operation is known in it.
        action: The single action.
    """
    enforced = isinstance(action.dedupe, ENFORCED)
    whole = list(effects)
    log = [one for one in whole if enforced or one.cause != "duplicate_delivery"]
    parts = [[one for one in log if matches(part, one) and counts(part, one)] for part in wanted]
    copies = [len(part) for part in parts] or [0]
    return Truth(
        max(copies),
        min(copies) == max(copies),
        all(any(as_asked(part, one) for one in found) for found, part in zip(parts, wanted, strict=True)),
        tuple(dict.fromkeys(one.record_id for one in whole if any(matches(part, one) for part in wanted))),
        tuple(one.at for one in (parts[0] if parts else ())),
    )
