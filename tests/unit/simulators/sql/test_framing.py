"""Both protocols are cut into the same messages, however the bytes arrive."""

from __future__ import annotations

import itertools
import struct

from hypothesis import given
from hypothesis import strategies as st

from seawall.simulators.sql import mysql_wire, postgres_wire

TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)


def in_pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[start:end] for start, end in itertools.pairwise(places)]


def parse(name: str, query: str) -> bytes:
    body = name.encode() + b"\0" + query.encode() + b"\0" + struct.pack("!H", 0)
    return b"P" + struct.pack("!I", len(body) + 4) + body


def bind(portal: str, name: str) -> bytes:
    body = portal.encode() + b"\0" + name.encode() + b"\0" + struct.pack("!HHH", 0, 0, 0)
    return b"B" + struct.pack("!I", len(body) + 4) + body


def execute(portal: str) -> bytes:
    body = portal.encode() + b"\0" + struct.pack("!I", 0)
    return b"E" + struct.pack("!I", len(body) + 4) + body


STARTUP = struct.pack("!II", 8, postgres_wire.SSL_REQUEST) + struct.pack("!II", 17, 196608) + b"user\0me\0\0"


@given(st.lists(TEXTS, max_size=5), st.lists(st.integers(0, 10_000), max_size=20))
def test_postgres_statements_are_found_in_any_pieces(texts: list[str], cuts: list[int]) -> None:
    stream = STARTUP + b"".join(postgres_wire.query(text) for text in texts)
    framing, dialogue = postgres_wire.Framing(starts=True), postgres_wire.Dialogue()
    messages = [message for piece in in_pieces(stream, cuts) for message in framing.feed(piece)]
    assert b"".join(message.raw for message in messages) == stream
    assert [found for message in messages if (found := dialogue.runs(message)) is not None] == texts


def test_a_prepared_statement_is_known_by_its_portal() -> None:
    framing, dialogue = postgres_wire.Framing(), postgres_wire.Dialogue()
    stream = (
        parse("s1", "UPDATE t") + bind("p1", "s1") + parse("", "SELECT 1") + bind("", "") + execute("p1") + execute("")
    )
    found = [dialogue.runs(message) for message in framing.feed(stream)]
    assert [text for text in found if text is not None] == ["UPDATE t", "SELECT 1"]


@given(st.lists(TEXTS, max_size=5), st.lists(st.integers(0, 10_000), max_size=20))
def test_mysql_statements_are_found_in_any_pieces(texts: list[str], cuts: list[int]) -> None:
    stream = b"".join(mysql_wire.query(text) for text in texts)
    framing, dialogue = mysql_wire.Framing(), mysql_wire.Dialogue()
    packets = [packet for piece in in_pieces(stream, cuts) for packet in framing.feed(piece)]
    assert b"".join(packet.raw for packet in packets) == stream
    assert [dialogue.runs(packet) for packet in packets] == texts


def test_a_packet_of_more_than_16_megabytes_is_one() -> None:
    body = b"\x03" + b"x" * (0xFFFFFF + 10)
    stream = mysql_wire.packet(0, body[:0xFFFFFF]) + mysql_wire.packet(1, body[0xFFFFFF:])
    (packet,) = mysql_wire.Framing().feed(stream)
    assert (len(packet.payload), packet.raw == stream) == (len(body), True)


OK = b"\0\0\0\x02\0\0\0"
MORE = b"\0\0\0\x0a\0\0\0"
EOF = b"\xfe\0\0\x02\0"
EOF_MORE = b"\xfe\0\0\x0a\0"


def ends_with(*payloads: bytes, preparing: bool = False) -> bool:
    """Whether the answer is whole with the last of these packets, and not before."""
    answer = mysql_wire.Answer(preparing=preparing)
    told = [answer.whole(mysql_wire.Packet(n, payload, b"")) for n, payload in enumerate(payloads)]
    return told == [False] * (len(payloads) - 1) + [True]


def test_a_mysql_answer_is_whole_with_its_last_packet() -> None:
    assert ends_with(OK)
    assert ends_with(b"\xff\x15\x04#28000no")
    assert ends_with(b"\x01", b"\x03def", EOF, b"\x011", b"\x012", EOF)
    assert ends_with(MORE, OK)
    assert ends_with(b"\x01", b"\x03def", EOF, b"\x011", EOF_MORE, OK)
    assert ends_with(b"\x01", b"\x03def", EOF, b"\xff\x15\x04#70100too slow")
    prepared = b"\0" + struct.pack("<IHH", 7, 1, 2)
    assert ends_with(prepared, b"\x03def", b"\x03def", EOF, b"\x03def", EOF, preparing=True)
    assert ends_with(b"\0" + struct.pack("<IHH", 7, 0, 0), preparing=True)


def test_capabilities_are_taken_out_of_a_greeting_and_the_rest_stays() -> None:
    flags = 0x81FFF7FF
    head = b"\x0a10.11\0" + struct.pack("<I", 5) + b"12345678\0"
    tail = b"\x15" + b"\0" * 10 + b"123456789012\0"
    greeting = head + struct.pack("<HBHH", flags & 0xFFFF, 33, 2, flags >> 16) + tail
    changed = mysql_wire.without(greeting, mysql_wire.CLIENT_DEPRECATE_EOF | mysql_wire.CLIENT_COMPRESS)
    low, _, _, high = struct.unpack_from("<HBHH", changed, len(head))
    left = low | high << 16
    assert left == flags & ~mysql_wire.CLIENT_DEPRECATE_EOF & ~mysql_wire.CLIENT_COMPRESS
    assert (changed[: len(head)], changed[len(head) + 7 :]) == (head, tail)
