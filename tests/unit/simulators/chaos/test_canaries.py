"""Canaries: each subject has some, its adapter knows them for secrets, and no row of a ledger hides one."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from seawall.core.adapter import Surroundings
from seawall.core.redaction import Secrets
from seawall.simulators.chaos.canaries import stored_canaries
from seawall.simulators.chaos.stage import Stage
from seawall.simulators.chaos.subjects import SUBJECTS, load_subject
from seawall.simulators.virtual_time import run

CANARY = 'p<4>s"s wörd/+'


@pytest.mark.parametrize("name", SUBJECTS)
def test_secrets_of_each_subject_are_secrets_to_its_adapter(name: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with Stage(load_subject(name), folder=tmp_path) as stage:
            worker = await stage.start_worker()
            secrets, subject = Secrets(), stage.subjects[name]
            around = Surroundings(name, worker.wall.sources, secrets)
            adapter = subject.adapter(stage.targets[name], around)
            assert subject.canaries
            for canary in subject.canaries:
                assert canary not in secrets.scrub(f"the password is {canary}")
            await adapter.close()

    run(main())


def rows(folder: Path, *values: object) -> list[tuple[str, str]]:
    """What is found in a ledger with these values, as tables and rows."""
    ledger = folder / "ledger.db"
    with sqlite3.connect(ledger) as connection:
        connection.execute("CREATE TABLE calm (said TEXT)")
        connection.execute("CREATE TABLE told (number INTEGER, said BLOB)")
        connection.execute("INSERT INTO calm VALUES ('nothing')")
        connection.executemany("INSERT INTO told VALUES (?, ?)", enumerate(values))
    connection.close()
    return [(one.table, one.row) for one in stored_canaries(ledger, [CANARY], 5.0)]


@pytest.mark.parametrize("written", [CANARY, json.dumps({"error": CANARY}), CANARY.encode()])
def test_row_that_holds_a_canary_is_found_however_it_is_written(tmp_path: Path, written: str | bytes) -> None:
    shown = written if isinstance(written, str) else written.decode()
    assert rows(tmp_path, "a", written, None, "b") == [("told", f"1\n{shown}")]


def test_ledger_without_a_canary_has_no_such_row(tmp_path: Path) -> None:
    assert rows(tmp_path, "a", b"\xff\x00", None, 7) == []


def test_long_row_is_read_to_its_end(tmp_path: Path) -> None:
    assert len(rows(tmp_path, "x" * 4090 + CANARY + "x" * 50_000)) == 1
