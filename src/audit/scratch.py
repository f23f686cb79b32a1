"""A place on disk for what a verification must look up again: events by operation, and what checkpoints say."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

from ..core.ledger.checkpointing import Head

# Within one epoch: what begins it, before what ends it.
_BEGIN = ("intent", "claim", "resolve", "presumed", "released", "edited", "refused", "held_again")
_RANKS = dict.fromkeys(_BEGIN, 0) | {"verdict": 1}
_LAST = 9


class Told(NamedTuple):
    """An event, and where it stands."""

    chain: str
    number: int
    at: float
    event: dict[str, Any]

    @property
    def where(self) -> str:
        """The row, in words."""
        return f"audit {self.chain} {self.number}"


class Scratch:
    """Gone when it is closed. Its size is bounded by the disk and not by memory."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("BEGIN")
        self._db.execute("CREATE TABLE events (operation, epoch, rank, chain, number, place, at, event)")
        self._db.execute("CREATE TABLE points (chain, number, hash, checkpoint, at)")

    def close(self) -> None:
        """Throw it away."""
        self._db.close()

    def event(self, chain: str, number: int, place: int, at: float, event: dict[str, Any]) -> None:
        """Keep an event."""
        rank = _RANKS.get(event["kind"], _LAST)
        values = (event.get("operation", ""), event.get("epoch", 0), rank, chain, number, place, at, json.dumps(event))
        self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def point(self, head: Head, checkpoint: int, at: float) -> None:
        """Keep what a checkpoint says of a chain."""
        self._db.execute("INSERT INTO points VALUES (?, ?, ?, ?, ?)", (*head, checkpoint, at))

    def index(self) -> None:
        """All points are there."""
        self._db.execute("CREATE INDEX of_chain ON points (chain, number)")

    def points(self, chain: str) -> list[tuple[int, str, int, float]]:
        """What checkpoints say of one chain: number, hash, checkpoint, and when it was made."""
        query = "SELECT number, hash, checkpoint, at FROM points WHERE chain = ? ORDER BY number, checkpoint"
        return self._db.execute(query, (chain,)).fetchall()

    def chains(self) -> list[str]:
        """The chains that checkpoints name."""
        return [row[0] for row in self._db.execute("SELECT DISTINCT chain FROM points ORDER BY chain")]

    def by_operation(self) -> Iterator[tuple[str, list[Told]]]:
        """The events of each operation in the order in which they took effect; first those of none."""
        rows = self._db.execute(
            "SELECT operation, chain, number, at, event FROM events ORDER BY operation, epoch, rank, number, place"
        )
        for operation, found in groupby(rows, key=lambda row: row[0]):
            yield operation, [Told(row[1], row[2], row[3], json.loads(row[4])) for row in found]
