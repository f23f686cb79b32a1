"""What a write is about to change, as it is beforehand: read by an action that the write's own action names."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from .action import Action
from .adapter import Attempt, Sent
from .doubt import checked
from .errors import IntegrationError, InvalidRequest, NotFound
from .system import System


async def before_image(
    system: System, action: Action, request: BaseModel, deadline_at: float
) -> dict[str, Any] | IntegrationError | None:
    """Look at what a write is about to change. Changes nothing.

    Args:
        system: The system.
        action: The write's action.
        request: Its request.
        deadline_at: Monotonic time by which this returns.

    Returns:
        `state` (`present` or `absent`), `version` where the action names one, and `fields`; None where the action
        does not say how to look; the error where the look failed.
    """
    means = action.observation
    if means is None:
        return None
    reading = system.adapter.actions.get(means.by)
    if reading is None or reading.writes:
        return InvalidRequest(f"{action.name} is to be looked at by {means.by!r}, which is no read of {system.name}")
    question = means.request(request)
    if question is None:
        return None

    async def send(number: int, timeout: float) -> Sent[Any]:
        return checked(reading, await system.adapter.send(reading, Attempt("", "", question, number, timeout)))

    found = await system.call(send, deadline_at, reads=True)
    if isinstance(found, NotFound):
        return {"state": "absent"}
    if isinstance(found, IntegrationError):
        return found
    fields = system.secrets.scrub_all(found.value.model_dump(mode="json"))
    version = None if means.version is None else fields.get(means.version)
    return {"state": "present", "version": version, "fields": fields}
