"""The audit: what a transaction does is told in the same transaction, as one row of a hash chain.

A job calls `db.audit(kind, operation_id, **facts)` for everything that it does. Facts are JSON scalars and are kept as
they are, for ever: no personal data, no secrets. What may be personal goes through `db.audit_private`: only a salted
commitment of it enters the chain, so that it can be checked as long as its salt is there, and is gone with it.

Right before its COMMIT the writer seals the events of all jobs that share the transaction as one row. Each process has
a chain of its own, so that processes do not wait for each other at one head (docs/adr/0016-audit-chain.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic_core import to_json

from ..redaction import clean
from .schema import VERSION

if TYPE_CHECKING:
    from .database import Database

Scalar: TypeAlias = str | int | float | bool | None
Event: TypeAlias = dict[str, Any]

BEGINNING = "0" * 64
"""What stands for the hash before the first row of a chain."""


def _encode(value: Any) -> str:
    try:
        return to_json(value).decode()  # a fifth of the time that json takes
    except ValueError:  # text that UTF-8 cannot hold
        return json.dumps(value, separators=(",", ":"))


def commitment(salt: str, name: str, value: str) -> str:
    """What stands for a value that may have to be forgotten. Without the salt it says nothing of the value.

    Args:
        salt: 16 random bytes in hexadecimal.
        name: What the value is.
        value: The value; what no database can hold of it does not count.
    """
    return hashlib.sha256(f"{salt}\0{name}\0{clean(value)}".encode()).hexdigest()


def row_hash(previous: str, chain: str, number: int, at: float, body: str) -> str:
    """The hash that seals one row to all before it.

    Args:
        previous: The hash of the row before, or `BEGINNING`.
        chain: The chain.
        number: 1 for its first row.
        at: When the row was sealed.
        body: JSON list of its events.
    """
    return hashlib.sha256(f"{previous}\n{chain}\n{number}\n{float(at)!r}\n{body}".encode()).hexdigest()


class Audited:
    """What a database has so that its jobs can tell what they do. `events` are those of this transaction."""

    __slots__ = ("_new_salt", "events")

    events: list[Event]
    _new_salt: Callable[[], str]

    def audit(self, kind: str, operation_id: str | None = None, **facts: Scalar) -> None:
        """Tell what this transaction does.

        Args:
            kind: What happened, in a word.
            operation_id: The operation that it happened to.
            facts: JSON scalars that nobody will ever have to forget; None and False are left out.
        """
        event: Event = {"kind": kind}
        if operation_id is not None:
            event["operation"] = operation_id
        for name, value in facts.items():
            if value is not None and value is not False:
                event[name] = value
        self.events.append(event)

    def audit_private(
        self, kind: str, operation_id: str | None, salt: str, private: Mapping[str, str | None], **facts: Scalar
    ) -> None:
        """The same with values that may have to be forgotten; of these only commitments are kept.

        Args:
            kind: What happened.
            operation_id: The operation.
            salt: The operation's, or the one that is stored beside the row that has the values.
            private: The values by name; None and empty ones are left out.
            facts: As for `audit`.
        """
        self.audit(kind, operation_id, **facts)
        committed = {name: commitment(salt, name, value) for name, value in private.items() if value}
        if committed:
            self.events[-1]["private"] = committed

    def new_salt(self) -> str:
        """A salt that was never used before."""
        return self._new_salt()


class Chain:
    """The chain of one process.

    Args:
        name: Who we are to the other processes.
        new_salt: Makes a salt.
    """

    def __init__(self, name: str, new_salt: Callable[[], str]) -> None:
        self.name = name
        self.new_salt = new_salt
        self.configuration: Mapping[str, Scalar] = {}
        """What is in force in this process; told when the chain begins."""
        self._number = 0
        self._hash = BEGINNING
        self._known = False
        self._opened = False
        self._sealed: tuple[int, str] | None = None

    @property
    def number(self) -> int:
        """Rows so far, as far as we know."""
        return self._number

    async def seal(self, db: Database) -> None:
        """Write the events of a transaction, right before its commit."""
        events = db.events
        if not events:
            return
        if not self._known:
            await self._read_head(db)
        if not self._opened:
            events = [*await self._opening(db), *events]
        number, at, body = self._number + 1, db.now, _encode(events)
        sealed = row_hash(self._hash, self.name, number, at, body)
        await db.put(db.sql.insert_audit, [(self.name, number, at, body, sealed)])
        self._sealed = number, sealed

    def committed(self) -> None:
        """The transaction is durable."""
        if self._sealed is not None:
            self._number, self._hash = self._sealed
            self._sealed, self._known, self._opened = None, True, True

    def forget(self) -> None:
        """The transaction failed, or nobody knows what became of it: the head is read back before the next one."""
        self._sealed, self._known = None, False

    async def _read_head(self, db: Database) -> None:
        row = (await db.run(db.sql.audit_head, db.sql.audit_head.values(chain=self.name))).fetchone()
        self._number, self._hash = (0, BEGINNING) if row is None else (row[0], row[1])
        self._known = True

    async def _opening(self, db: Database) -> list[Event]:
        """Who we are, and what is in force if that is not what was last recorded."""
        events: list[Event] = [{"kind": "opened", "seawall": _version(), "schema": VERSION}]
        if self.configuration:
            found = (await db.run(db.sql.last_configuration, db.sql.last_configuration.values())).fetchone()
            before = {} if found is None else json.loads(found[0])
            now = dict(self.configuration)
            if before != now:
                changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
                events.append({"kind": "configuration", "changed": changed, "facts": now})
                await db.put(db.sql.insert_configuration, [(db.now, self.name, _encode(now))])
        return events


@cache
def _version() -> str:
    return version("seawall")
