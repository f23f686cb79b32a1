"""Loading a module of declared actions, by its name or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ...core.adapter import Mapped
from .._modules import load_module
from .models import SoapAction


class Declared(NamedTuple):
    """The actions of a system by name, the codes that hold for all of them, and the name of their module."""

    actions: Mapping[str, SoapAction]
    errors: Mapping[str, Mapped]
    module: str


class UnusableActions(ValueError):
    """The declared actions cannot be used; the message says what to mend."""


def load(where: str | Path) -> Declared:
    """Load a module of declared actions.

    Args:
        where: A module's name, or the path of a file that ends in `.py`.

    Raises:
        UnusableActions: It cannot be imported, or declares no actions.
    """
    try:
        module = load_module(where)
    except Exception as error:
        raise UnusableActions(f"the actions {where} cannot be loaded ({type(error).__name__}: {error})") from error
    actions, errors = getattr(module, "ACTIONS", None), getattr(module, "ERRORS", {})
    if not isinstance(actions, Mapping) or not actions:
        raise UnusableActions(f"{where} declares no ACTIONS: a mapping of names to SoapAction is expected")
    for name, one in actions.items():
        if not isinstance(one, SoapAction) or one.action.name != name:
            raise UnusableActions(f"ACTIONS[{name!r}] of {where} is no SoapAction of this name")
    if not isinstance(errors, Mapping) or not all(isinstance(one, Mapped) for one in errors.values()):
        raise UnusableActions(f"ERRORS of {where} is no mapping of codes to Mapped")
    return Declared(actions, errors, module.__name__)
