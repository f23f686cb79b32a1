"""HubSpot in the usual way."""

from __future__ import annotations

from ..lines import Message
from .calling import Do, RestApi, applied

NOTE_TO_CONTACT = 202  # HubSpot's own association type


class HubSpot(RestApi):
    """A client of the CRM API.

    Args:
        facts: URL and token.
        breaker: Whether calls go through a breaker.
    """

    def __init__(self, facts: Message, *, breaker: bool) -> None:
        super().__init__(facts["url"], breaker=breaker)
        self._private_token: str = facts["token"]

    async def log_in(self) -> str:
        """The private app's token."""
        return self._private_token

    def actions(self) -> dict[str, Do]:
        """What it can do."""
        return {"add_note": self._add_note}

    async def _add_note(self, request: Message) -> Message:
        kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO_CONTACT}]
        body = {
            "properties": {"hs_note_body": request["body"], "hs_timestamp": "2026-01-01T00:00:00Z"},
            "associations": [{"to": {"id": request["record_id"]}, "types": kinds}],
        }
        return applied((await self.send("POST", "/crm/v3/objects/notes", body))["id"])
