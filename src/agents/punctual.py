"""HTTP connections that must say what they want in time: whoever only holds one open loses it."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WITHIN = 15.0  # seconds from the start of a connection, or of the first byte, to the end of a request's head


class Punctual(H11Protocol):
    """uvicorn's protocol, which by itself waits for the head of a request without end."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._until: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection came: it must make a request soon."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Bytes came. Those that end a head stop the clock; those that only begin one start it."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._stop()
        elif self._until is None and before.response_complete:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._until = self.loop.call_later(HEAD_WITHIN, self.transport.close)

    def _stop(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None
