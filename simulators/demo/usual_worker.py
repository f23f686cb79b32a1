"""The contestants `retry` and `retry_and_breaker`: the usual way, with httpx, tenacity and pybreaker.

What a careful team writes in an afternoon: a timeout, a few retries with jitter on timeouts, broken connections,
5xx and throttling, a new login on 401, and, for the second contestant, a breaker around it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pybreaker
import tenacity

from .lines import Message, serve_jobs

API = "/services/data/v61.0"


class Again(Exception):
    """An answer that is worth another try."""


class Failed(Exception):
    """An answer that is final.

    Args:
        message: What it says.
        refused: Whether the org itself refused it.
    """

    def __init__(self, message: str, *, refused: bool) -> None:
        super().__init__(message)
        self.refused = refused


class UsualWay:
    """A client of the REST API.

    Args:
        facts: URL and credentials.
        breaker: Whether calls go through a breaker.
    """

    def __init__(self, facts: Message, *, breaker: bool) -> None:
        self._facts = facts
        self._client = httpx.AsyncClient(base_url=facts["url"], timeout=1.0)
        self._token: str | None = None
        self._breaker = pybreaker.CircuitBreaker(fail_max=20, reset_timeout=1) if breaker else None

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(4),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
        retry=tenacity.retry_if_exception_type((httpx.TransportError, Again, pybreaker.CircuitBreakerError)),
        reraise=True,
    )
    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """One call, with retries."""
        if self._breaker is None:
            return await self._send(method, path, body)
        with self._breaker.calling():
            return await self._send(method, path, body)

    async def _send(self, method: str, path: str, body: Any) -> Any:
        if self._token is None:
            await self._log_in()
        answer = await self._client.request(
            method, API + path, json=body, headers={"Authorization": f"Bearer {self._token}"}
        )
        if answer.status_code == 401:
            self._token = None
            raise Again("session expired")
        if answer.status_code >= 500 or answer.status_code == 429 or "REQUEST_LIMIT" in answer.text:
            raise Again(f"HTTP {answer.status_code}")
        if "UNABLE_TO_LOCK_ROW" in answer.text and answer.status_code >= 400:
            raise Again("row locked")
        if answer.status_code >= 400:
            raise Failed(answer.text[:200], refused=True)
        if answer.status_code == 204:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise Failed("the answer is not JSON", refused=False) from error

    async def _log_in(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._facts["client_id"],
            "client_secret": self._facts["client_secret"],
        }
        answer = await self._client.post("/services/oauth2/token", data=form)
        if answer.status_code != 200:
            raise Again("login failed")
        self._token = answer.json()["access_token"]

    async def do(self, job: Message) -> Message:
        """One job; an exception is what the agent is told as a failure."""
        try:
            return await self._actions()[job["action"]](job["request"])
        except Exception as error:  # noqa: BLE001 -- the usual way: whatever went wrong, it failed
            sure = isinstance(error, Failed) and error.refused
            return {"word": "rejected", "error": f"{type(error).__name__}: {error}"[:200], "sure": sure}

    def _actions(self) -> dict[str, Callable[[Message], Awaitable[Message]]]:
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
        answer = await self.send("POST", "/sobjects/Case", _case(request))
        return _applied(answer["id"], {"case_id": answer["id"]})

    async def _create_cases(self, request: Message) -> Message:
        records = [{"attributes": {"type": "Case"}, **_case(one)} for one in request["cases"]]
        body = {"allOrNone": request["all_or_none"], "records": records}
        answers = await self.send("POST", "/composite/sobjects", body)
        items = [_applied(one["id"], {}) if one["success"] else {"word": "rejected"} for one in answers]
        return {"word": "partial", "items": items}

    async def _get_case(self, request: Message) -> Message:
        answer = await self.send("GET", f"/sobjects/Case/{request['case_id']}")
        return _applied(answer["Id"], {"version": answer["LastModifiedDate"]})

    async def _update_case(self, request: Message) -> Message:
        await self.send("PATCH", f"/sobjects/Case/{request['case_id']}", {"Description": request["description"]})
        return _applied(request["case_id"], {})

    async def _close_case(self, request: Message) -> Message:
        await self.send("PATCH", f"/sobjects/Case/{request['case_id']}", {"Status": "Closed"})
        return _applied(request["case_id"], {})

    async def _comment(self, request: Message) -> Message:
        body = {"ParentId": request["case_id"], "CommentBody": request["body"]}
        answer = await self.send("POST", "/sobjects/CaseComment", body)
        return _applied(answer["id"], {})

    async def _follow_up(self, request: Message) -> Message:
        body = {"WhatId": request["case_id"], "Subject": request["subject"]}
        answer = await self.send("POST", "/sobjects/Task", body)
        return _applied(answer["id"], {})

    async def _workflow(self, request: Message) -> Message:
        answer = await self.send("POST", f"/actions/custom/flow/{request['flow']}", {"inputs": [request["inputs"]]})
        return _applied(None, {}) if answer[0]["isSuccess"] else {"word": "rejected"}


def _case(request: Message) -> Message:
    return {"Subject": request["subject"], "Priority": request["priority"]}


def _applied(record: str | None, value: Message) -> Message:
    return {"word": "applied", "record": record, "value": value}


async def main(facts: Message, *, breaker: bool) -> None:
    """Do jobs until told to finish. There is nothing to settle: what was told was told."""
    client = UsualWay(facts, breaker=breaker)

    async def nothing() -> Message:
        return {}

    await serve_jobs(client.do, nothing)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[2]), breaker=sys.argv[1] == "retry_and_breaker"))
