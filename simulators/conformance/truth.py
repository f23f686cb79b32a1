"""The oracle: what really happened, counted in the simulator's effect log and never read from replies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.action import Action, ClientId, NativeKey, Transactional, Upsert
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
    parts = [[one for one in log if _is(one, part) and _counts(one)] for part in wanted]
    counts = [len(part) for part in parts] or [0]
    return Truth(
        max(counts),
        min(counts) == max(counts),
        all(any(_holds(one, part) for one in found) for found, part in zip(parts, wanted, strict=True)),
        tuple(dict.fromkeys(one.record_id for one in whole if any(_is(one, part) for part in wanted))),
        tuple(one.at for one in (parts[0] if parts else ())),
    )


def _is(effect: Effect, wanted: Wanted) -> bool:
    return (
        effect.object == wanted.object
        and effect.kind in wanted.kinds
        and all(text in _text(effect, name) for name, text in wanted.where.items())
    )


def _counts(effect: Effect) -> bool:
    return effect.kind != "update" or bool(effect.changed)


def _holds(effect: Effect, wanted: Wanted) -> bool:
    return all(_plain(effect.fields.get(name)) == _plain(value) for name, value in wanted.content.items())


def _text(effect: Effect, name: str) -> str:
    return effect.record_id if name == "id" else str(effect.fields.get(name, ""))


def _plain(value: Any) -> str:
    return "" if value is None else str(value)
