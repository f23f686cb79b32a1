"""Writes down what a worker's ledger has made durable, and cuts it off when the worker dies.

It looks at the ledger from outside, by what its methods are given and answer, so that the ledger itself needs no
seam for tests.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ...core.ledger import Ledger
from ...core.ledger.records import Begun, Intent, Operation, Status, Verdict
from ..origin import ACTION
from .approval_watch import held, watch_approvals
from .entries import Journalled
from .recording import Journal, Step, undoing


def watch(ledger: Ledger, journal: Journal, worker: str, step: Step) -> None:
    """Write down each state of an operation that the ledger makes durable.

    Args:
        ledger: A worker's open ledger.
        journal: Where it is written down.
        worker: The worker.
        step: Awaited at `before_journal`, `after_journal` and `before_record`; a batch comes to each of them under its
            own name, and what recovery finds out of an item under the item's.
    """
    seen: Any = ledger
    recording: Any = ledger.recording
    real_begin: Callable[..., Awaitable[list[Begun]]] = ledger.begin
    real_claim: Callable[..., Awaitable[list[Operation]]] = ledger.claim_due
    real_record: Callable[[Sequence[Verdict]], asyncio.Future[list[bool]]] = recording.record
    real_finish: Callable[..., Awaitable[list[bool]]] = ledger.finish
    known: dict[str, Operation] = {}

    def durable(operation: Operation, status: Status, epoch: int) -> None:
        known[operation.id] = operation
        journal.write(
            Journalled(
                journal.clock.now(),
                worker,
                journal.operation(operation.id),
                operation.id,
                operation.key,
                status.value,
                epoch,
            )
        )

    async def begin(intents: Sequence[Intent], **how: Any) -> list[Begun]:
        for intent in intents:
            if intent.undoes is not None:
                journal.name(intent.system, intent.key, undoing(journal.operation(intent.undoes)))
        await step("before_journal", worker, intents[0].system, ACTION.get() or intents[0].action)
        begun = await real_begin(intents, **how)
        for one in begun:
            journal.begun(one.operation.system, one.operation.key, one.operation.id)
            known[one.operation.id] = one.operation
            if one.fresh:
                durable(one.operation, Status.RUNNING, one.operation.epoch)
        held(begun, intents, journal, durable)
        try:
            await step("after_journal", worker, intents[0].system, ACTION.get() or intents[0].action)
        except asyncio.CancelledError:
            if (orphaned := how.get("orphaned")) is not None:
                orphaned(begun)  # the ledger's own way, which knows no pause here
            raise
        return begun

    async def claim_due(**how: Any) -> list[Operation]:
        claimed = await real_claim(**how)
        for operation in claimed:
            journal.begun(operation.system, operation.key, operation.id)
            durable(operation, Status.RUNNING, operation.epoch)
        return claimed

    def record(verdicts: Sequence[Verdict]) -> asyncio.Future[list[bool]]:
        future = real_record(verdicts)

        def written(done: asyncio.Future[list[bool]]) -> None:
            if done.cancelled() or done.exception() is not None:
                return
            for verdict, in_time in zip(verdicts, done.result(), strict=True):
                if in_time and verdict.operation_id in known:
                    durable(known[verdict.operation_id], verdict.status, verdict.epoch)

        if future.done():  # at once, so that it stands before what follows from it
            written(future)
        else:
            future.add_done_callback(written)
        return future

    async def finish(verdicts: Sequence[Verdict], **how: Any) -> list[bool]:
        first = known.get(verdicts[0].operation_id)
        try:
            if first is not None:
                await step("before_record", worker, first.system, ACTION.get() or first.action)
        except asyncio.CancelledError:
            ledger.finish_soon(verdicts)  # it is handed over before anything can be cancelled
            raise
        return await real_finish(verdicts, **how)

    watch_approvals(ledger, journal, durable)
    seen.begin, seen.claim_due, seen.finish, recording.record = begin, claim_due, finish, record


_ERRORS = {
    "disk_full": ("SQLITE_FULL", "database or disk is full"),
    "locked": ("SQLITE_BUSY", "database is locked"),
    "io_error": ("SQLITE_IOERR", "disk I/O error"),
}


def fail_next_write(ledger: Ledger, error: str) -> None:
    """Let the ledger's database refuse the next thing that it is given to write.

    Args:
        ledger: A worker's open ledger.
        error: `disk_full`, `locked` or `io_error`.
    """
    writer: Any = ledger.writer
    real = writer.submit

    def submit(run: Any, *, writes: bool = True, **how: Any) -> Any:
        if not writes:
            return real(run, writes=writes, **how)
        writer.submit = real
        return real(refuse, writes=writes, **how)

    def refuse(_: Any) -> Any:
        name, words = _ERRORS[error]
        raised = sqlite3.OperationalError(words)
        vars(raised).update(sqlite_errorname=name)
        raise raised

    writer.submit = submit


def cut_off(ledger: Ledger) -> None:
    """Let nothing more be written, as if the process had died: no farewell, no last verdict."""
    writer: Any = ledger.writer
    loop = asyncio.get_running_loop()
    writer.submit = lambda *_, **__: loop.create_future()
    writer.abandon()
