"""Facts of an action that cannot all be true, refused when the action is defined and not when it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .action import EffectClass, Marker, NativeKey, NaturalKey, NoDedupe, Transactional, Upsert

if TYPE_CHECKING:
    from .action import Action

_NEEDS_VERSION = (EffectClass.SET, EffectClass.CHANGE, EffectClass.DELETE)


class ContradictoryAction(TypeError):
    """An action was declared with facts that contradict each other.

    Args:
        name: The action.
        problems: One sentence each, saying what to do.
    """

    def __init__(self, name: str, problems: list[str]) -> None:
        super().__init__(f"action {name!r}: " + " ".join(problems))
        self.problems = problems


def refuse_contradictions(action: Action) -> None:
    """Check the facts of one action.

    Raises:
        ContradictoryAction: With all the problems found.
    """
    problems = [*_names(action), *_effect(action), *_dedupe(action), *_times(action), *_batch(action)]
    if problems:
        raise ContradictoryAction(action.name, problems)


def _names(action: Action) -> Iterator[str]:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", action.name):
        yield "Name it in snake_case."
    if not action.description.strip():
        yield "Describe it: people and models choose by the description."
    fields = action.request.model_fields
    named = [("identity", name) for name in action.identity]
    named += [(role, name) for role, name in (("version", action.version), ("entity", action.entity)) if name]
    for role, name in named:
        if name not in fields:
            known = ", ".join(sorted(fields)) or "none"
            yield f"The {role} field {name!r} is no field of {action.request.__name__}; its fields are: {known}."


def _effect(action: Action) -> Iterator[str]:
    if action.effect is EffectClass.READ:
        if action.observation is not None:
            yield "An observation shows what a write is about to change, by another action that reads."
        if not isinstance(action.dedupe, NoDedupe) or action.identity or action.probe or action.compensation:
            yield "A read changes nothing: remove identity, dedupe, probe and compensation, or change its effect."
        return
    if not action.identity and not action.batch:
        yield "A write needs identity fields: name the business facts that make two requests the same request."
    by_state = isinstance(action.dedupe, Upsert | Transactional) or (
        isinstance(action.dedupe, NaturalKey) and action.dedupe.pre_image
    )
    if action.effect in _NEEDS_VERSION and action.version is None and not by_state and not action.batch:
        yield (
            f"A {action.effect} may overwrite what the caller has not seen: name the version field, "
            "or use Upsert, Transactional, or NaturalKey with pre_image."
        )
    if action.idempotent and action.effect in (EffectClass.CHANGE, EffectClass.SEND, EffectClass.OPAQUE):
        yield f"A {action.effect} has an effect each time it is sent: it cannot be declared idempotent."
    if action.observation is not None and action.observation.by == action.name:
        yield "An observation shows what a write is about to change, by another action that reads."
    if action.compensation is not None and action.compensation.by == action.name:
        yield "An action cannot compensate itself: name the action that undoes it."


def _dedupe(action: Action) -> Iterator[str]:
    dedupe = action.dedupe
    if isinstance(dedupe, NoDedupe):
        if action.retry and action.writes:
            yield "NoDedupe with retry would do it twice: declare dedupe means, or leave retry out."
        if action.idempotent and action.effect is EffectClass.CREATE:
            yield "A create with NoDedupe is not idempotent: declare dedupe means, or leave idempotent out."
    if isinstance(dedupe, Marker | NaturalKey) and action.probe is None:
        yield f"{type(dedupe).__name__} is of use only to a probe: declare one (fresh() or lagging(seconds))."
    if isinstance(dedupe, NativeKey) and dedupe.ttl <= 0:
        yield "NativeKey needs the life of the key in seconds, above 0."
    if isinstance(dedupe, NaturalKey) and not dedupe.fields:
        yield "NaturalKey needs the fields that a probe compares."


def _times(action: Action) -> Iterator[str]:
    if action.horizon is not None and action.horizon < 0:
        yield "The late-commit horizon is in seconds, 0 or more; leave it out if nobody knows it."
    if action.probe is not None and action.probe.read_lag < 0:
        yield "The read lag is in seconds, 0 or more."
    if action.probe is not None and action.probe.absent_is_final and action.probe.read_lag:
        yield "A lagging read cannot prove that a write never comes: drop absent_is_final or the lag."


def _batch(action: Action) -> Iterator[str]:
    batch = action.batch
    if batch is None:
        return
    if not batch.of.writes or batch.of.batch is not None:
        yield f"A batch carries single writes: {batch.of.name!r} is not one."
    if batch.max_size < 1:
        yield "The largest batch holds at least 1 item."
    for name in filter(None, (batch.items, batch.atomic)):
        if name not in action.request.model_fields:
            yield f"The batch field {name!r} is no field of {action.request.__name__}."
    if action.identity or action.probe or not isinstance(action.dedupe, NoDedupe):
        yield "A batch takes identity, dedupe and probe from its items' action: leave them out here."
