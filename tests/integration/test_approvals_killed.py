"""kill -9 at every step from the question to the effect: one approval, one effect, whoever carries it out."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("approved_worker.py")
NOT_SENT = ("asked", "approved", "before spending", "spent", "intent written")
STEPS = (*NOT_SENT, "sent", "reply read", "outcome written")


def work(folder: Path, name: str, step: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(WORKER), str(folder), name, step], capture_output=True, text=True, timeout=60, check=False
    )


def effects(folder: Path) -> int:
    path = folder / "effects"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.case(49)
@pytest.mark.parametrize("name", ["marker", "client id"])
@pytest.mark.parametrize("step", STEPS)
def test_process_killed_at_a_step_of_an_approved_write_leaves_one_effect_and_one_approval(
    tmp_path: Path, name: str, step: str
) -> None:
    killed = work(tmp_path, name, step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert effects(tmp_path) == (0 if step in NOT_SENT else 1)
    survivor = work(tmp_path, name, "never")
    assert survivor.returncode == 0, survivor.stderr
    assert survivor.stdout.split() == ["Applied", "1"]
    assert effects(tmp_path) == 1


@pytest.mark.parametrize("step", ["spent", "sent"])
def test_approved_write_without_any_means_is_parked_after_a_kill_and_never_sent_again(
    tmp_path: Path, step: str
) -> None:
    work(tmp_path, "nothing", step)
    before = effects(tmp_path)
    survivor = work(tmp_path, "nothing", "never")
    assert survivor.stdout.split() == ["Pending", "1"], survivor.stderr
    assert effects(tmp_path) == before
