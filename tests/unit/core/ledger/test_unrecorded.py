"""Verdicts that could not be written: kept, whoever waits for them, and written once that is possible."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import pytest_asyncio
from support.clock import FakeClock

from seawall.core.clock import Sources
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger import Ledger
from seawall.core.ledger.database import Database
from seawall.core.ledger.records import AttemptRow, Begun, Intent, Status, Verdict
from seawall.core.settings import LedgerSettings

INTENT = Intent(
    id="op_1",
    system="crm",
    action="add",
    key="k1",
    identity="{}",
    request="{}",
    digest="d",
    principal="p",
    adapter_version="1",
    policy="{}",
    deadline_at=0.0,
)
APPLIED = Verdict("op_1", 1, Status.APPLIED, attempts=(AttemptRow("op_1", 1, 1, "send", 1.0, 2.0, "applied"),))


class Blocker:
    """Another program that holds the file's write lock."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def block(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


@pytest_asyncio.fixture
async def one(tmp_path: Path) -> AsyncIterator[Ledger]:
    settings = LedgerSettings(path=str(tmp_path / "ledger.db"), busy_timeout=0.1)
    ledger = await Ledger.open(settings, Sources(), heartbeat=False)
    yield ledger
    await ledger.close()


@pytest_asyncio.fixture
async def blocker(one: Ledger, tmp_path: Path) -> AsyncIterator[Blocker]:
    await one.begin([INTENT])
    other = Blocker(tmp_path / "ledger.db")
    yield other
    other.close()


async def status(one: Ledger) -> Status:
    found = await one.get("op_1")
    assert found is not None
    return found.status


async def test_verdict_whose_caller_was_told_of_the_failure_is_kept_once(one: Ledger, blocker: Blocker) -> None:
    blocker.block()
    with pytest.raises(LedgerUnavailable, match="locked by another program"):
        await one.finish([APPLIED])
    assert list(one.unrecorded) == [APPLIED]
    one.finish_soon([APPLIED])  # its caller is careful, too
    await one.get("op_1")
    assert list(one.unrecorded) == [APPLIED]
    blocker.release()
    await one.retry_unrecorded()
    assert (await status(one), list(one.unrecorded)) == (Status.APPLIED, [])
    story = await one.story("op_1")
    assert story is not None
    assert (story.attempts, story.decisions) == (APPLIED.attempts, ())


@pytest.mark.parametrize("gone", ["cancelled", "out of time"])
async def test_verdict_whose_caller_is_gone_when_it_fails_is_kept(one: Ledger, blocker: Blocker, gone: str) -> None:
    blocker.block()
    if gone == "cancelled":
        call = asyncio.ensure_future(one.finish([APPLIED]))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    else:
        with pytest.raises(TimeoutError):
            await one.finish([APPLIED], within=0.01)
    await one.get("op_1")  # jobs are done in order, so the verdict's has failed now
    assert list(one.unrecorded) == [APPLIED]
    blocker.release()
    await one.retry_unrecorded()
    assert await status(one) is Status.APPLIED


async def test_verdict_that_succeeds_after_its_caller_is_gone_is_not_kept(one: Ledger, blocker: Blocker) -> None:
    one._lease.held.add(("op_2", 1))  # another operation is under way, so the flush happens in the thread
    with pytest.raises(TimeoutError):
        await one.finish([APPLIED], within=0.0)
    assert await status(one) is Status.APPLIED
    assert list(one.unrecorded) == []


async def test_verdict_that_can_never_be_written_does_not_keep_the_others_back(one: Ledger, blocker: Blocker) -> None:
    impossible = replace(APPLIED, operation_id="op_2", attempts=(replace(APPLIED.attempts[0], effect=None),))  # type: ignore[arg-type]  # what no row may hold
    blocker.block()
    one.finish_soon([impossible])
    one.finish_soon([APPLIED])
    await one.get("op_1")
    blocker.release()
    await one.retry_unrecorded()
    assert (await status(one), list(one.unrecorded)) == (Status.APPLIED, [impossible])


async def test_closing_tries_once_more_what_could_not_be_recorded(tmp_path: Path) -> None:
    settings = LedgerSettings(path=str(tmp_path / "ledger.db"), busy_timeout=0.1)
    ledger = await Ledger.open(settings, Sources(), heartbeat=False)
    await ledger.begin([INTENT])
    other = Blocker(tmp_path / "ledger.db")
    other.block()
    ledger.finish_soon([APPLIED])
    await ledger.get("op_1")
    other.release()
    other.close()
    await ledger.close()
    await ledger.close()
    again = await Ledger.open(settings, Sources(), heartbeat=False)
    assert await status(again) is Status.APPLIED
    await again.close()


@pytest.mark.parametrize("turns", range(6))
async def test_intent_whose_caller_is_cancelled_at_any_moment_reaches_somebody(one: Ledger, turns: int) -> None:
    orphans: list[Begun] = []
    call = asyncio.ensure_future(one.begin([INTENT], orphaned=orphans.extend))
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    answers = await asyncio.gather(call, return_exceptions=True)
    recorded = await one.get("op_1")
    told = orphans if isinstance(answers[0], asyncio.CancelledError) else answers[0]
    assert isinstance(told, list)
    assert [begun.fresh for begun in told] == ([True] if recorded else [])


async def test_intent_whose_caller_is_cancelled_as_the_answer_arrives_reaches_somebody(one: Ledger) -> None:
    orphans: list[Begun] = []
    submit = one._writer.submit

    def cancelling(run: Callable[[Database], list[Begun]], **options: Any) -> asyncio.Future[list[Begun]]:
        future = submit(run, **options)
        future.add_done_callback(lambda _: call.cancel())
        return future

    with patch.object(one._writer, "submit", cancelling):  # a deadline at the same moment
        call = asyncio.ensure_future(one.begin([INTENT], orphaned=orphans.extend))
        with pytest.raises(asyncio.CancelledError):
            await call
    assert [begun.fresh for begun in orphans] == [True]


