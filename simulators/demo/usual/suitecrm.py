"""SuiteCRM in the usual way, over its v8 API."""

from __future__ import annotations

from ..lines import Message
from .calling import Do, RestApi, applied, token_of


class SuiteCrm(RestApi):
    """A client of the v8 API.

    Args:
        facts: URL and credentials.
        breaker: Whether calls go through a breaker.
    """

    def __init__(self, facts: Message, *, breaker: bool) -> None:
        super().__init__(facts["url"], breaker=breaker)
        self._facts = facts

    async def log_in(self) -> str:
        """Log in as the client itself."""
        names = ("client_id", "client_secret")
        form = {"grant_type": "client_credentials", **{name: self._facts[name] for name in names}}
        return await token_of(self.http, "/Api/access_token", form)

    def actions(self) -> dict[str, Do]:
        """What it can do."""
        return {"get_case": self._get_case, "add_note": self._add_note}

    async def _get_case(self, request: Message) -> Message:
        answer = await self.send("GET", f"/Api/V8/module/Cases/{request['case_id']}")
        return applied(request["case_id"], {"version": answer["data"]["attributes"]["date_modified"]})

    async def _add_note(self, request: Message) -> Message:
        attributes = {
            "name": request["subject"],
            "description": request["body"],
            "parent_type": "Cases",
            "parent_id": request["case_id"],
        }
        body = {"data": {"type": "Notes", "attributes": attributes}}
        return applied((await self.send("POST", "/Api/V8/module", body))["data"]["id"])
