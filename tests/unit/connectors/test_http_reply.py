"""Answers as the HTTP seam hands them on: bodies, the server's clock, Retry-After."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from seawall.connectors._http import HttpReply
from seawall.connectors._http_dates import parse_http_date
from seawall.core.errors import UnreadableReply


@pytest.mark.case(42)
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty"),
        (b"<html>Down for maintenance</html>", "is no JSON (text/html)"),
        (b'{"id": "50', "is no JSON (text/html)"),
        (b"[" * 100_000, "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
    ],
    ids=["empty", "page", "truncated", "nested", "bytes"],
)
def test_a_body_that_is_no_json_is_unreadable(body: bytes, says: str) -> None:
    reply = HttpReply(200, {"content-type": "text/html; charset=utf-8"}, body)
    with pytest.raises(UnreadableReply) as raised:
        reply.json()
    assert says in raised.value.message
    assert raised.value.evidence == {"status": 200, "content_type": "text/html", "bytes": len(body)}


NOW = 1_800_000_000.0


def test_the_servers_clock_is_read_from_the_date_header() -> None:
    assert HttpReply(200, {"date": formatdate(NOW, usegmt=True)}, b"").date == NOW
    assert HttpReply(200, {}, b"").date is None
    assert parse_http_date("never") is None
