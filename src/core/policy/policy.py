"""Who may do what: an ordered set of rules. The first that matches decides; what none matches is denied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from json.encoder import encode_basestring
from typing import Literal, TypeAlias

from ..action import Action
from ..clock import random_id
from ..identity import canonical_json, digest
from ..tiers import NOTHING_PROVEN, Standing
from .decision import Decision, Question
from .matching import matched, speaks_of
from .rule import Demand, Rate, Rule

DEFAULT = "default"
"""Named as the rule where none matched."""
UNREADABLE = "unreadable"
"""Named as the rule, and as the version, of a policy that cannot be read."""


class Ending:
    """What evaluation may come to: a rule that can still match, or the default. Holds all but the id."""

    __slots__ = ("approval", "decision", "head", "name", "rate", "reason", "rule", "tail", "version")

    def __init__(self, rule: Rule | None, version: str, name: str = DEFAULT, reason: str = "") -> None:
        self.rule = rule
        self.version = version
        self.decision: Literal["allow", "require_approval", "deny"] = "deny" if rule is None else rule.decision
        self.name = name if rule is None else rule.name
        self.reason = reason if rule is None else rule.reason or _SAID[rule.decision]
        self.approval: Demand | None = None if rule is None else rule.approval
        self.rate: Rate | None = None if rule is None else rule.rate
        self.head = f'{{"decision":"{self.decision}","id":'
        self.tail = f',"rule":{canonical_json(self.name)},"version":"{version}"}}'

    def decided(self, id_: str) -> Decision:
        """The decision, under an id."""
        record = self.head + encode_basestring(id_) + self.tail
        return Decision(self.decision, self.name, self.version, id_, self.reason, self.approval, self.rate, record)


_SAID = {"allow": "the rule allows it", "require_approval": "it needs an approval", "deny": "the rule denies it"}

_Known: TypeAlias = tuple[str, str, str]


class Policy:
    """An ordered set of rules.

    Args:
        rules: The rules; none at all denies everything.
        standings: System → what is proven of its adapter, for rules that demand a tier.
        roles: Pattern for principals → their roles; a principal has those of every pattern that fits.
        new_id: Makes the ids of decisions from a prefix.

    Raises:
        ValueError: Two rules have one name.
    """

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        standings: Mapping[str, Standing] | None = None,
        *,
        roles: Mapping[str, Sequence[str]] | None = None,
        new_id: Callable[[str], str] = random_id,
    ) -> None:
        self.rules = tuple(rules)
        if (twice := twice_named(self.rules)) is not None:
            raise ValueError(f"two rules are named {twice!r}; each needs a name of its own")
        self._standings = dict(standings or {})
        self._roles = {pattern: tuple(given) for pattern, given in (roles or {}).items()}
        self._new_id = new_id
        self.version = digest(canonical_json(self._told()))[:12]
        self._known: dict[_Known, tuple[Ending, ...]] = {}
        self._known_roles: dict[str, tuple[str, ...]] = {}
        self._default = Ending(None, self.version, reason="no rule allows it")
        self._endings = [Ending(rule, self.version) for rule in self.rules]

    @classmethod
    def unreadable(cls, why: str, *, new_id: Callable[[str], str] = random_id) -> Policy:
        """A policy in place of one that cannot be read: it denies everything and says so.

        Args:
            why: What is wrong with it.
            new_id: Makes the ids of decisions from a prefix.
        """
        policy = cls(new_id=new_id)
        policy.version = UNREADABLE
        reason = f"the policy cannot be read, so everything is denied ({why})"
        policy._default = Ending(None, UNREADABLE, UNREADABLE, reason)
        return policy

    def _told(self) -> list[object]:
        """All that decides: the rules, and what is proven, and who has which role, where a rule asks for it."""
        told: list[object] = [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in self.rules]
        if any(rule.min_tier is not None for rule in self.rules):
            told += [[name, one.tier, dict(one.actions)] for name, one in sorted(self._standings.items())]
        if any(rule.roles for rule in self.rules):
            told += [[pattern, sorted(given)] for pattern, given in sorted(self._roles.items())]
        return told

    def decide(self, question: Question) -> Decision:
        """The decision on one call. Pure but for its id: the same question has the same answer for the policy's life.

        Args:
            question: The call.
        """
        endings = self.endings(question.principal, question.system, question.action)
        first = endings[0]
        if first.rule is not None and first.rule.depends:
            first = self._evaluated(question, endings)
        return first.decided(self._new_id("decision"))

    def _evaluated(self, question: Question, endings: Sequence[Ending]) -> Ending:
        held: Ending | None = None
        for ending in endings:
            if ending.rule is None:
                break
            match matched(ending.rule, question):
                case "yes":
                    break
                case "partly":
                    # Not enough to be held for approval rather than denied; too much to be allowed without one.
                    held = held or ending
        if held is not None and ending.decision != "deny":
            return held
        if ending.rule is None and (used := [one for one in endings if one.name in question.exhausted]):
            told = "; ".join(f"the rate of {one.name!r} ({one.rate.in_words()}) is used up" for one in used if one.rate)
            return Ending(None, self.version, reason=f"{told}; no other rule allows it")
        return ending

    @property
    def asks_people(self) -> bool:
        """Whether any rule requires an approval."""
        return any(rule.decision == "require_approval" for rule in self.rules)

    def may_ever(self, principal: str, system: str, action: Action) -> bool:
        """Whether some request could be allowed, or held for an approval.

        Args:
            principal: Who asks.
            system: The system's name.
            action: The action.
        """
        return any(ending.decision != "deny" for ending in self.endings(principal, system, action))

    def roles_of(self, principal: str) -> tuple[str, ...]:
        """The roles of a principal, sorted.

        Args:
            principal: The principal.
        """
        found = self._known_roles.get(principal)
        if found is None:
            fitting = [given for pattern, given in self._roles.items() if fnmatchcase(principal, pattern)]
            found = tuple(sorted({role for given in fitting for role in given}))
            if len(self._known_roles) < _REMEMBERED:
                self._known_roles[principal] = found
        return found

    def standing_of(self, system: str) -> Standing:
        """What is proven of a system's adapter.

        Args:
            system: The system's name.
        """
        return self._standings.get(system, NOTHING_PROVEN)

    def endings(self, principal: str, system: str, action: Action) -> tuple[Ending, ...]:
        """What evaluation may come to for some request, in order; the last one matches every request.

        Args:
            principal: Who asks.
            system: The system's name.
            action: The action.
        """
        asked = (principal, system, action.name)
        found = self._known.get(asked)
        if found is None:
            found = tuple(self._possible(principal, system, action))
            if len(self._known) < _REMEMBERED:
                self._known[asked] = found
        return found

    def _possible(self, principal: str, system: str, action: Action) -> list[Ending]:
        roles, standing = self.roles_of(principal), self.standing_of(system)
        found = []
        for ending in self._endings:
            rule = ending.rule
            if rule is not None and speaks_of(rule, principal, roles, system, action, standing):
                found.append(ending)
                if not rule.depends:
                    return found
        return [*found, self._default]


def twice_named(rules: Sequence[Rule]) -> str | None:
    """A name that two rules share, if there is one.

    Args:
        rules: The rules.
    """
    return next((name for name, count in Counter(rule.name for rule in rules).items() if count > 1), None)


_REMEMBERED = 10_000
