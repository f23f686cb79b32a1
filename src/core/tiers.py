"""How far an adapter has been proven, and what follows for a system: the tier that its conformance report gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

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


def facts_digest(action: Action) -> str:
    """What an action declares, as far as the promises rest on it; two settings of one adapter may differ in it."""
    facts = action if action.batch is None else action.batch.of
    probe = None if facts.probe is None else [facts.probe.read_lag, facts.probe.absent_is_final]
    told = [
        str(action.effect),
        action.batch is not None,
        facts.name,
        list(facts.identity),
        facts.version,
        type(facts.dedupe).__name__,
        facts.resend,
        probe,
        facts.horizon,
        None if facts.compensation is None else facts.compensation.by,
    ]
    return digest(canonical_json(told))[:16]


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
