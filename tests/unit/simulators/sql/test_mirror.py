"""A copy of somebody's tables, with the truth about what happened in it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from seawall.simulators import virtual_time
from seawall.simulators.faults import Plan
from seawall.simulators.sql.mirror import Mirror
from seawall.simulators.virtual_time import LoopClock

DDL = """
CREATE TABLE "order" (id INTEGER PRIMARY KEY, "what's" TEXT, version INTEGER NOT NULL DEFAULT 1);
CREATE TABLE lines (order_id INTEGER, line_no INTEGER, PRIMARY KEY (order_id, line_no));
"""


def test_the_truth_is_what_was_committed_at_its_virtual_time() -> None:
    async def story() -> list[tuple[object, ...]]:
        target = Mirror(DDL, Plan(), LoopClock(epoch=0.0))
        with closing(sqlite3.connect(target.url.removeprefix("sqlite:///"))) as client:
            client.execute('INSERT INTO "order" ("what\'s") VALUES (\'a\')')
            client.commit()
            target.look()
            await asyncio.sleep(5.0)
            client.execute('UPDATE "order" SET "what\'s" = \'b\', version = 2')
            client.execute("INSERT INTO lines VALUES (1, 7)")
            client.execute("DELETE FROM lines")
            client.commit()
            client.execute('DELETE FROM "order"')
            client.rollback()
            found = list(target.effects)
        target.close()
        return [(one.seq, one.at, one.kind, one.object, one.record_id, dict(one.fields)) for one in found]

    assert virtual_time.run(story()) == [
        (1, 0.0, "insert", "order", "1", {"id": 1, "what's": "a", "version": 1}),
        (2, 5.0, "update", "order", "1", {"what's": "b", "version": 2}),
        (3, 5.0, "insert", "lines", "1/7", {"order_id": 1, "line_no": 7}),
        (4, 5.0, "delete", "lines", "1/7", {}),
    ]


def test_row_that_another_user_changes_is_changed_by_its_key_and_is_no_effect() -> None:
    async def story() -> tuple[list[tuple[str, int]], int]:
        target = Mirror(DDL, Plan(), LoopClock())
        rows = [target.add_row("order", {"what's": "theirs"}) for _ in range(2)]
        target.change_row("order", {"id": rows[0]["id"]}, {"what's": "other", "version": 2})
        with closing(sqlite3.connect(target.url.removeprefix("sqlite:///"))) as client:
            found = client.execute('SELECT "what\'s", version FROM "order" ORDER BY id').fetchall()
        effects = len(list(target.effects))
        target.close()
        return found, effects

    assert virtual_time.run(story()) == ([("other", 2), ("theirs", 1)], 0)


def test_what_another_user_does_is_no_effect_and_each_target_begins_anew() -> None:
    async def story() -> tuple[dict[str, object], int, int]:
        target, other = Mirror(DDL, Plan(), LoopClock()), Mirror(DDL, Plan(), LoopClock())
        row = target.add_row("order", {"what's": "theirs"})
        with closing(sqlite3.connect(target.url.removeprefix("sqlite:///"))) as client:
            client.execute('UPDATE "order" SET version = 2')
            client.commit()
        target.add_row("order", {"what's": "theirs, too"})
        target.delete_row("order", "id", row["id"])
        effects = len(list(target.effects)), len(list(other.effects))
        target.close()
        other.close()
        return row, *effects

    assert virtual_time.run(story()) == ({"id": 1, "what's": "theirs", "version": 1}, 1, 0)


def test_what_is_not_sqlite_is_refused() -> None:
    with pytest.raises(sqlite3.OperationalError):
        Mirror("CREATE TABEL x", Plan(), LoopClock())
