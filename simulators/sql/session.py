"""One client's connection through the proxy: statements are seen, faults befall them, everything else passes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..faults import Fault
from . import mysql_wire, postgres_wire
from .errors import MYSQL, POSTGRES, ROLLED_BACK

if TYPE_CHECKING:
    from .proxy import WireProxy

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_CHUNK: Final = 65_536


class Session(ABC):
    """A client's connection and its own one to the server.

    Args:
        proxy: Chooses the faults.
        client: The client.
        server: The server.
    """

    def __init__(self, proxy: WireProxy, client: Streams, server: Streams) -> None:
        self.proxy = proxy
        self.client_reader, self.client = client
        self.server_reader, self.server = server
        self.idle = True
        self._captured = bytearray()
        self._fault: Fault | None = None
        self._swallowing: asyncio.Future[None] | None = None
        self._keep_server = False
        self._ended = asyncio.Event()

    # What a protocol says for itself ----------------------------------------------------------------------------

    @abstractmethod
    async def from_client(self, data: bytes) -> None:
        """Take in bytes of the client."""

    @abstractmethod
    def answered(self, data: bytes) -> bool:
        """Take in bytes of the server; whether an answer is whole with them."""

    @abstractmethod
    async def refuse(self, error: str) -> None:
        """Answer the statement with an error of the database."""

    @abstractmethod
    def in_place_of(self, answer: bytes, error: str) -> bytes:
        """What says an error of the database in place of a whole answer of the server's."""

    @abstractmethod
    def statement(self, text: str) -> bytes:
        """A statement of our own, as a message."""

    @abstractmethod
    def transaction_over(self) -> None:
        """The transaction is over for the client too, whatever it is told."""

    # The same for all -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Carry bytes both ways until one side goes, or a fault ends it."""
        pumps = [asyncio.create_task(self._pump_client()), asyncio.create_task(self._pump_server())]
        ended = asyncio.create_task(self._ended.wait())
        await asyncio.wait([*pumps, ended], return_when=asyncio.FIRST_COMPLETED)
        for task in (*pumps, ended):
            if not (self._keep_server and task is pumps[1]):
                task.cancel()
        self.client.transport.abort()
        if self._keep_server:
            await asyncio.wait([pumps[1]])
        self.server.transport.abort()
        await asyncio.gather(*pumps, ended, return_exceptions=True)

    def cut(self) -> None:
        """Break the client's connection off, so that it sees a reset."""
        raw: Any = self.client.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.transport.abort()
        self._ended.set()

    async def befall(self, text: str, raw: bytes, rest: bytes = b"") -> bool:
        """Send a statement on, under at most one fault.

        Args:
            text: The statement.
            raw: The message that runs it.
            rest: What must follow it, so that the server answers even if the client sends no more.

        Returns:
            False if the statement was answered here and never sent.
        """
        self.idle = False
        fault = self.proxy.select(text)
        if fault is None:
            self.server.write(raw)
            return True
        if fault.kind == "late_commit":
            await self._late(fault, raw + rest)
        elif fault.kind == "sql_error" and fault.point != "after_commit":
            if fault.param("error") in ROLLED_BACK or isinstance(self, PostgresSession):
                await self.ours("ROLLBACK")
            if fault.point == "before_commit":
                self.transaction_over()
            await self.refuse(fault.param("error"))
            if fault.param("error") == "killed_session":
                await self._leave()
            return False
        elif fault.point == "before_commit":
            await self.ours("ROLLBACK")
            await self._before(fault, raw)
        elif fault.point in ("send", "apply", "before_commit"):
            await self._before(fault, raw)
        else:
            self._fault = fault
            self._captured.clear()
            self.server.write(raw)
        return True

    async def ours(self, text: str) -> None:
        """Run a statement of our own, whose answer the client does not see."""
        self._swallowing = asyncio.get_running_loop().create_future()
        self.server.write(self.statement(text))
        await self._swallowing
        self._swallowing = None

    async def _before(self, fault: Fault, raw: bytes) -> None:
        if fault.kind in ("hang", "slow"):
            await self._wait(fault.param("seconds"))
        if fault.kind == "slow":
            self.server.write(raw)
        else:
            self.cut()

    async def _after(self, fault: Fault) -> None:
        answer = bytes(self._captured)
        if fault.kind in ("hang", "slow"):
            await self._wait(fault.param("seconds"))
        if fault.kind == "slow":
            self.client.write(answer)
            return
        if fault.kind == "sql_error":
            self.client.write(self.in_place_of(answer, fault.param("error")))
            await self.client.drain()
            self.idle = True
            return
        if fault.kind == "truncate":
            self.client.write(answer[: int(len(answer) * fault.param("fraction"))])
            await self._leave()
            return
        self.cut()

    async def _leave(self) -> None:
        """Close the connection in order, after what was written so far."""
        with contextlib.suppress(ConnectionError):
            await self.client.drain()
        self.client.close()
        self._ended.set()

    async def _late(self, fault: Fault, raw: bytes) -> None:
        """The client is cut off, or left to wait; the server sees the statement later all the same."""
        self.proxy.outstanding += 1
        self._keep_server = True
        if fault.param("reply") != "hang":
            self.cut()
        try:
            await asyncio.shield(asyncio.ensure_future(self._send_late(fault.param("delay"), raw)))
        finally:
            self.cut()

    async def _send_late(self, delay: float, raw: bytes) -> None:
        try:
            await asyncio.sleep(delay)
            self._swallowing = asyncio.get_running_loop().create_future()
            self.server.write(raw)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(10):
                    await self._swallowing
        finally:
            self.proxy.outstanding -= 1
            self.server.transport.abort()

    async def _wait(self, seconds: float) -> None:
        """Wait, but no longer than the client does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.client_reader.at_eof() and not self.client.is_closing():  # noqa: ASYNC110 -- no event
                    await asyncio.sleep(0.01)

    async def _pump_client(self) -> None:
        while data := await self.client_reader.read(_CHUNK):
            await self.from_client(data)
            await self.server.drain()

    async def _pump_server(self) -> None:
        while data := await self.server_reader.read(_CHUNK):
            whole = self.answered(data)
            if self._swallowing is not None:
                if whole and not self._swallowing.done():
                    self._swallowing.set_result(None)
                continue
            if self._fault is None:
                self.client.write(data)
                await self.client.drain()
                self.idle = self.idle or whole
                continue
            self._captured += data
            if whole:
                fault, self._fault = self._fault, None
                await self._after(fault)


class PostgresSession(Session):
    """A session of PostgreSQL's protocol."""

    def __init__(self, proxy: WireProxy, client: Streams, server: Streams) -> None:
        super().__init__(proxy, client, server)
        self._asked = postgres_wire.Framing(starts=True)
        self._told = postgres_wire.Framing()
        self._dialogue = postgres_wire.Dialogue()
        self._status = b"I"
        self._skipping = False

    async def from_client(self, data: bytes) -> None:
        """Pass messages on; encryption is declined, so that what follows can be read."""
        for message in self._asked.feed(data):
            if message.kind == b"" and self._asked.starting:
                self.client.write(b"N")
            elif self._skipping:
                if message.kind == b"S":  # after an error the server skips to the next Sync, and so do we
                    self._skipping = False
                    self.client.write(postgres_wire.ready(b"E" if self._status == b"T" else self._status))
            elif (text := self._dialogue.runs(message)) is None:
                self.server.write(message.raw)
            else:
                self._simple = message.kind == b"Q"
                await self.befall(text, message.raw, b"" if self._simple else b"S\0\0\0\4")

    def answered(self, data: bytes) -> bool:
        """ReadyForQuery ends an answer."""
        ready = [message for message in self._told.feed(data) if message.kind == b"Z"]
        if ready and self._swallowing is None:
            self._status = ready[-1].payload
        return bool(ready)

    async def refuse(self, error: str) -> None:
        """ErrorResponse; the transaction is a failed one for the client, which then rolls it back."""
        self.client.write(postgres_wire.refusal(*POSTGRES[error], fatal=error == "killed_session"))
        if self._simple:
            self.client.write(postgres_wire.ready(b"E" if self._status == b"T" else self._status))
        else:
            self._skipping = True

    def in_place_of(self, answer: bytes, error: str) -> bytes:  # noqa: ARG002 -- it is the same for all
        """ErrorResponse and ReadyForQuery, outside of any transaction."""
        return postgres_wire.refusal(*POSTGRES[error]) + postgres_wire.ready(b"I")

    def transaction_over(self) -> None:
        """Told with the next ReadyForQuery."""
        self._status = b"I"

    def statement(self, text: str) -> bytes:
        """A simple query."""
        return postgres_wire.query(text)


