"""Hearing from other processes what they change, so that nobody has to ask again and again.

What is heard is only a hint: who waits asks again after a while in any case.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql

from ...clock import Clock
from ...errors import LedgerUnavailable
from ..changes import Changes
from ..statements import Statement
from .address import Address
from .line import Line

_log = logging.getLogger("seawall.ledger")

CHANNEL = "seawall_ledger_changes"
ANNOUNCE = Statement("SELECT pg_notify(%s, id) FROM unnest(%s::TEXT[]) AS id", ("channel", "ids"), {"channel": CHANNEL})


class Listening:
    """Hears on a connection of its own, from the first time that somebody waits.

    Args:
        address: The server.
        clock: For the pauses while it is away.
        changes: Told what is heard.
    """

    def __init__(self, address: Address, clock: Clock, changes: Changes) -> None:
        self._line = Line(address, clock)
        self._changes = changes
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen from now on."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name="seawall ledger changes")

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._line.drop()

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear(await self._line.get())
            except (LedgerUnavailable, psycopg.Error, OSError) as error:
                _log.debug("changes by other processes are not heard for now: %s", error)
                await self._line.drop()
            await self._line.wait()

    async def _hear(self, connection: AsyncConnection[Any]) -> None:
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
        self._changes.tell_all()  # what changed before this moment was not heard
        async for heard in connection.notifies():
            self._changes.tell([heard.payload])
