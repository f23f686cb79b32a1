"""Whatever single thing is changed in the audit or in what it tells of, wherever: it is found."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.audited import Audited

TOLD: dict[str, tuple[str, ...]] = {
    "audit": ("chain", "number", "at", "body", "hash"),
    "operations": (
        "id", "system", "action", "key", "identity", "request", "digest", "entity", "principal", "adapter_version",
        "policy", "trace_id", "batch_id", "atomic", "undoes", "status", "outcome", "error", "epoch", "created_at",
        "sent_at", "last_sent_at", "parked_because", "salt",
    ),
    "attempts": ("operation_id", "epoch", "number", "purpose", "started_at", "ended_at", "effect", "error", "stale"),
    "probes": ("operation_id", "epoch", "at", "finding", "detail"),
    "decisions": ("operation_id", "at", "by", "decision", "reason", "detail"),
    "configurations": ("facts",),
    "checkpoints": ("line",),
}  # fmt: skip
"""What is compared; the rest (holder, deadline, next look, counts) only says what is to be done next, and when."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    made = Audited(tmp_path_factory.mktemp("audited"))

    async def fill() -> None:
        await made.fill()
        await made.checkpoint(times=2)

    asyncio.run(fill())
    with made.sql() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return made


def copied(original: Audited, folder: Path) -> Audited:
    made = Audited(folder)
    made.key = original.key
    shutil.copy(original.path, made.path)
    shutil.copy(original.exported, made.exported)
    return made


def other(value: object) -> object:
    """Something else of the same type."""
    if isinstance(value, str):
        return f"{value}x" if len(value) < 200 else value[:150] + chr(ord(value[150]) ^ 1) + value[151:]
    return 1 if value is None else value + 100  # type: ignore[operator]  # a number


@settings(max_examples=60)
@given(data=st.data())
@pytest.mark.case(53)
def test_any_single_change_is_found(original: Audited, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        one = copied(original, Path(folder))
        table = data.draw(st.sampled_from(sorted(TOLD)))
        columns = TOLD[table]
        rows = one.ask(f"SELECT {', '.join(columns)} FROM {table}")
        place = data.draw(st.integers(0, len(rows) - 1))
        key = " AND ".join(f"{name} IS ?" for name in columns)
        if data.draw(st.booleans()):
            assert one.do(f"DELETE FROM {table} WHERE {key}", *rows[place]) > 0
        else:
            changed = data.draw(st.sampled_from(columns))
            value = other(rows[place][columns.index(changed)])
            assert one.do(f"UPDATE {table} SET {changed} = ? WHERE {key}", value, *rows[place]) > 0
        assert not one.verify().intact


@settings(max_examples=30)
@given(data=st.data())
@pytest.mark.case(53)
def test_any_cut_and_any_rewriting_of_what_was_exported_is_found(original: Audited, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        one = copied(original, Path(folder))
        chain, rows = data.draw(st.sampled_from([found for found in one.chains() if found[1] > 1]))
        number = data.draw(st.integers(1, rows))
        covered = one.ask("SELECT 1 FROM checkpoints WHERE line LIKE ?", f'%"{chain}",{rows},%')
        if data.draw(st.booleans()):
            one.do("DELETE FROM audit WHERE chain = ? AND number >= ?", chain, number)
        else:
            one.do("UPDATE audit SET at = at + 1 WHERE chain = ? AND number = ?", chain, number)
            one.seal_anew(chain, number)
        one.do("DELETE FROM checkpoints")
        report = one.verify()
        found = {fault.kind for fault in report.faults}
        assert "checkpoint_missing" in found
        if covered:
            assert found & {"rewritten", "truncated", "chain_missing"}


def test_original_is_intact(original: Audited, tmp_path: Path) -> None:
    assert copied(original, tmp_path).verify().intact
