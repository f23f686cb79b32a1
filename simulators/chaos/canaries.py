"""Canaries: configured secrets, how they may be written, and the rows of a ledger that hold one."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import closing
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

from .entries import Stored
from .history import line_of


def canary_forms(canaries: Sequence[str]) -> frozenset[str]:
    """How canaries look in a line of JSON: as they are, and as JSON, a URL, HTML or base64 may hold them."""
    return frozenset(form for canary in canaries if canary for form in _forms(canary))


def stored_canaries(ledger: Path, canaries: Sequence[str], at: float) -> Iterator[Stored]:
    """The rows of a ledger in which a canary is.

    Args:
        ledger: Its SQLite file.
        canaries: The canaries.
        at: The time, in seconds.
    """
    if not (forms := canary_forms(canaries)):
        return
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA query_only = ON")
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 -- its own name
                entry = Stored(at, table, "\n".join(map(_text, row)))
                line = line_of(entry)
                if any(form in line for form in forms):
                    yield entry


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _forms(canary: str) -> Iterator[str]:
    encoded = canary.encode()
    written = (canary, quote(canary, safe=""), quote_plus(canary), escape(canary), repr(canary)[1:-1])
    for one in (*written, json.dumps(canary)[1:-1], json.dumps(canary, ensure_ascii=False)[1:-1]):
        yield json.dumps(one, ensure_ascii=False)[1:-1]
    yield b64encode(encoded).decode().rstrip("=")
