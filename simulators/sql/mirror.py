"""A copy of somebody's tables, as an SQLite file whose driver fails at any statement, for episodes in virtual time.

The truth is in a table that no client is told of; triggers write it in the transaction that changes the data.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from ..effects import Effect
from ..faults import Plan
from ..injector import FaultInjector
from ..virtual_time import LoopClock, VirtualLoop
from .ddl import TRUTH
from .seam import Seam

_HIDDEN: Final = f"CREATE TABLE {TRUTH} (seq INTEGER PRIMARY KEY, kind TEXT, tbl TEXT, row_id TEXT, old TEXT, new TEXT)"
_LONGEST_BLOCK = 0.2  # seconds; an inline driver blocks everybody, where one in a thread is left at the deadline


class Mirror:
    """The tables, empty at the beginning.

    Args:
        ddl: The statements that make them, for SQLite. Each table has a primary key.
        plan: The faults.
        clock: The virtual clock.

    Raises:
        sqlite3.Error: A statement is not SQLite's.
    """

    def __init__(self, ddl: str, plan: Plan, clock: LoopClock) -> None:
        content = _made(ddl)
        self.seam = _Seam(plan, self, clock)
        self._folder = tempfile.TemporaryDirectory(prefix="seawall-chaos-", dir=_in_memory())
        self._file = Path(self._folder.name) / "mirror.db"
        self._file.write_bytes(content)
        self.prepared = False
        """For whoever makes further tables in it: whether that is done."""
        self._clock = clock
        self._effects: list[Effect] = []
        self._connection = sqlite3.connect(self._file, isolation_level=None)
        self._connection.row_factory = sqlite3.Row

    @property
    def url(self) -> str:
        """Where it is, for SQLAlchemy."""
        return f"sqlite:///{self._file}"

    @property
    def faults(self) -> FaultInjector:
        """Chooses the faults."""
        return self.seam.faults

    @property
    def effects(self) -> Iterable[Effect]:
        """What was committed, in order."""
        self.look()
        return tuple(self._effects)

    def look(self) -> None:
        """Take note of what was committed since the last look."""
        last = self._effects[-1].seq if self._effects else 0
        rows = self._connection.execute(f"SELECT * FROM {TRUTH} WHERE seq > ? ORDER BY seq", (last,))  # noqa: S608
        self._effects += [_effect(row, self._clock.now()) for row in rows]

    def add_row(self, table: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Put a row there as if another user had; it is not among the effects. The answer is the row."""
        names, places = ", ".join(map(_quoted, fields)), ", ".join("?" * len(fields))
        with self._unlogged():
            made = f"INSERT INTO {_quoted(table)} ({names}) VALUES ({places}) RETURNING *"  # noqa: S608 -- quoted names
            return dict(self._connection.execute(made, tuple(map(_plain, fields.values()))).fetchone())

    def change_row(self, table: str, key: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        """Change a row as another user would; that is not among the effects.

        Args:
            table: The table.
            key: Its primary key, by column.
            fields: The new values, by column.
        """
        changes, found = (
            word.join(f"{_quoted(name)} = ?" for name in columns) for word, columns in ((", ", fields), (" AND ", key))
        )
        with self._unlogged():
            changed = f"UPDATE {_quoted(table)} SET {changes} WHERE {found}"  # noqa: S608 -- quoted names
            self._connection.execute(changed, tuple(map(_plain, (*fields.values(), *key.values()))))

    def delete_row(self, table: str, column: str, value: object) -> None:
        """Delete rows as another user would; that is not among the effects."""
        with self._unlogged():
            gone = f"DELETE FROM {_quoted(table)} WHERE {_quoted(column)} = ?"  # noqa: S608 -- quoted names
            self._connection.execute(gone, (_plain(value),))

    async def settle(self) -> None:
        """Nothing is ever outstanding: what a statement does is done when it ends."""

    def close(self) -> None:
        """Delete the file."""
        self._connection.close()
        self._folder.cleanup()

    @contextmanager
    def _unlogged(self) -> Iterator[None]:
        # What is taken away is numbered again: the log knows the truth by its numbers, so it is read first.
        self.look()
        yield
        last = self._effects[-1].seq if self._effects else 0
        self._connection.execute(f"DELETE FROM {TRUTH} WHERE seq > ?", (last,))  # noqa: S608 -- a name of ours


class _Seam(Seam):
    """A seam that notes the virtual time of each commit."""

    def __init__(self, plan: Plan, target: Mirror, clock: LoopClock) -> None:
        super().__init__(plan, sqlite3, now=clock.now, sleep=_block)
        self._target = target

    def around(self, operation: str, connection: Any, run: Any) -> None:
        """Run a statement, or COMMIT, under at most one fault."""
        try:
            super().around(operation, connection, run)
        finally:
            if operation == "commit":
                self._target.look()


def _block(seconds: float) -> None:
    """A driver that blocks, in a process that does nothing else meanwhile: virtual time passes."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.elapsed += min(seconds, _LONGEST_BLOCK)


@cache
def _made(ddl: str) -> bytes:
    """The file with the tables: making it takes longer than copying it."""
    with tempfile.TemporaryDirectory(prefix="seawall-chaos-", dir=_in_memory()) as folder:
        file = Path(folder) / "mirror.db"
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(ddl)
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            connection.execute(_HIDDEN)
            for table in tables:
                columns = connection.execute(f"PRAGMA table_info({_quoted(table)})").fetchall()
                for trigger in _triggers(table, [row[1] for row in columns], [row[1] for row in columns if row[5]]):
                    connection.execute(trigger)
        return file.read_bytes()


def _triggers(table: str, columns: list[str], key: list[str]) -> Iterator[str]:
    def row(name: str) -> str:
        return "json_object(" + ", ".join(f"{_text(one)}, {name}.{_quoted(one)}" for one in columns) + ")"

    for kind, old, new, named in (
        ("insert", "NULL", row("NEW"), "NEW"),
        ("update", row("OLD"), row("NEW"), "NEW"),
        ("delete", row("OLD"), "NULL", "OLD"),
    ):
        row_id = " || '/' || ".join(f"CAST({named}.{_quoted(one)} AS TEXT)" for one in key)
        yield (
            f"CREATE TRIGGER {_quoted(f'truth_{table}_{kind}')} AFTER {kind.upper()} ON {_quoted(table)} "  # noqa: S608
            f"FOR EACH ROW BEGIN INSERT INTO {TRUTH} (kind, tbl, row_id, old, new) "
            f"VALUES ('{kind}', {_text(table)}, {row_id}, {old}, {new}); END"
        )


def _effect(row: sqlite3.Row, at: float) -> Effect:
    old = json.loads(row["old"]) if row["old"] else {}
    new = json.loads(row["new"]) if row["new"] else {}
    changed = tuple(name for name in new if name not in old or old[name] != new[name])
    # An update shows what it changed; one that changed nothing shows the row, so that its request is still known.
    fields = {name: new[name] for name in (changed or new)} if row["kind"] == "update" else new
    return Effect(row["seq"], at, row["kind"], row["tbl"], row["row_id"], fields, changed, row["seq"])


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bytes | None) else str(value)


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _text(name: str) -> str:
    escaped = name.replace("'", "''")
    return f"'{escaped}'"


def _in_memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 -- a fresh folder is made in it
