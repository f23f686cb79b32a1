"""Processes that share breakers and limits, or what looks like them to Redis: several in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from seawall import Sources
from seawall.core.errors import GatewayError
from seawall.core.redaction import Secrets
from seawall.core.settings import SharedSettings, SystemSettings
from seawall.core.shared import Shared, SharedBreaker
from seawall.core.shared.breaker import Told
from seawall.core.system import System

from .toy import Target, ToyAdapter

Send = Callable[[int, float], Awaitable[str]]


@dataclass
class Process:
    """One of them.

    Args:
        shared: What it shares.
        system: The system `crm`, as this process calls it.
    """

    shared: Shared
    system: System

    async def call(self, send: Send, *, deadline: float = 5.0, recovery: bool = False) -> Any:
        until = asyncio.get_running_loop().time() + deadline
        return await self.system.attempt(send, 1, until, recovery=recovery)

    @property
    def state(self) -> str:
        return self.system.breaker.state

    @property
    def breaker(self) -> SharedBreaker:
        assert isinstance(self.system.breaker, SharedBreaker)
        return self.system.breaker

    @property
    def known(self) -> Told:
        """What it knows of the state that all share."""
        assert self.breaker._known is not None
        return self.breaker._known


@asynccontextmanager
async def processes(
    url: str, prefix: str, count: int = 1, *, sharing: Mapping[str, Any] | None = None, **settings: Any
) -> AsyncIterator[list[Process]]:
    """So many, connected; `settings` are the system's."""
    made = []
    for _ in range(count):
        given = Sources()
        shared = Shared(SharedSettings(redis=url, prefix=prefix, **(sharing or {})), given, Secrets())
        adapter = ToyAdapter(Target(given.clock))
        made.append(
            Process(shared, System("crm", adapter, SystemSettings.model_validate(settings), given, None, shared))
        )
    try:
        await asyncio.gather(*(process.shared.open() for process in made))
        yield made
    finally:
        await asyncio.gather(*(process.shared.close() for process in made))


async def until(reached: Callable[[], object], *, within: float = 5.0) -> float:
    """Wait until something is so; returns how long that took, in seconds.

    Raises:
        AssertionError: It is not so in time.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not reached():
        assert loop.time() - began < within, "it did not come about"
        await asyncio.sleep(0.002)
    return loop.time() - began


async def answers(number: int, timeout: float) -> str:
    return "ok"


async def is_down(number: int, timeout: float) -> str:
    raise GatewayError("out of order", code="503")


class Hanging:
    """A wire on which calls hang until they are let go, with what they then come to."""

    def __init__(self) -> None:
        self.arrived = 0
        self._end: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    async def __call__(self, number: int, timeout: float) -> str:
        self.arrived += 1
        failure = await asyncio.shield(self._end)
        if failure is not None:
            raise failure
        return "ok"

    def let_go(self, failure: Exception | None = None) -> None:
        self._end.set_result(failure)
