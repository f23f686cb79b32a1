"""kill -9 at every step of the pipeline, with real processes; judged by the effects in the target's file."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.file_target import STEPS
from support.own_process import OwnProcess

from seawall.audit.verifying import verify_ledger
from seawall.core.settings import LedgerSettings
from seawall.keys import make_key, public_key

WORKER = Path(__file__).with_name("killed_worker.py")
CROWD = Path(__file__).with_name("audited_worker.py")


def work(folder: Path, name: str, step: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(WORKER), str(folder), name, step], capture_output=True, text=True, timeout=60, check=False
    )


def agrees(folder: Path, *, at_least: int = 0, keys: Sequence[str] = ()) -> None:
    """The audit tells of what is in the tables, and of nothing else."""
    exported = folder / "checkpoints.jsonl" if keys else None
    report = verify_ledger(LedgerSettings(path=str(folder / "ledger.db")), exported=exported, keys=keys)
    assert report.faults == []
    assert report.checkpoints > 0 or not keys
    assert (report.operations or 0) >= at_least


def effects(folder: Path) -> int:
    path = folder / "effects"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.case(12)
@pytest.mark.case(13)
@pytest.mark.parametrize("name", ["marker", "client id"])
@pytest.mark.parametrize("step", STEPS)
def test_process_killed_at_a_step_leaves_one_effect_after_the_next_one_ran(
    tmp_path: Path, name: str, step: str
) -> None:
    killed = work(tmp_path, name, step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert effects(tmp_path) == (0 if step in ("before intent", "intent written") else 1)
    survivor = work(tmp_path, name, "never")
    assert survivor.returncode == 0, survivor.stderr
    assert survivor.stdout.split() == ["Applied"]
    assert effects(tmp_path) == 1
    agrees(tmp_path)


@pytest.mark.parametrize("step", ["intent written", "sent", "reply read"])
def test_operation_without_any_means_is_parked_after_a_kill_and_never_sent_again(tmp_path: Path, step: str) -> None:
    work(tmp_path, "nothing", step)
    before = effects(tmp_path)
    survivor = work(tmp_path, "nothing", "never")
    assert survivor.stdout.split() == ["Pending"], survivor.stderr
    assert effects(tmp_path) == before


def test_process_killed_again_and_again_still_leaves_one_effect(tmp_path: Path) -> None:
    for step in ("intent written", "sent", "reply read", "intent written"):
        assert work(tmp_path, "marker", step).returncode in (-signal.SIGKILL, 0)
    agrees(tmp_path)
    assert work(tmp_path, "marker", "never").stdout.split() == ["Applied"]
    assert effects(tmp_path) == 1
    agrees(tmp_path)


@pytest.mark.case(53)
@pytest.mark.parametrize("processes", [1, 2])
def test_processes_killed_in_full_flight_leave_an_audit_that_agrees_with_the_tables(
    tmp_path: Path, processes: int
) -> None:
    key = make_key(tmp_path / "audit.pem")
    for pause in (0.3, 0.7):
        workers = [
            OwnProcess([sys.executable, CROWD, str(tmp_path), f"{pause}{n}"], tmp_path / "log")
            for n in range(processes)
        ]
        for n, worker in enumerate(workers):
            assert worker.until_ready((tmp_path / f"ready {pause}{n}").exists), worker.last_words()
        time.sleep(pause)
        for worker in workers:
            worker.end(signal.SIGKILL)
        agrees(tmp_path, at_least=20, keys=[public_key(key)])
    chains = verify_ledger(LedgerSettings(path=str(tmp_path / "ledger.db"))).chains
    assert len(chains) == 2 * processes
