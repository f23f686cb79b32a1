"""A worker: a `Seawall` with background recovery, which asks what it is told to ask and springs the traps set for it.

Run as `python -m chaos.kills.worker` it is the nursery: each line on its input makes it fork a worker, which is quick
because everything is imported already. When its input ends it kills all of them, stopped ones too.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from seawall import Applied, Config, Pending, Rejected, Seawall, Sources, Unknown
from seawall.core.clock import SystemClock
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import Operation, Status
from seawall.core.outcome import Outcome

from .adapter import LineAdapter
from .planted import plant
from .records import Times
from .steps import Traps

Message = dict[str, Any]


def config(ledger: Message, times: Times, crashes: int) -> Config:
    """Short waits, and a breaker that only a real outage opens.

    Args:
        ledger: Its settings.
        times: Lease and timeouts.
        crashes: So many processes may end while they hold an operation, before it is taken for the reason.
    """
    recovery = {
        "interval": 0.15, "first_probe": 0.05, "longest_wait": 1.0, "concurrency": 6, "batch": 20, "crashes": crashes
    }  # fmt: skip
    return Config.model_validate(
        {
            "ledger": {**ledger, "lease": times.lease},
            "systems": {
                "target": {
                    "connector": "lines",
                    "attempt_timeout": times.attempt,
                    "deadline": times.deadline,
                    "retry": {"first_wait": 0.05, "attempts": 3, "budget_ratio": 0.5, "budget_reserve": 30},
                    "breaker": {"failures": 30, "reset_after": 0.3, "probe_lease": 2 * times.attempt},
                    "recovery": recovery,
                }
            },
            "policy": [{"name": "everything", "decision": "allow"}],
        }
    )


class SkewedClock(SystemClock):
    """A machine whose wall clock was set wrong.

    Args:
        skew: Seconds that it is ahead.
    """

    def __init__(self, skew: float) -> None:
        self._skew = skew

    def now(self) -> float:
        return time.time() + self._skew


class Worker:
    """One life of a worker.

    Args:
        told: What the campaign says of it.
        reader: From the campaign.
        writer: To it.
    """

    def __init__(self, told: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._told = told
        self._reader = reader
        self._writer = writer
        self._times = Times(**told["times"])
        self._traps = Traps(self._tell, told["seed"])
        self._asking: set[asyncio.Task[None]] = set()

    def _tell(self, message: Message) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")
        transport = self._writer.transport
        # A message waits in this process only when the campaign does not read, and then it is as good as lost.
        assert transport.get_write_buffer_size() == 0 or transport.is_closing()

    async def live(self) -> None:
        life = self._told["life"]
        self._tell({"life": life, "pid": os.getpid()})
        told = self._told
        adapter = LineAdapter(told["target"], self._traps, life, self._times.horizon, told.get("poison", ""))
        sources = Sources(SkewedClock(told.get("skew", 0.0)))
        settings = config(told["ledger"], self._times, told.get("crashes", 3))
        wall = Seawall(settings, adapters={"target": adapter}, sources=sources)
        try:
            async with wall:
                self._watch(wall.ledger)
                self._tell({"ready": True})
                await self._obey(wall)
        except LedgerUnavailable as error:
            self._tell({"failed": str(error)})

    async def _obey(self, wall: Seawall) -> None:
        while line := await self._reader.readline():
            message = json.loads(line)
            match message["do"]:
                case "ask":
                    task = asyncio.create_task(self._ask(wall, message))
                    self._asking.add(task)
                    task.add_done_callback(self._asking.discard)
                case "arm":
                    self._traps.arm(message["step"], message["by"])
                case "disarm":
                    self._traps.disarm()
                case "settle":
                    self._tell({"open": await wall.settle(message["within"])})
                case "close":
                    return

    async def _ask(self, wall: Seawall, message: Message) -> None:
        try:
            outcome = await wall.call(f"target.{message['kind']}", message["request"], principal="agent")
            answer = _told(outcome)
        except Exception:  # noqa: BLE001 -- a call must not raise, and the campaign is to know if it does
            answer = {"mistake": traceback.format_exc()}
        self._tell({"answer": message["ask"], "at": time.monotonic(), **answer})

    def _tell_claims(self, operations: Sequence[Operation]) -> None:
        self._tell({"claimed": [(one.id, one.epoch) for one in operations], "at": time.monotonic()})

    def _watch(self, ledger: Ledger) -> None:
        """Put traps around what the ledger does."""
        begin, finish, claim_due = ledger.begin, ledger.finish, ledger.claim_due
        traps = self._traps

        async def watched_begin(intents: Any, **options: Any) -> Any:
            begun = await begin(intents, **options)
            fresh = [one.operation for one in begun if one.fresh]
            if fresh:
                self._tell_claims(fresh)
            for operation in fresh:
                traps.reach("intent", operation.id)
            return begun

        async def watched_finish(verdicts: Any, **options: Any) -> Any:
            operation = verdicts[0].operation_id if verdicts else ""
            began = time.monotonic()
            traps.begin("verdict", operation)
            recorded = await finish(verdicts, **options)
            done = [
                (one.operation_id, one.epoch, one.status is not Status.UNKNOWN)
                for one, in_time in zip(verdicts, recorded, strict=True)
                if in_time
            ]
            self._tell({"recorded": done, "began": began, "at": time.monotonic()})
            traps.reach("recorded", operation)
            return recorded

        async def watched_claim(**options: Any) -> Any:
            if traps.armed("claim"):
                due = await ledger.next_due()
                if due is not None and due <= time.time():
                    traps.begin("claim")
            claimed = await claim_due(**options)
            if claimed:
                self._tell_claims(claimed)
                traps.reach("claimed", claimed[0].id)
            return claimed

        ledger.begin = watched_begin  # type: ignore[method-assign]  # the traps
        ledger.finish = watched_finish  # type: ignore[method-assign]  # the traps
        ledger.claim_due = watched_claim  # type: ignore[method-assign]  # the traps


def _told(outcome: Outcome[Any]) -> Message:
    match outcome:
        case Applied(value=value, operation_id=operation):
            return {"word": "applied", "operation": operation, "text": value.text}
        case Rejected(error=error, operation_id=operation):
            return {"word": "rejected", "operation": operation, "code": error.code, "transient": error.transient}
        case Unknown(operation_id=operation):
            return {"word": "unknown", "operation": operation}
        case Pending(operation_id=operation, waits_for=waits_for):
            return {"word": "pending", "operation": operation, "code": waits_for}
    raise AssertionError(f"one operation cannot come to {outcome!r}")


async def _live(told: Message) -> None:
    reader, writer = await asyncio.open_unix_connection(told["control"])
    await Worker(told, reader, writer).live()
    writer.close()


def _born(told: Message) -> None:
    """What a forked process does; never returns."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what comes in is for the nursery
    log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        plant(told.get("planted", "nothing"))
        asyncio.run(_live(told))
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(0)  # a fork ends here, and not where its nursery would


_LOADED_LATE = ("seawall.core.ledger.store", "seawall.core.ledger.postgres.writer", "alembic.command")


def nursery() -> None:
    """Fork workers as told."""
    for name in _LOADED_LATE:
        with suppress(ImportError):  # a driver that is not installed
            importlib.import_module(name)
    alive: set[int] = set()
    while line := sys.stdin.buffer.readline():
        pid = os.fork()
        if pid == 0:
            _born(json.loads(line))
        alive.add(pid)
        alive -= {one for one in alive if os.waitpid(one, os.WNOHANG)[0]}
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    nursery()
