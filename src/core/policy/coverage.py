"""Rules that can never match, because an earlier one takes every call that they speak of; as far as it can be told."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from .rule import Rule

_WILD = "*?["


def covered_by(rules: Sequence[Rule]) -> list[tuple[Rule, Rule]]:
    """Each rule that can never match, with the earlier rule that covers it.

    Args:
        rules: The rules in order.
    """
    found = []
    for place, later in enumerate(rules):
        earlier = next((one for one in rules[:place] if covers(one, later)), None)
        if earlier is not None:
            found.append((later, earlier))
    return found


def covers(earlier: Rule, later: Rule) -> bool:
    """Whether a rule certainly matches every call that a later one matches. False also where that cannot be told.

    Args:
        earlier: The one that is asked first.
        later: The one that is asked next.
    """
    if earlier.rate is not None or earlier.min_tier not in (None, later.min_tier):
        return False
    if earlier.when not in (None, later.when) or earlier.repeat not in (None, later.repeat):
        return False
    if any(later.where.get(path) != condition for path, condition in earlier.where.items()):
        return False
    # What a rule that denies takes without being able to tell, a rule that gives leave does not.
    if earlier.where and later.decision == "deny" and earlier.decision != "deny":
        return False
    return (
        _within(later.principals, earlier.principals)
        and _within(later.systems, earlier.systems)
        and _within(later.actions, earlier.actions)
        and _among(later.roles, earlier.roles)
        and _among(later.effects, earlier.effects)
    )


def _within(patterns: Sequence[str], wider: Sequence[str]) -> bool:
    return all(any(_fits(one, other) for other in wider) for one in patterns)


def _fits(pattern: str, wider: str) -> bool:
    """Whether every name that fits a pattern fits a wider one, too."""
    if pattern == wider or wider == "*":
        return True
    if not any(sign in pattern for sign in _WILD):
        return fnmatchcase(pattern, wider)
    stem = wider[:-1]
    return wider.endswith("*") and not any(sign in stem for sign in _WILD) and pattern.startswith(stem)


def _among(names: Sequence[str], wider: Sequence[str]) -> bool:
    return not wider or (bool(names) and set(names) <= set(wider))
