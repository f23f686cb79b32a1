"""Adapters that are broken: by the clock, by what they share, by what others change."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from pydantic import Field, create_model

from seawall.connectors.salesforce import models
from seawall.core.adapter import Absent, Action, Attempt, Finding, Present, Sent

from .planted import Passing


class KeyOfTheDay(Passing):
    """Makes a key of its own each day."""

    def keyed(self, attempt: Attempt) -> Attempt:
        return replace(attempt, key=f"{attempt.key[:-5]}{int(self.around.sources.clock.now() // 86_400)}")

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        return await self.inner.send(action, self.keyed(attempt))

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        return await self.inner.probe(action, self.keyed(attempt))


class IdentityOfTheSecond(Passing):
    """Counts when it was asked among what makes two requests the same."""

    @cached_property
    def timed(self) -> Action:
        now = Field(default_factory=lambda: self.around.sources.clock.now())
        request = create_model("CreateCaseNow", __base__=models.CreateCase, asked_at=(float, now))
        return replace(self.inner.actions["create_case"], request=request, identity=("reference", "asked_at"))

    @property
    def actions(self) -> Mapping[str, Action]:
        return {**self.inner.actions, "create_case": self.timed}


class OwnClock(Passing):
    """Asks the machine what time it is."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        self.began = time.monotonic()
        return await self.inner.send(action, attempt)


class OwnIds(Passing):
    """Draws an id by itself, and writes it nowhere."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        self.trace = uuid.uuid4()
        return await self.inner.probe(action, attempt)


class SharedRequest(Passing):
    """Keeps on itself what it is about to send."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        self.current = attempt
        await asyncio.sleep(0)
        return await self.inner.send(action, self.current if action.name == "create_case" else attempt)


class SharedAnswer(Passing):
    """Keeps on itself what it was answered last."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        sent = await self.inner.send(action, attempt)
        self.last = sent
        if action.name not in ("create_case", "get_case"):
            return sent
        await asyncio.sleep(0)
        return self.last


class SharedProbe(Passing):
    """Keeps on itself what it looks for."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        self.sought = attempt
        await asyncio.sleep(0)
        return await self.inner.probe(action, self.sought if action.name == "create_case" else attempt)


class SharedAcrossActions(Passing):
    """Keeps the record that it works on for all of its actions together."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        if "case_id" not in type(attempt.request).model_fields:
            return await self.inner.send(action, attempt)
        self.case_id = attempt.request.model_dump()["case_id"]
        await asyncio.sleep(0)
        request = attempt.request.model_copy(update={"case_id": self.case_id})
        return await self.inner.send(action, replace(attempt, request=request))


class LastWriterWins(Passing):
    """Sends with the version that is there now, whatever the caller saw."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        if action.name != "update_case":
            return await self.inner.send(action, attempt)
        request = attempt.request.model_dump()
        reading = replace(attempt, request=models.GetCase(case_id=request["case_id"]))
        now = await self.inner.send(self.inner.actions["get_case"], reading)
        seen = attempt.request.model_copy(update={"version": now.value.version})
        return await self.inner.send(action, replace(attempt, request=seen))


class TakesTheirs(Passing):
    """Takes a case that others changed as it was to be changed for its own work."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        found = await self.inner.probe(action, attempt)
        if action.name != "update_case" or not isinstance(found, Absent):
            return found
        request = attempt.request.model_dump()
        reading = replace(attempt, request=models.GetCase(case_id=request["case_id"]))
        now = await self.inner.send(self.inner.actions["get_case"], reading)
        if now.value.subject != request["subject"]:
            return found
        return Present(models.CaseUpdated(case_id=request["case_id"]), request["case_id"])


class GoneIsAbsent(Passing):
    """Takes content that others wrote over its own for a proof that it never wrote."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        found = await self.inner.probe(action, attempt)
        return Absent() if isinstance(found, Present) and found.differs else found
