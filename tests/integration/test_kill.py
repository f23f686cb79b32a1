"""kill -9 at every step of the pipeline, with real processes; judged by the effects in the target's file."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.file_target import STEPS

WORKER = Path(__file__).with_name("killed_worker.py")


def work(folder: Path, name: str, step: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(WORKER), str(folder), name, step], capture_output=True, text=True, timeout=60, check=False
    )


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
    assert work(tmp_path, "marker", "never").stdout.split() == ["Applied"]
    assert effects(tmp_path) == 1