class MySqlSession(Session):
    """A session of MySQL's protocol."""

    def __init__(self, proxy: WireProxy, client: Streams, server: Streams) -> None:
        super().__init__(proxy, client, server)
        self._asked = mysql_wire.Framing()
        self._told = mysql_wire.Framing()
        self._dialogue = mysql_wire.Dialogue()
        self._answer = mysql_wire.Answer()
        self._greeted = False
        self._logged_in = False

    async def from_client(self, data: bytes) -> None:
        """Pass packets on."""
        for packet in self._asked.feed(data):
            text = self._dialogue.runs(packet) if self._logged_in else None
            if self._logged_in and packet.number == 0:
                self._answer = mysql_wire.Answer(preparing=packet.payload[:1] == bytes((mysql_wire.COM_STMT_PREPARE,)))
            if text is None:
                self.server.write(packet.raw)
            else:
                await self.befall(text, packet.raw)

    def answered(self, data: bytes) -> bool:
        """An answer ends as its kind has it; see `mysql_wire.Answer`."""
        whole = False
        for packet in self._told.feed(data):
            if not self._logged_in:
                self._logged_in = packet.number > 1 and packet.payload[:1] == b"\0"
                whole = self._logged_in
                continue
            if self._answer.preparing:
                self._dialogue.prepared_as(packet)
            whole = self._answer.whole(packet)
        return whole

    async def refuse(self, error: str) -> None:
        """An ERR packet."""
        self.client.write(mysql_wire.refusal(1, *MYSQL[error]))

    def transaction_over(self) -> None:
        """The protocol does not say so with an error."""

    def in_place_of(self, answer: bytes, error: str) -> bytes:
        """An ERR packet with the answer's number."""
        return mysql_wire.refusal(answer[3], *MYSQL[error])

    def statement(self, text: str) -> bytes:
        """A query command."""
        self._answer = mysql_wire.Answer()
        return mysql_wire.query(text)

    async def _pump_server(self) -> None:
        # The greeting comes first; without these capabilities the rest of the session stays readable.
        greeting = mysql_wire.Framing()
        while not self._greeted:
            for packet in greeting.feed(await self.server_reader.read(_CHUNK)):
                flags = mysql_wire.CLIENT_SSL | mysql_wire.CLIENT_COMPRESS | mysql_wire.CLIENT_DEPRECATE_EOF
                self.client.write(mysql_wire.packet(packet.number, mysql_wire.without(packet.payload, flags)))
                self._greeted = True
        await super()._pump_server()
