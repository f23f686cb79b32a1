"""Two processes on one ledger: what one pauses, the other sends no more within a second, judged at the target."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.file_target import FileAdapter
from support.postgres_server import postgres_server
from support.toy import variant

from seawall import Seawall

from .paused_worker import config

WORKER = Path(__file__).with_name("paused_worker.py")
PROMISED = 1.0  # seconds
RETURNING = 2.0  # seconds; that it goes on at once is no promise


@contextmanager
def working(folder: Path, ledger: str, recovers: str) -> Iterator[subprocess.Popen[bytes]]:
    log = folder / "log"
    with log.open("wb") as errors:
        worker = subprocess.Popen([sys.executable, str(WORKER), str(folder), ledger, recovers], stderr=errors)
    try:
        yield worker
        (folder / "enough").touch()
        assert worker.wait(60) == 0, log.read_text()
    finally:
        if worker.poll() is None:
            worker.kill()
            worker.wait()


def times(folder: Path) -> list[float]:
    path = folder / "times"
    return [float(line) for line in path.read_text().splitlines()] if path.exists() else []


async def more_effects(worker: subprocess.Popen[bytes], folder: Path, after: float) -> None:
    """Wait until it has written some more, so that a silence later says something."""
    ends_at = time.monotonic() + 60.0
    while sum(at > after for at in times(folder)) < 20:
        assert worker.poll() is None, "it ended"
        assert time.monotonic() < ends_at, "it writes nothing"
        await asyncio.sleep(0.02)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield "-"
        return
    with postgres_server() as server:
        yield server.dsn


@pytest.mark.parametrize("recovers", ["recovers", "only calls"])
async def test_pause_and_resume_of_one_process_hold_in_another_within_a_second(
    tmp_path: Path, ledger: str, recovers: str
) -> None:
    adapter = FileAdapter(tmp_path / "mine", "never", variant("marker"))
    acting = Seawall(config(tmp_path, ledger), adapters={"toy": adapter}, recovery=False)
    async with acting as wall:
        with working(tmp_path, ledger, recovers) as worker:
            for everything in (False, True):
                await more_effects(worker, tmp_path, after=time.time())
                paused = await wall.overrides.pause("toy", by="ann", reason="a test", everything=everything)
                await asyncio.sleep(3.0)
                resumed_at = time.time()
                await wall.overrides.resume("toy", by="ann", reason="it is over")
                during = [at - paused.at for at in times(tmp_path) if paused.at < at < resumed_at]
                assert all(late < PROMISED for late in during), f"sent {max(during)} s after the pause was recorded"
                await more_effects(worker, tmp_path, after=resumed_at)
                first = min(at for at in times(tmp_path) if at > resumed_at)
                assert first - resumed_at < PROMISED + RETURNING
