"""The actions of a system, from its settings or from a module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...core.adapter import Mapped
from .._modules import load_module
from .declarations import ActionSettings
from .declare import Facts, connected, declare
from .models import SqlAction
from .settings import SqlSettings


class UnusableActions(ValueError):
    """The declared actions cannot be used; the message says what to mend."""


_made: dict[tuple[tuple[tuple[str, str], ...], Facts], Mapping[str, SqlAction]] = {}
"""What was declared before, as it was made then: making the models of three actions takes five milliseconds."""
_MOST_MADE = 32


def load(settings: SqlSettings, facts: Facts) -> Mapping[str, SqlAction]:
    """The actions by name.

    Args:
        settings: They name the actions.
        facts: What holds for the system.

    Raises:
        UnusableActions: They cannot be used.
    """
    actions = _from_module(settings.actions) if isinstance(settings.actions, Path) else _from(settings.actions, facts)
    if not facts.has_effects and (names := [name for name, one in actions.items() if one.in_effects]):
        raise UnusableActions(f"{', '.join(names)}: `Transactional` needs an effects_table")
    return actions


def _from(declared: Mapping[str, ActionSettings], facts: Facts) -> Mapping[str, SqlAction]:
    if not declared:
        raise UnusableActions("no actions are declared")
    known = (tuple((name, one.model_dump_json()) for name, one in declared.items()), facts)
    if (made := _made.get(known)) is None:
        try:
            made = connected({name: declare(name, one, facts) for name, one in declared.items()}, declared)
        except (ValueError, TypeError) as error:
            raise UnusableActions(str(error)) from None
        if len(_made) >= _MOST_MADE:
            _made.clear()
        _made[known] = made
    return made


def _from_module(where: Path) -> Mapping[str, SqlAction]:
    from dataclasses import replace

    try:
        module = load_module(where)
    except Exception as error:
        raise UnusableActions(f"the actions {where} cannot be loaded ({type(error).__name__}: {error})") from error
    actions, errors = getattr(module, "ACTIONS", None), getattr(module, "ERRORS", {})
    if not isinstance(actions, Mapping) or not actions:
        raise UnusableActions(f"{where} declares no ACTIONS: a mapping of names to SqlAction is expected")
    for name, one in actions.items():
        if not isinstance(one, SqlAction) or one.action.name != name:
            raise UnusableActions(f"ACTIONS[{name!r}] of {where} is no SqlAction of this name")
    if not isinstance(errors, Mapping) or not all(isinstance(one, Mapped) for one in errors.values()):
        raise UnusableActions(f"ERRORS of {where} is no mapping of codes to Mapped")
    return {
        name: replace(one, action=replace(one.action, errors={**errors, **one.action.errors}))
        for name, one in actions.items()
    }
