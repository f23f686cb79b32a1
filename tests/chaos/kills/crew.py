"""The workers' processes as the test sees them: born in a nursery, asked, trapped, signalled, heard and buried."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from seawall import Sources
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import Operation
from seawall.core.settings import LedgerSettings

from .judge import Evidence
from .records import Ask, Claim, Kind, Recorded, Strike, Times
from .target import Target

TESTS = Path(__file__).parents[2]
_PATIENCE = 20.0  # seconds for anything a worker is waited for


@cache
def _nursery() -> subprocess.Popen[bytes]:
    """The process that forks workers; it is started once, and ends with us."""
    nursery = subprocess.Popen(
        [sys.executable, "-m", "chaos.kills.worker"], stdin=subprocess.PIPE, cwd=TESTS, start_new_session=True
    )
    atexit.register(nursery.communicate)
    return nursery


class Life:
    """A worker process from birth to death.

    Args:
        number: Its number.
        pidfd: Names the process, also when its number was given to another.
        line: Its end of the line. Messages go out past asyncio's transport, which drops what it has not read yet
            when a write fails: a worker's last words.
    """

    def __init__(self, number: int, pidfd: int, line: socket.socket) -> None:
        self.number = number
        self.slot = 0
        self.ready = asyncio.Event()
        self.gone = asyncio.Event()
        self.stopped = False
        self.failed: str | None = None
        self.armed: tuple[str, str] | None = None
        self.armed_at = 0.0
        self.reached: asyncio.Queue[Strike] = asyncio.Queue()
        self.answers: dict[int, asyncio.Future[dict[str, Any] | None]] = {}
        self.open_operations: asyncio.Future[int] | None = None
        self._pidfd = pidfd
        self._line = line

    def tell(self, **message: Any) -> None:
        """Send it a message; lost if it is gone."""
        if self.gone.is_set():
            return
        with suppress(ConnectionError):
            self._line.sendall(json.dumps(message).encode() + b"\n")

    def signal(self, which: signal.Signals) -> None:
        """Send it a signal; does nothing if it is gone."""
        self.stopped = which is signal.SIGSTOP or (self.stopped and which is not signal.SIGCONT)
        with suppress(ProcessLookupError, OSError):
            signal.pidfd_send_signal(self._pidfd, which)

    def arm(self, step: str, by: str) -> None:
        """Set a trap, which springs once."""
        self.armed, self.armed_at = (step, by), time.monotonic()
        self.tell(do="arm", step=step, by=by)

    def disarm(self) -> None:
        """Take all traps away."""
        self.armed = None
        self.tell(do="disarm")

    async def sprung(self) -> Strike:
        """The next trap that springs.

        Raises:
            TimeoutError: None does.
        """
        async with asyncio.timeout(_PATIENCE):
            return await self.reached.get()

    async def settle(self, within: float) -> int:
        """Wait until recovery has nothing left to do; how many operations are open then. -1 if the worker dies."""
        self.open_operations = asyncio.get_running_loop().create_future()
        self.tell(do="settle", within=within)
        return await self.open_operations

    async def close(self) -> None:
        """Let it leave in good order."""
        self.tell(do="close")
        async with asyncio.timeout(_PATIENCE):
            await self.gone.wait()

    def bury(self) -> None:
        """It is gone: nothing will be answered any more."""
        for answer in self.answers.values():
            if not answer.done():
                answer.set_result(None)
        if self.open_operations is not None and not self.open_operations.done():
            self.open_operations.set_result(-1)
        os.close(self._pidfd)
        self._pidfd = -1
        self._line.close()
        self.gone.set()


class Crew:
    """Workers that share a ledger and a target. Made by `crew`.

    Args:
        folder: For sockets and the workers' log; its path must be short.
        ledger: Settings of the shared ledger.
        times: Lease, horizon and timeouts.
        target: The target.
    """

    def __init__(self, folder: Path, ledger: Mapping[str, Any], times: Times, target: Target) -> None:
        self.target = target
        self.times = times
        self.ledger = dict(ledger)
        self.log = folder / "workers.log"
        self.lives: dict[int, Life] = {}
        self.mistakes: list[str] = []
        self.asks: list[Ask] = []
        self.strikes: list[Strike] = []
        self.claims: list[Claim] = []
        self.recorded: list[Recorded] = []
        self.on_step: Callable[[Life, Strike], None] = self._note_step
        self._folder = folder
        self._born = 0
        self._births: dict[int, asyncio.Future[Life]] = {}
        self._listening: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open target and control."""
        await self.target.start(self._folder / "target")
        self._control = await asyncio.start_unix_server(self._hello, self._folder / "control")

    async def stop(self) -> None:
        """End all that runs, and let everything happen that is still to happen in the target."""
        for life in self.lives.values():
            life.signal(signal.SIGKILL)
        if self._listening:
            await asyncio.wait(self._listening)
        self._control.close()
        await self.target.stop()

    async def birth(self, **facts: Any) -> Life:
        """A new worker; it may not be ready yet.

        Args:
            facts: What else it is told: `planted`, `skew`, `poison`, `crashes`.
        """
        self._born += 1
        number = self._born
        future: asyncio.Future[Life] = asyncio.get_running_loop().create_future()
        self._births[number] = future
        told = {
            "life": number,
            "seed": f"worker {number}",
            "control": str(self._folder / "control"),
            "target": str(self._folder / "target"),
            "log": str(self.log),
            "ledger": self.ledger,
            "times": asdict(self.times),
            **facts,
        }
        nursery = _nursery()
        assert nursery.stdin is not None
        nursery.stdin.write(json.dumps(told).encode() + b"\n")
        nursery.stdin.flush()
        async with asyncio.timeout(_PATIENCE):
            return await future

    async def worker(self, **facts: Any) -> Life:
        """A new worker that is ready.

        Raises:
            TimeoutError: It does not get ready; its words are in `log`.
        """
        life = await self.birth(**facts)
        async with asyncio.timeout(_PATIENCE):
            await life.ready.wait()
        return life

    async def _hello(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._listening.add(task)
        told = json.loads(await reader.readline())
        # The nursery buries its dead only at the next birth: the number is still this worker's.
        line = writer.get_extra_info("socket").dup()
        life = self.lives[told["life"]] = Life(told["life"], os.pidfd_open(told["pid"]), line)
        self._births.pop(told["life"]).set_result(life)
        try:
            while line := await reader.readline():
                self._hear(life, json.loads(line))
        except (ConnectionError, ValueError):
            pass  # it died in the middle of a line
        finally:
            del self.lives[life.number]
            life.bury()
            writer.close()
            self._listening.discard(task)

    def _hear(self, life: Life, message: dict[str, Any]) -> None:
        match message:
            case {"ready": True}:
                life.ready.set()
            case {"answer": number, **answer}:
                if not life.answers[number].done():
                    life.answers[number].set_result(answer)
            case {"claimed": operations, "at": at}:
                self.claims.extend(Claim(life.number, one, epoch, at) for one, epoch in operations)
            case {"recorded": operations, "began": began, "at": at}:
                self.recorded.extend(
                    Recorded(life.number, one, epoch, final, began, at) for one, epoch, final in operations
                )
            case {"at": step, "by": by, "operation": operation, "token": token}:
                life.armed = None
                strike = Strike(life.number, step, by, operation, token, time.monotonic())
                self.on_step(life, strike)
                life.reached.put_nowait(strike)
            case {"open": count}:
                assert life.open_operations is not None
                life.open_operations.set_result(count)
            case {"failed": reason}:
                life.failed = reason

    def _note_step(self, life: Life, strike: Strike) -> None:
        life.stopped = strike.by == "SIGSTOP"
        self.strikes.append(strike)

    def resume(self, life: Life, strike: Strike) -> None:
        """Let a stopped worker go on."""
        strike.ended = time.monotonic()
        life.signal(signal.SIGCONT)

    async def ask(self, life: Life, kind: Kind, reference: str, text: str = "") -> Ask:
        """Ask a worker for a change; returns when it answered, or died."""
        text = text or f"text of {reference}"
        ask = Ask(len(self.asks), kind, reference, text, life.number, time.monotonic())
        self.asks.append(ask)
        if life.gone.is_set():
            return ask
        answer = life.answers[ask.number] = asyncio.get_running_loop().create_future()
        life.tell(do="ask", ask=ask.number, kind=kind, request={"reference": reference, "text": ask.text})
        said = await answer
        del life.answers[ask.number]
        if said is not None and "mistake" in said:
            self.mistakes.append(said["mistake"])
        elif said is not None:
            ask.word, ask.told_at, ask.operation = said["word"], said["at"], said["operation"]
            ask.code, ask.told_text = said.get("code") or "", said.get("text", "")
        return ask

    async def operations(self) -> list[Operation]:
        """What the ledger says, read by the test's own process."""
        settings = LedgerSettings.model_validate(self.ledger)
        ledger = await Ledger.open(settings, Sources(), heartbeat=False)
        try:
            return await ledger.find(limit=10_000_000)
        finally:
            await ledger.close()

    async def evidence(self) -> Evidence:
        """Everything that was written down."""
        return Evidence(
            self.asks, self.target.effects, self.target.arrivals, self.strikes, self.claims, self.recorded,
            await self.operations(),
        )  # fmt: skip


@asynccontextmanager
async def crew(
    folder: Path, ledger: Mapping[str, Any], *, seed: int = 1, calm: bool = False, times: Times | None = None
) -> AsyncIterator[Crew]:
    """Target and nursery, for the length of an `async with`; all processes are gone at the end.

    Args:
        folder: For sockets and the workers' log; its path must be short.
        ledger: Settings of the shared ledger.
        seed: For the target's faults and pauses.
        calm: Whether the target has no faults of its own; those of its script it has.
        times: Lease, horizon and timeouts.
    """
    times = times or Times()
    found = Crew(folder, ledger, times, Target(times, f"target {seed}", calm=calm))
    await found.start()
    try:
        yield found
    finally:
        await found.stop()
