"""How far an adapter has been proven, and what follows for a system: the tier that its conformance report gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from .action import Action
from .identity import canonical_json, digest


class Tier(StrEnum):
    """What a run of the conformance kit proved of an adapter; each tier includes the ones before it."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    PLATINUM = "platinum"

    @property
    def rank(self) -> int:
        """1 for bronze, and so on."""
        return list(Tier).index(self) + 1


_digests: WeakKeyDictionary[type[BaseModel], dict[str, str]] = WeakKeyDictionary()
"""Request model → what an action told, as text → digest: a policy asks often, and a model's schema takes a while."""


def facts_digest(action: Action) -> str:
    """What an action declares, as far as the promises rest on it; two settings of one adapter may differ in it."""
    single = action if action.batch is None else action.batch.of
    batch = None if action.batch is None else [action.batch.items, action.batch.max_size, action.batch.atomic]
    told = canonical_json([_told(action), batch, _told(single)])
    known = _digests.setdefault(action.request, {})
    if told not in known:
        models = (action.request, action.reply, single.request, single.reply)
        schemas = [one.model_json_schema(mode="validation") for one in models]
        known[told] = digest(canonical_json([told, schemas]))[:16]
    return known[told]


def _told(action: Action) -> list[Any]:
    probe, undone, seen = action.probe, action.compensation, action.observation
    return [
        action.name,
        str(action.effect),
        list(action.identity),
        action.version,
        action.entity,
        action.commutative,
        [type(action.dedupe).__name__, asdict(action.dedupe)],
        action.resend,
        None if probe is None else asdict(probe),
        action.horizon,
        {code: [one.error.__name__, one.transient, one.outage] for code, one in action.errors.items()},
        None if undone is None else undone.by,
        None if seen is None else [seen.by, seen.version],
    ]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is proven of a system's adapter.

    Args:
        tier: The tier; None where nothing is proven.
        actions: Action → digest of the facts under which it was tried (`facts_digest`).
    """

    tier: Tier | None = None
    actions: Mapping[str, str] = field(default_factory=dict)

    def reaches(self, tier: Tier, action: Action) -> bool:
        """Whether the action was tried as it is declared now, by a run that proved at least this tier."""
        return (
            self.tier is not None
            and self.tier.rank >= tier.rank
            and self.actions.get(action.name) == facts_digest(action)
        )


NOTHING_PROVEN = Standing()
