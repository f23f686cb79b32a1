"""Whether a portal is set up as the settings say."""

from __future__ import annotations

from typing import Any

from ...core.errors import ContractBroken, NotFound
from .settings import HubSpotSettings
from .wire import Exchange


async def problems(exchange: Exchange, settings: HubSpotSettings) -> list[str]:
    """Log in and look at the properties that the settings name.

    Returns:
        Problems, a sentence each; empty if there are none.
    """
    found: list[str] = []
    for object_type, name in settings.unique_properties.items():
        described = await _property(exchange, object_type, name)
        if described is None:
            found.append(f"{object_type} have no property {name}; create it: single-line text with unique values")
        elif described.get("hasUniqueValue") is not True:
            found.append(f"the property {name} of {object_type} does not demand unique values; only a new one can")
    for object_type, name in settings.marker_properties.items():
        if await _property(exchange, object_type, name) is None:
            found.append(f"{object_type} have no property {name}; create it: single-line text")
    if not settings.unique_properties and not settings.marker_properties:
        await exchange.call("GET", "/account-info/v3/details")
    return found


async def _property(exchange: Exchange, object_type: str, name: str) -> dict[str, Any] | None:
    try:
        answer = (await exchange.call("GET", f"/crm/v3/properties/{object_type}/{name}")).json()
    except NotFound:
        return None
    if not isinstance(answer, dict):
        raise ContractBroken("a property was asked for, but something else came", code="schema")
    return answer
