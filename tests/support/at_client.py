"""Agents whose client can ask a person, in both eras of the protocol, and the person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp import Client
from mcp_types import ElicitResult

from seawall import Seawall
from seawall.agents.desk import Desk, Grant
from seawall.agents.mcp_server import make_server

from .refunds import ADA, EVE, READS, rule

Mode = Literal["auto", "legacy"]

ASKS = [rule(elicit=True), READS]
"""A policy that asks support leads about refunds, at the client, too."""

TOOL, REFUND = "desk__refund", {"order": "o-1", "amount": 90}


@dataclass
class Person:
    """Somebody at a client: what they are asked, and what they answer."""

    action: Literal["accept", "decline", "cancel"] = "accept"
    content: dict[str, Any] = field(default_factory=lambda: {"decision": "approve"})
    asked: list[str] = field(default_factory=list)
    schemas: list[dict[str, Any]] = field(default_factory=list)
    meanwhile: Callable[[], Any] | None = None
    """What happens while they look at the form."""

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        self.schemas.append(params.requested_schema)
        if self.meanwhile is not None:
            await self.meanwhile()
        return ElicitResult(action=self.action, content=self.content if self.action == "accept" else None)


@asynccontextmanager
async def at_client(
    wall: Seawall, answers: Person | None, mode: Mode, *, person: str | None = EVE, principal: str = ADA
) -> AsyncIterator[Client]:
    """The SDK's own client, in this process; without `answers` it declares no elicitation."""
    grant = Grant(principal, person=person)
    server = make_server(Desk(wall), lambda _request: grant)
    async with Client(server, mode=mode, elicitation_callback=answers) as agent:
        yield agent


async def votes(wall: Seawall) -> list[tuple[str, str, str]]:
    """Who said what, of all approvals."""
    return [(vote.by, vote.vote, vote.message) for one in await wall.approvals.find() for vote in one.votes]


async def forever() -> None:
    """Somebody who never looks."""
    await asyncio.Event().wait()
