"""A rate of the policy holds for callers of two real processes on one ledger, judged by what the target got."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from support.postgres_server import postgres_server

WORKER = Path(__file__).with_name("rate_worker.py")
CALLERS, CALLS = 40, 17


def crowd(folder: Path, place: str, names: tuple[str, str]) -> Counter[str]:
    """Two processes at once; what all their callers were told."""
    for old in folder.glob("ready.*"):
        old.unlink()
    processes = [
        subprocess.Popen(
            [sys.executable, WORKER, folder, place, name, str(CALLERS), str(CALLS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    told: Counter[str] = Counter()
    for process in processes:
        out, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
        told.update(json.loads(out))
    return told


def check(folder: Path, place: str) -> None:
    told = crowd(folder, place, ("a", "b"))
    effects = (folder / "effects").read_text().splitlines()
    assert len(effects) == len(set(effects)) == CALLS
    assert told == {"Applied": CALLS, "Rejected": 2 * CALLERS - CALLS}
    # The same requests again, after a restart: what was done is replayed, and nothing new begins.
    assert crowd(folder, place, ("a", "b")) == told
    assert len((folder / "effects").read_text().splitlines()) == CALLS


def test_rate_holds_across_two_processes_and_restarts_on_one_file(tmp_path: Path) -> None:
    check(tmp_path, str(tmp_path / "ledger.db"))


def test_rate_holds_across_two_processes_and_restarts_on_postgresql(tmp_path: Path) -> None:
    with postgres_server() as server:
        check(tmp_path, server.dsn)
