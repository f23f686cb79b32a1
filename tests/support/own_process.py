"""Servers that a test starts for itself: on a free port, and gone when the test's process is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_PATIENCE = 30.0  # seconds for a server to come up or to go


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class OwnProcess:
    """One process and a shell that ends it, with SIGKILL, should we end first, in whatever way.

    Args:
        command: Program and arguments.
        log: Where its output goes.
        options: Further options of `Popen`.
    """

    def __init__(self, command: Sequence[str | Path], log: Path, **options: Any) -> None:
        self.command = [str(word) for word in command]
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, **options
            )
        # It reads until our end of its input is closed. Should we end, the system closes it.
        self._leash = subprocess.Popen(
            ["/bin/sh", "-c", f"read _; kill -9 {self._process.pid} 2>/dev/null"],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def until_ready(self, ready: Callable[[], bool]) -> bool:
        """Wait until `ready`; False if the process ended first.

        Raises:
            RuntimeError: It neither came up nor ended; with the last lines of its log.
        """
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if ready():
                return True
            if not self.running:
                self._unleash()
                return False
            time.sleep(0.02)
        self.end(signal.SIGKILL)
        raise RuntimeError(f"{self.command[0]} did not come up; its log ends:\n{self.last_words()}")

    def send(self, which: signal.Signals) -> None:
        self._process.send_signal(which)

    def end(self, by: signal.Signals) -> None:
        """Send it a signal and wait until it is gone; a second one if it does not go."""
        if self.running:
            self._process.send_signal(by)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._unleash()

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    def _unleash(self) -> None:
        self._leash.kill()
        self._leash.wait()
        assert self._leash.stdin is not None
        self._leash.stdin.close()


class OwnServer:
    """A server that can be started, killed, started again and stopped; subclasses say how."""

    def __init__(self) -> None:
        self._process: OwnProcess | None = None

    @property
    def process(self) -> OwnProcess:
        assert self._process is not None, "the server is not running"
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def start(self) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that still run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found.extend(int(word) for word in task.read_text().split())
        except OSError:
            continue  # it ended meanwhile
    return found


def ended(pid: int) -> bool:
    """Whether a process is gone, or only waits to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def kill_all(pids: Sequence[int]) -> None:
    """SIGKILL, and wait until the last one is gone.

    Raises:
        RuntimeError: One stays.
    """
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    until = time.monotonic() + _PATIENCE
    while not all(ended(pid) for pid in pids):
        if time.monotonic() > until:
            raise RuntimeError(f"processes stay after SIGKILL: {[pid for pid in pids if not ended(pid)]}")
        time.sleep(0.005)
