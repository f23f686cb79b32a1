"""The database as the jobs see it: the same for SQLite and for PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import CoroutineType
from typing import Any, Protocol

from ..clock import Clock, random_salt
from ..redaction import clean
from .audit import Audited, Event, Scalar
from .statements import SQLITE, Statement, Statements


class Answer(Protocol):
    """What a statement came to."""

    @property
    def rowcount(self) -> int:
        """How many rows it wrote."""
        ...

    def fetchone(self) -> Any:
        """The next row that it found, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """The rows that it found."""
        ...


class Database(Protocol):
    """One transaction of it, or one look.

    Its methods are coroutines, because PostgreSQL's take a round trip; SQLite's never wait.
    """

    @property
    def sql(self) -> Statements:
        """The statements in its words."""
        ...

    @property
    def now(self) -> float:
        """The time (seconds since the epoch), as far as it is known without asking."""
        ...

    @property
    def shift(self) -> float:
        """What to add to times of this process's clock, because that is wrong; known for sure after `time`."""
        ...

    @property
    def changed(self) -> list[str]:
        """Operations that this transaction changed; jobs add to it."""
        ...

    @property
    def once(self) -> dict[str, Any]:
        """What was found out on this connection since its holder last showed life."""
        ...

    @property
    def events(self) -> list[Event]:
        """What this transaction did, for the audit."""
        ...

    def audit(self, kind: str, operation_id: str | None = None, **facts: Scalar) -> None:
        """See `audit.Audited`: tell what this transaction does."""
        ...

    def audit_private(
        self, kind: str, operation_id: str | None, salt: str, private: Mapping[str, str | None], **facts: Scalar
    ) -> None:
        """See `audit.Audited`: the same with values that may have to be forgotten."""
        ...

    def new_salt(self) -> str:
        """A salt that was never used before."""
        ...

    async def time(self) -> float:
        """The time that all processes share, by which leases are judged (seconds since the epoch)."""
        ...

    async def run(self, statement: Statement, values: Sequence[Any]) -> Answer:
        """Run a statement."""
        ...

    async def each(self, statement: Statement, rows: Sequence[Sequence[Any]]) -> Sequence[Answer]:
        """Run a statement for each row of values; no row waits for the answer to the one before."""
        ...

    async def put(self, statement: Statement, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement whose answer nobody needs; it travels with the next one, or with the commit."""
        ...

    async def lock(self, names: Sequence[str]) -> None:
        """Keep other processes from these names until the transaction ends; for more than one, in sorted order."""
        ...


@dataclass(slots=True)
class Many:
    """A job on several things, which a database far away does together with other jobs of its kind.

    Args:
        work: Answers one result for each thing.
        things: What it is done for.
        early: True if it goes before the other jobs of a transaction; False if it goes after them.
    """

    work: Callable[[Database, Sequence[Any]], Coroutine[Any, Any, list[Any]]]
    things: Sequence[Any]
    early: bool

    def __call__(self, db: Database) -> Coroutine[Any, Any, list[Any]]:
        """Do it for these alone."""
        return self.work(db, self.things)


class LocalDatabase(Audited):
    """An SQLite connection.

    Args:
        connection: The connection. It takes any text: what UTF-8 cannot hold is replaced, so that no row fails for it.
        clock: The time; one machine has one.
        new_salt: Makes a salt for the audit.
    """

    __slots__ = ("_clock", "_execute", "changed", "once")

    sql = SQLITE
    shift = 0.0

    def __init__(self, connection: sqlite3.Connection, clock: Clock, new_salt: Callable[[], str] = random_salt) -> None:
        self._execute = connection.execute
        self._clock = clock
        self.changed: list[str] = []
        self.once: dict[str, Any] = {}
        self.events = []
        self._new_salt = new_salt

    @property
    def now(self) -> float:
        """The time."""
        return self._clock.now()

    async def time(self) -> float:
        """The time."""
        return self._clock.now()

    def execute(self, text: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run SQL at once."""
        try:
            return self._execute(text, values)
        except UnicodeEncodeError:
            return self._execute(text, cleaned(values))

    async def run(self, statement: Statement, values: Sequence[Any]) -> sqlite3.Cursor:
        """Run a statement."""
        return self.execute(statement.text, values)

    async def each(self, statement: Statement, rows: Sequence[Sequence[Any]]) -> list[sqlite3.Cursor]:
        """Run a statement for each row of values."""
        text = statement.text
        return [self.execute(text, row) for row in rows]

    async def put(self, statement: Statement, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row of values."""
        text = statement.text
        for row in rows:
            self.execute(text, row)

    async def lock(self, names: Sequence[str]) -> None:
        """Nothing to do: a transaction that writes is alone."""


def cleaned(values: Sequence[Any]) -> list[Any]:
    """The values without text that UTF-8 or a database cannot hold."""
    return [clean(value) if isinstance(value, str) else value for value in values]


def finished(work: Any) -> Any:
    """The result of a job that never waits."""
    if type(work) is not CoroutineType:
        return work
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise RuntimeError("a job of the ledger waited for something other than its database")
