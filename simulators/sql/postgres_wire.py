"""As much of PostgreSQL's protocol (3.0) as it takes to know which statement a message is for, and its answer.

Source: PostgreSQL documentation, "Frontend/Backend Protocol", sections "Message Flow" and "Message Formats".
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Final

SSL_REQUEST: Final = 80877103
GSSENC_REQUEST: Final = 80877104
CANCEL_REQUEST: Final = 80877102


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the protocol.

    Args:
        kind: Its type byte; empty for the first messages of a client, which have none.
        raw: All its bytes.
    """

    kind: bytes
    raw: bytes

    @property
    def payload(self) -> bytes:
        """What stands behind type and length."""
        return self.raw[len(self.kind) + 4 :]


class Framing:
    """Cuts a stream of bytes into messages, however it arrives.

    Args:
        starts: Whether the stream begins with messages without a type byte, as a client's does.
    """

    def __init__(self, *, starts: bool = False) -> None:
        self.starting = starts
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole now."""
        self._buffer += data
        found: list[Message] = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> Message | None:
        head = 0 if self.starting else 1
        if len(self._buffer) < head + 4:
            return None
        (length,) = struct.unpack_from("!I", self._buffer, head)
        if len(self._buffer) < head + length:
            return None
        raw = bytes(self._buffer[: head + length])
        del self._buffer[: head + length]
        if self.starting:
            (code,) = struct.unpack_from("!I", raw, 4)
            self.starting = code in (SSL_REQUEST, GSSENC_REQUEST)
            return Message(b"", raw)
        return Message(raw[:1], raw)


@dataclass(slots=True)
class Dialogue:
    """Follows a session: which statement each message of the client runs.

    Args:
        prepared: The text of each prepared statement, by name.
        portals: The statement of each portal, by name.
        pending: What was asked for and is not answered yet, oldest first.
    """

    prepared: dict[bytes, str] = field(default_factory=dict)
    portals: dict[bytes, str] = field(default_factory=dict)
    pending: deque[str] = field(default_factory=deque)

    def runs(self, message: Message) -> str | None:
        """The statement that a message of the client runs; None for those that run none."""
        match message.kind:
            case b"Q":
                return message.payload.rstrip(b"\0").decode("utf-8", "replace")
            case b"P":
                name, query = message.payload.split(b"\0", 2)[:2]
                self.prepared[name] = query.decode("utf-8", "replace")
            case b"B":
                portal, statement = message.payload.split(b"\0", 2)[:2]
                self.portals[portal] = self.prepared.get(statement, "")
            case b"E":
                return self.portals.get(message.payload.split(b"\0", 1)[0], "")
        return None


def refusal(code: str, text: str, *, fatal: bool = False) -> bytes:
    """An ErrorResponse.

    Args:
        code: SQLSTATE.
        text: The message.
        fatal: Whether the session ends with it.
    """
    severity = b"FATAL" if fatal else b"ERROR"
    fields = b"S" + severity + b"\0V" + severity + b"\0C" + code.encode() + b"\0M" + text.encode() + b"\0\0"
    return b"E" + struct.pack("!I", len(fields) + 4) + fields


def query(statement: str) -> bytes:
    """A simple Query message."""
    body = statement.encode() + b"\0"
    return b"Q" + struct.pack("!I", len(body) + 4) + body


def ready(status: bytes) -> bytes:
    """ReadyForQuery with a transaction status: `I` idle, `T` in a transaction, `E` in a failed one."""
    return b"Z" + struct.pack("!I", 5) + status
