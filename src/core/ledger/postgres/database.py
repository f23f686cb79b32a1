"""PostgreSQL as the jobs see it, and its clock beside ours."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline
from sqlalchemy import Float, bindparam, cast, extract, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from ...clock import Clock, random_salt
from ..audit import Audited
from ..database import cleaned
from ..schema import holders
from ..statements import Statement, Statements

_log = logging.getLogger("seawall.ledger")


def dialect() -> PGDialect_psycopg:
    """SQL for the driver, with parameters by position."""
    return PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]  # SQLAlchemy's own omission


POSTGRES = Statements(dialect())

_server_time = cast(extract("epoch", func.clock_timestamp()), Float)
TIME = POSTGRES.compiled(select(_server_time))
_row = postgresql.insert(holders).values(id=bindparam("id"), beat_at=0.0, commits=bindparam("number"))
MARK = POSTGRES.compiled(
    _row.on_conflict_do_update(index_elements=["id"], set_={"commits": _row.excluded.commits}).returning(_server_time)
)
"""Each transaction that writes begins with its number; so its holder can see later whether it was committed."""
READ_BACK = POSTGRES.compiled(
    _row.on_conflict_do_update(index_elements=["id"], set_={"commits": holders.c.commits}).returning(holders.c.commits)
)
"""The number of the holder's last transaction. Waits until one that is not over yet is."""
LOCK = Statement("SELECT pg_advisory_xact_lock(%s::BIGINT)", ("name",), {})


class ServerClock:
    """The server's clock beside ours. The ledger goes by the server's, which is one for all processes.

    Args:
        clock: Ours.
        tolerance: Seconds by which ours may differ before anything is done about it.
    """

    def __init__(self, clock: Clock, tolerance: float) -> None:
        self._clock = clock
        self._tolerance = tolerance
        self.shift = 0.0
        """What to add to our times; 0 while ours is right within the tolerance."""

    def ours(self) -> float:
        """Our time."""
        return self._clock.now()

    def now(self) -> float:
        """The server's time, as far as we know."""
        return self._clock.now() + self.shift

    def met(self, before: float, server: float, after: float) -> None:
        """The server's time was asked for, and came between two of our times."""
        ahead = max(0.0, server - after) + min(0.0, server - before)  # at the least
        found = ahead if abs(ahead) > self._tolerance else 0.0
        # A shift that follows every trembling of the network would make one time look like many.
        if abs(found - self.shift) <= self._tolerance / 4:
            return
        if found:
            side = "behind" if found > 0 else "ahead of"
            _log.warning(
                "this machine's clock is %.1f s %s that of the ledger's server, by which the ledger goes; set it right",
                abs(found),
                side,
            )
        self.shift = found


@dataclass(slots=True)
class Rows:
    """What a statement came to."""

    rowcount: int
    found: list[Any]

    def fetchone(self) -> Any:
        """The first row, or None."""
        return self.found[0] if self.found else None

    def fetchall(self) -> list[Any]:
        """All rows."""
        return self.found


class RemoteDatabase(Audited):
    """One transaction, or one look.

    Args:
        connection: The connection.
        clock: Both clocks.
        once: What was found out on this connection before.
        careful: Replace text that a database cannot hold.
        new_salt: Makes a salt for the audit.
    """

    __slots__ = ("_asked", "_careful", "_clock", "_connection", "_pipeline", "_time", "changed", "once")

    sql = POSTGRES

    def __init__(
        self,
        connection: AsyncConnection[Any],
        clock: ServerClock,
        once: dict[str, Any],
        *,
        careful: bool = False,
        new_salt: Callable[[], str] = random_salt,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._careful = careful
        self._pipeline: AsyncPipeline | None = None
        self._asked: tuple[float, AsyncCursor[Any]] | None = None
        self._time: float | None = None
        self.changed: list[str] = []
        self.once = once
        self.events = []
        self._new_salt = new_salt

    @property
    def now(self) -> float:
        """The server's time, as far as it is known."""
        return self._clock.now()

    @property
    def shift(self) -> float:
        """What to add to our times."""
        return self._clock.shift

    async def begin(self, pipeline: AsyncPipeline, holder: str, number: int) -> None:
        """Open a transaction under a number of the holder's."""
        self._pipeline = pipeline
        before = self._clock.ours()
        await self._connection.execute("BEGIN")
        self._asked = before, await self._connection.execute(MARK.text.encode(), MARK.values(id=holder, number=number))

    async def time(self) -> float:
        """The server's time, as it was when it was first asked for."""
        if self._time is not None:
            return self._time
        before, answer = self._asked or (self._clock.ours(), await self._connection.execute(TIME.text.encode()))
        server = float((await answer.fetchone() or (before,))[0])
        self._clock.met(before, server, self._clock.ours())
        self._time = server
        return server

    async def run(self, statement: Statement, values: Sequence[Any]) -> Rows:
        """Run a statement."""
        (answer,) = await self.each(statement, [values])
        return answer

    async def each(self, statement: Statement, rows: Sequence[Sequence[Any]]) -> list[Rows]:
        """Run a statement for each row of values, in one trip.

        Each trip ends with a synchronisation: only then does the server count the time for which the transaction
        stands still, should this process be stopped before the next one.
        """
        if not rows:
            return []
        if self._careful:
            rows = [cleaned(row) for row in rows]
        cursor = self._connection.cursor()
        if len(rows) == 1:
            await cursor.execute(statement.text.encode(), rows[0])
        else:
            await cursor.executemany(statement.text.encode(), rows, returning=True)
        if self._pipeline is not None:
            await self._pipeline.sync()
        answers = []
        while True:
            found = await cursor.fetchall() if cursor.description else []
            answers.append(Rows(cursor.rowcount, found))
            if not cursor.nextset():
                return answers

    async def put(self, statement: Statement, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement whose answer nobody needs; it travels with the next one, or with the commit."""
        if not rows:
            return
        if self._careful:
            rows = [cleaned(row) for row in rows]
        await self._connection.cursor().executemany(statement.text.encode(), rows)

    async def lock(self, names: Sequence[str]) -> None:
        """Keep other processes from these names until the transaction ends."""
        digests = [hashlib.blake2b(name.encode(errors="replace"), digest_size=8).digest() for name in names]
        numbers = sorted(int.from_bytes(digest, "big", signed=True) for digest in digests)
        await self.each(LOCK, [(number,) for number in numbers])
