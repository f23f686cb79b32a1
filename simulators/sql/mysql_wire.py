"""As much of MySQL's protocol as it takes to know which statement a packet is for, and when it was answered.

Source: MySQL documentation, "Client/Server Protocol": packets, the connection phase, command phase; MariaDB's is the
same as far as it is used here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

COM_QUIT, COM_QUERY, COM_STMT_PREPARE, COM_STMT_EXECUTE = 0x01, 0x03, 0x16, 0x17

CLIENT_COMPRESS: Final = 0x20
CLIENT_SSL: Final = 0x800
CLIENT_DEPRECATE_EOF: Final = 0x1000000
SERVER_MORE_RESULTS: Final = 0x0008
_LONGEST: Final = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, joined if it was split.

    Args:
        number: Its sequence number; of the last part, if it was split.
        payload: Its content.
        raw: All its bytes as they came.
    """

    number: int
    payload: bytes
    raw: bytes


class Framing:
    """Cuts a stream of bytes into packets, however it arrives."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that are whole now."""
        self._buffer += data
        found: list[Packet] = []
        while (packet := self._next()) is not None:
            found.append(packet)
        return found

    def _next(self) -> Packet | None:
        place, payload = 0, b""
        while len(self._buffer) >= place + 4:
            length = int.from_bytes(self._buffer[place : place + 3], "little")
            number = self._buffer[place + 3]
            end = place + 4 + length
            if len(self._buffer) < end:
                return None
            payload += bytes(self._buffer[place + 4 : end])
            place = end
            if length < _LONGEST:
                raw = bytes(self._buffer[:place])
                del self._buffer[:place]
                return Packet(number, payload, raw)
        return None


@dataclass(slots=True)
class Dialogue:
    """Follows a session: which statement each command runs.

    Args:
        prepared: The text of each prepared statement, by its number.
        preparing: The text of the statement that is being prepared.
    """

    prepared: dict[int, str] = field(default_factory=dict)
    preparing: str | None = None

    def runs(self, packet: Packet) -> str | None:
        """The statement that a packet of the client runs; None for those that run none."""
        if packet.number != 0 or not packet.payload:
            return None
        command, body = packet.payload[0], packet.payload[1:]
        if command == COM_QUERY:
            return body.decode("utf-8", "replace")
        if command == COM_STMT_PREPARE:
            self.preparing = body.decode("utf-8", "replace")
        elif command == COM_STMT_EXECUTE:
            return self.prepared.get(int.from_bytes(body[:4], "little"), "")
        return None

    def prepared_as(self, packet: Packet) -> None:
        """Take in the first packet of the answer to a preparation."""
        if self.preparing is not None and packet.payload[:1] == b"\0":
            self.prepared[int.from_bytes(packet.payload[1:5], "little")] = self.preparing
        self.preparing = None


@dataclass(slots=True)
class Answer:
    """Follows the packets of one answer until it is whole. The session has EOF packets: see `without`.

    Args:
        preparing: Whether it answers a preparation.
    """

    preparing: bool = False
    _left: int | None = None

    def whole(self, packet: Packet) -> bool:
        """Whether the answer is whole with this packet."""
        first = packet.payload[:1]
        if first == b"\xff":
            return True
        if self._left is None:
            if first != b"\0":
                self._left = 2  # columns, then rows; each ends in an EOF packet
                return False
            if not self.preparing:
                return not _more_results(packet.payload)
            columns, parameters = struct.unpack_from("<HH", packet.payload, 5)
            self._left = (columns > 0) + (parameters > 0)
            return self._left == 0
        if first != b"\xfe" or len(packet.payload) >= 9:
            return False
        self._left -= 1
        if self._left:
            return False
        if struct.unpack_from("<H", packet.payload, 3)[0] & SERVER_MORE_RESULTS:
            self._left = None
            return False
        return True


def _more_results(payload: bytes) -> bool:
    place = 1
    for _ in range(2):  # affected rows, last insert id
        place += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(payload[place], 1)
    return bool(struct.unpack_from("<H", payload, place)[0] & SERVER_MORE_RESULTS)


def packet(number: int, payload: bytes) -> bytes:
    """A packet on the wire."""
    return len(payload).to_bytes(3, "little") + bytes((number & 0xFF,)) + payload


def refusal(number: int, code: int, state: str, text: str) -> bytes:
    """An ERR packet: the server's error number, SQLSTATE and message."""
    return packet(number, b"\xff" + struct.pack("<H", code) + b"#" + state.encode() + text.encode())


def query(statement: str) -> bytes:
    """A COM_QUERY packet."""
    return packet(0, bytes((COM_QUERY,)) + statement.encode())


def without(greeting: bytes, flags: int) -> bytes:
    """The server's greeting without some of its capabilities, so that the rest of the session stays readable.

    Args:
        greeting: The payload of the first packet, protocol version 10.
        flags: Capability flags to take away.
    """
    end = greeting.index(b"\0", 1)
    low = end + 1 + 4 + 8 + 1
    changed = bytearray(greeting)
    lower = struct.unpack_from("<H", changed, low)[0] & ~(flags & 0xFFFF)
    struct.pack_into("<H", changed, low, lower & 0xFFFF)
    if len(changed) >= low + 7:
        upper = struct.unpack_from("<H", changed, low + 5)[0] & ~(flags >> 16)
        struct.pack_into("<H", changed, low + 5, upper & 0xFFFF)
    return bytes(changed)
