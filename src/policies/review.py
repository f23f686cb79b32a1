"""What is odd about a policy: names of nothing, fields that no request has, rules that can never match."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from ..core.action import Action
from ..core.policy import Rule
from ..core.policy.coverage import covered_by


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one rule.

    Args:
        rule: Its name.
        said: What is odd, and what to do.
        wrong: True for a mistake; False for what may be meant so.
    """

    rule: str
    said: str
    wrong: bool


def review(
    rules: Sequence[Rule], actions: Mapping[str, Mapping[str, Action]] | None = None, roles: Sequence[str] | None = None
) -> list[Finding]:
    """Everything odd about the rules.

    Args:
        rules: The rules in order.
        actions: System → its actions by name; None where it is not known what there is.
        roles: The roles that somebody has; None where that is not known.
    """
    found = [
        Finding(later.name, f"can never match: rule {earlier.name!r} comes first and takes all of it", wrong=False)
        for later, earlier in covered_by(rules)
    ]
    for rule in rules:
        found += _unheard_of(rule)
        if actions is not None:
            found += _named(rule, actions)
        if roles is not None:
            found += _held(rule, roles)
    return found


def _unheard_of(rule: Rule) -> Iterator[Finding]:
    for pattern in rule.actions:
        if "." not in pattern and "*" not in pattern:
            yield Finding(rule.name, f"actions: {pattern!r} names no system; write it as system.action", wrong=True)


def _held(rule: Rule, roles: Sequence[str]) -> Iterator[Finding]:
    asked = [("roles", role) for role in rule.roles]
    if rule.approval is not None:
        asked.append(("approval.role", rule.approval.role))
    for name, role in asked:
        if role not in roles:
            yield Finding(rule.name, f"{name}: nobody has the role {role!r}{_hint(role, roles)}", wrong=True)


def _named(rule: Rule, actions: Mapping[str, Mapping[str, Action]]) -> Iterator[Finding]:
    targets = {f"{system}.{name}": (system, one) for system, known in actions.items() for name, one in known.items()}
    for pattern in rule.systems:
        if not any(fnmatchcase(system, pattern) for system in actions):
            yield Finding(rule.name, f"systems: there is no {pattern!r}{_hint(pattern, list(actions))}", wrong=True)
    for pattern in rule.actions:
        if not any(fnmatchcase(target, pattern) for target in targets):
            yield Finding(rule.name, f"actions: there is no {pattern!r}{_hint(pattern, list(targets))}", wrong=True)
    spoken_of = {
        target: action
        for target, (system, action) in targets.items()
        if any(fnmatchcase(system, pattern) for pattern in rule.systems)
        and any(fnmatchcase(target, pattern) for pattern in rule.actions)
        and (not rule.effects or action.effect in rule.effects)
    }
    for path, condition in rule.where.items():
        without = [target for target, action in spoken_of.items() if not has_field(action.request, path)]
        if spoken_of and len(without) == len(spoken_of):
            known = sorted({name for action in spoken_of.values() for name in action.request.model_fields})
            yield Finding(rule.name, f"where.{path}: no request has this field{_hint(path, known)}", wrong=True)
        elif without and rule.decision == "deny" and condition.present is None:
            some = ", ".join(without[:3])
            yield Finding(
                rule.name,
                f"where.{path}: denies every request of {some}{' and others' * (len(without) > 3)}, which have no such "
                "field; name the actions, or add present: true",
                wrong=False,
            )


def has_field(model: type[BaseModel], path: str) -> bool:
    """Whether requests of a model may have something at a path.

    Args:
        model: The request model.
        path: Names of fields with dots between them.
    """
    kinds: list[Any] = [model]
    for name in path.split("."):
        inside: list[Any] = []
        for kind in (part for one in kinds for part in _parts(one)):
            if kind is Any or (get_origin(kind) or kind) in (dict, Mapping):
                return True
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                if name in kind.model_fields:
                    inside.append(kind.model_fields[name].annotation)
                elif kind.model_config.get("extra") == "allow":
                    return True
        if not inside:
            return False
        kinds = inside
    return True


def _parts(kind: Any) -> Iterator[Any]:
    """The types that a value of a type may have, its items' where it is a list."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _parts(get_args(kind)[0])
    elif origin in (Union, types.UnionType, list, tuple, set, frozenset):
        for part in get_args(kind):
            yield from _parts(part)
    else:
        yield kind


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(known[:10])}" if known else "; there is none"
