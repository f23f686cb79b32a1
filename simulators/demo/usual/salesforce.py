"""Salesforce in the usual way."""

from __future__ import annotations

import httpx

from ..lines import Message
from .calling import Again, Do, RestApi, applied, token_of

API = "/services/data/v61.0"


class Salesforce(RestApi):
    """A client of the REST API.

    Args:
        facts: URL and credentials.
        breaker: Whether calls go through a breaker.
    """

    def __init__(self, facts: Message, *, breaker: bool) -> None:
        super().__init__(facts["url"], breaker=breaker)
        self._facts = facts

    async def log_in(self) -> str:
        """Log in with the app's own user."""
        names = ("client_id", "client_secret")
        form = {"grant_type": "client_credentials", **{name: self._facts[name] for name in names}}
        return await token_of(self.http, "/services/oauth2/token", form)

    def problem(self, answer: httpx.Response) -> Exception | None:
        """A limit that is a 403 here, and locks."""
        if answer.status_code < 400:
            return None
        if "REQUEST_LIMIT" in answer.text:
            return Again("throttled")
        return Again("row locked") if "UNABLE_TO_LOCK_ROW" in answer.text else None

    def actions(self) -> dict[str, Do]:
        """What it can do."""
        return {
            "create_case": self._create_case,
            "create_cases": self._create_cases,
            "get_case": self._get_case,
            "update_case": self._update_case,
            "close_case": self._close_case,
            "add_case_comment": self._comment,
            "create_follow_up": self._follow_up,
            "trigger_workflow": self._workflow,
        }

    async def _create_case(self, request: Message) -> Message:
        answer = await self.send("POST", f"{API}/sobjects/Case", _case(request))
        return applied(answer["id"], {"case_id": answer["id"]})

    async def _create_cases(self, request: Message) -> Message:
        records = [{"attributes": {"type": "Case"}, **_case(one)} for one in request["cases"]]
        body = {"allOrNone": request["all_or_none"], "records": records}
        answers = await self.send("POST", f"{API}/composite/sobjects", body)
        items = [applied(one["id"]) if one["success"] else {"word": "rejected"} for one in answers]
        return {"word": "partial", "items": items}

    async def _get_case(self, request: Message) -> Message:
        answer = await self.send("GET", f"{API}/sobjects/Case/{request['case_id']}")
        return applied(answer["Id"], {"version": answer["LastModifiedDate"]})

    async def _update_case(self, request: Message) -> Message:
        fields = {"Description": request["description"]}
        await self.send("PATCH", f"{API}/sobjects/Case/{request['case_id']}", fields)
        return applied(request["case_id"])

    async def _close_case(self, request: Message) -> Message:
        await self.send("PATCH", f"{API}/sobjects/Case/{request['case_id']}", {"Status": "Closed"})
        return applied(request["case_id"])

    async def _comment(self, request: Message) -> Message:
        body = {"ParentId": request["case_id"], "CommentBody": request["body"]}
        return applied((await self.send("POST", f"{API}/sobjects/CaseComment", body))["id"])

    async def _follow_up(self, request: Message) -> Message:
        body = {"WhatId": request["case_id"], "Subject": request["subject"]}
        return applied((await self.send("POST", f"{API}/sobjects/Task", body))["id"])

    async def _workflow(self, request: Message) -> Message:
        body = {"inputs": [request["inputs"]]}
        answer = await self.send("POST", f"{API}/actions/custom/flow/{request['flow']}", body)
        return applied(None) if answer[0]["isSuccess"] else {"word": "rejected"}


def _case(request: Message) -> Message:
    return {"Subject": request["subject"], "Priority": request["priority"]}
