"""The first step of a call: does it name something that is there, and does its request fit?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from .action import Action
from .errors import InvalidRequest
from .redaction import clean
from .system import System

_LONGEST_NAME = 255  # characters


def validated(
    systems: Mapping[str, System], system_name: str, action_name: str, request: BaseModel | Mapping[str, Any]
) -> tuple[System, Action, BaseModel]:
    """The system, the action and the request model of a call.

    Args:
        systems: The systems by name.
        system_name: The system.
        action_name: One of its adapter's actions.
        request: The request model, or its fields.

    Raises:
        InvalidRequest: There is no such system or action, or the request does not fit.
    """
    system = systems.get(system_name)
    if system is None:
        known = ", ".join(sorted(systems)) or "none is configured"
        raise InvalidRequest(f"there is no system {system_name!r}; known: {known}", code="unknown_system")
    action = system.adapter.actions.get(action_name)
    if action is None:
        known = ", ".join(sorted(system.adapter.actions))
        raise InvalidRequest(f"{system_name} has no action {action_name!r}; it has: {known}", code="unknown_action")
    if isinstance(request, action.request):
        return system, action, request
    if isinstance(request, BaseModel):
        raise InvalidRequest(
            f"{action_name} takes {action.request.__name__}, not {type(request).__name__}",
            code="wrong_request",
        )
    try:
        return system, action, action.request.model_validate(dict(request))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, found['loc'])) or 'request'}: {found['msg']}" for found in error.errors()
        )
        raise InvalidRequest(f"the request does not fit: {problems}", code="invalid_request") from None


def nameable(**names: str) -> None:
    """Refuse what the ledger could not keep as it is.

    Raises:
        InvalidRequest: With the name to mend.
    """
    for name, value in names.items():
        if len(value) > _LONGEST_NAME or clean(value) != value:
            raise InvalidRequest(
                f"{name} must be text of at most {_LONGEST_NAME} characters that UTF-8 can hold; nothing was sent",
                code=f"invalid_{name}",
            )