async def test_verdict_that_is_refused_is_tried_more_and_more_rarely_and_told_as_unrecorded(tmp_path: Path) -> None:
    clock = FakeClock()
    one = await Ledger.open(
        LedgerSettings(path=str(tmp_path / "ledger.db")), Sources(clock), inline=True, heartbeat=False
    )
    await one.begin([INTENT])
    tries: list[float] = []

    class Strange:
        def __conform__(self, protocol: object) -> None:
            tries.append(clock.monotonic())  # the driver asks it for a value that can be bound, and gets none

    strange = replace(APPLIED, outcome=Strange())  # type: ignore[arg-type]  # no driver can bind it
    with pytest.raises(LedgerUnavailable):
        await one.finish([strange])
    assert list(one.unrecorded) == [strange]
    for _ in range(1000):
        clock.advance(0.1)
        await one.retry_unrecorded()
    assert 5 <= len(tries) <= 12, "not once for each round"
    await one.close()


async def test_verdict_that_is_taken_at_last_leaves_nothing_behind(one: Ledger, blocker: Blocker) -> None:
    with patch("seawall.core.ledger.store.record_verdicts", side_effect=TypeError("ours")):
        for _ in range(3):
            with pytest.raises(LedgerUnavailable):
                await one.finish([APPLIED])
    assert list(one.unrecorded) == [APPLIED]
    assert await one.finish([APPLIED]) == [True]
    assert (len(one.unrecorded), one.unrecorded._refusals) == (0, {})


@pytest.mark.parametrize("mistake", [TypeError("ours"), OverflowError("too large")])
async def test_verdict_is_kept_whatever_the_failure_was(one: Ledger, blocker: Blocker, mistake: Exception) -> None:
    with patch("seawall.core.ledger.store.record_verdicts", side_effect=mistake):
        with pytest.raises(LedgerUnavailable, match=type(mistake).__name__):
            await one.finish([APPLIED])
        one.finish_soon([replace(APPLIED, operation_id="op_2")])
        await one.get("op_1")
    assert [verdict.operation_id for verdict in one.unrecorded] == ["op_1", "op_2"]
    one.unrecorded.clear()


async def test_text_that_utf8_cannot_hold_costs_no_verdict(one: Ledger, blocker: Blocker) -> None:
    told = replace(APPLIED, outcome='{"value": "\ud800"}', attempts=(replace(APPLIED.attempts[0], error="a\udfffb"),))
    assert await one.finish([told]) == [True]
    story = await one.story("op_1")
    assert story is not None
    assert (story.operation.outcome, story.attempts[0].error) == ('{"value": "\ufffd"}', "a\ufffdb")
    assert list(one.unrecorded) == []


async def test_intent_with_text_that_utf8_cannot_hold_is_found_again(one: Ledger, blocker: Blocker) -> None:
    odd = replace(INTENT, id="op_2", key="k\ud800", entity="e\ud800")
    assert [begun.fresh for begun in await one.begin([odd])] == [True]
    (again,) = await one.begin([replace(odd, id="op_3")])
    assert (again.fresh, again.operation.id) == (False, "op_2")


async def test_verdict_is_recorded_by_itself_once_the_ledger_is_back(tmp_path: Path) -> None:
    settings = LedgerSettings(path=str(tmp_path / "ledger.db"), busy_timeout=0.1)
    one = await Ledger.open(settings, Sources())
    await one.begin([INTENT])
    other = Blocker(tmp_path / "ledger.db")
    other.block()
    one.finish_soon([APPLIED])
    await one.get("op_1")
    assert list(one.unrecorded) == [APPLIED]
    other.release()
    other.close()
    async with asyncio.timeout(5):
        while one.unrecorded or await status(one) is not Status.APPLIED:  # being recorded, it is in neither place
            await asyncio.sleep(0.02)
    await one.close()


@dataclass(slots=True, eq=False)
class Compared(Verdict):
    """A verdict that counts how often it is compared."""

    def __eq__(self, other: object) -> bool:
        comparisons.append(self.operation_id)
        return self is other

    __hash__ = None  # type: ignore[assignment]  # like any verdict


comparisons: list[str] = []


async def test_many_verdicts_are_tried_again_at_a_cost_that_grows_with_their_number(
    one: Ledger, blocker: Blocker
) -> None:
    many = [Compared(f"op_{number}", 1, Status.APPLIED) for number in range(500)]
    blocker.block()
    for verdict in many:
        one.finish_soon([verdict])
    await one.get("op_1")
    assert len(one.unrecorded) == 500
    blocker.release()
    comparisons.clear()
    await one.retry_unrecorded()
    assert (len(comparisons) <= 2000, len(one.unrecorded)) == (True, 0)


async def test_ledger_that_is_away_is_asked_once_and_not_once_for_each_verdict(one: Ledger, blocker: Blocker) -> None:
    blocker.block()
    for number in range(50):
        one.finish_soon([Verdict(f"op_{number}", 1, Status.APPLIED)])
    await one.get("op_1")
    asked: list[int] = []
    with patch.object(one._writer, "submit", wraps=one._writer.submit) as submit:
        with pytest.raises(LedgerUnavailable, match="locked"):
            await one.retry_unrecorded()
        asked.append(submit.call_count)
    assert (asked, len(one.unrecorded)) == ([1], 50)
    blocker.release()
