"""A connection that comes back after it was lost, with growing pauses while the server is away."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection

from ...clock import Clock
from ...errors import LedgerUnavailable
from .address import Address, is_lost

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds between two tries to reach a server that is away


class Line:
    """One connection of our own.

    Args:
        address: The server.
        clock: For the pauses.
        connection: The first one, if it is open already.
    """

    def __init__(self, address: Address, clock: Clock, connection: AsyncConnection[Any] | None = None) -> None:
        self.address = address
        self._clock = clock
        self._connection = connection
        self._pause = _FIRST_PAUSE
        self._try_at = 0.0  # monotonic
        self._why = ""

    async def get(self) -> AsyncConnection[Any]:
        """The connection, opened again if it was lost.

        Raises:
            LedgerUnavailable: The server cannot be reached, or could not a moment ago.
        """
        if self._connection is not None and not is_lost(self._connection):
            return self._connection
        await self.drop()
        if self._clock.monotonic() < self._try_at:
            raise LedgerUnavailable(self._why, code="ledger")
        try:
            self._connection = await self.address.connect()
        except LedgerUnavailable as error:
            self._why = error.message
            self._try_at = self._clock.monotonic() + self._pause
            self._pause = min(_LONGEST_PAUSE, self._pause * 2)
            raise
        self._pause = _FIRST_PAUSE
        return self._connection

    async def wait(self) -> None:
        """Until it is worth trying again."""
        await self._clock.sleep(max(0.0, self._try_at - self._clock.monotonic()))

    async def drop(self) -> None:
        """Close it; the next one who needs it opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()


class Watch:
    """Cuts a connection on which something takes too long: a server that hangs would be waited for for ever.

    A cancellation would not do: the driver answers it by asking the server to cancel, and waits for that.

    Args:
        connection: The connection.
        seconds: How long is too long.
    """

    def __init__(self, connection: AsyncConnection[Any], seconds: float) -> None:
        self.cut = False
        self._connection = connection
        self._seconds = seconds

    def __enter__(self) -> Self:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._cut)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        self.cut = True
        with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
