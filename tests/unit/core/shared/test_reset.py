"""A person resets a breaker that processes share through Redis: closed for all of them, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from support.redis_server import RedisServer
from support.sharing import Process, processes

from seawall.core.clock import Sources
from seawall.core.ledger import Ledger
from seawall.core.overrides import Overrides, in_force_now
from seawall.core.redaction import Secrets
from seawall.core.settings import LedgerSettings


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5.0):
        while not true():
            await asyncio.sleep(0.01)


async def acting(stack: AsyncExitStack, process: Process, folder: Path) -> Overrides:
    """What a wall does around a process: it goes by the ledger, and looks again and again."""
    ledger = await Ledger.open(LedgerSettings(path=str(folder / "ledger.db")), Sources(), heartbeat=False)
    stack.push_async_callback(ledger.close)
    in_force = await in_force_now({"crm": process.system}, ledger, Sources(), 0.05)
    looking = asyncio.create_task(in_force.run())
    stack.callback(looking.cancel)
    return Overrides(in_force, ledger, ["crm"], Sources(), Secrets())


async def test_reset_closes_a_shared_breaker_for_every_process_and_only_once(
    redis: RedisServer, prefix: str, tmp_path: Path
) -> None:
    async with (
        processes(redis.url, prefix, 2, breaker={"reset_after": 60.0}) as (one, other),
        AsyncExitStack() as stack,
    ):
        acts = await acting(stack, one, tmp_path)
        await acting(stack, other, tmp_path)
        one.breaker.trip("failed")
        await until(lambda: other.state == "open" and other.known.state == "open")
        await acts.reset("crm", by="ann", reason="well again")
        await until(lambda: one.known.state == other.known.state == "closed")
        await asyncio.sleep(0.3)  # several looks of both
        assert (one.state, other.state) == ("closed", "closed")
        other.breaker.trip("failed again")
        await until(lambda: one.known.state == "open")
        await asyncio.sleep(0.3)
        assert (one.state, other.state) == ("open", "open"), "an old reset closes nothing"
