"""Hard cases that need real processes: one of them ends or stops at a step, another one goes on, one effect remains."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from chaos.kills.crew import Crew, crew
from chaos.kills.judge import judge
from chaos.kills.records import Ask, Times
from support.postgres_server import PostgresServer, postgres_server

from seawall import Sources
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import Operation, Status, Story
from seawall.core.settings import LedgerSettings

TIMES = Times(lease=1.0, attempt=0.4, horizon=0.8, deadline=6.0)
HOUR = 3600.0
SETTLED = 20.0  # seconds that recovery may take

# Where the database makes no difference, one is enough.
on_sqlite = pytest.mark.parametrize("crew", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("crew", ["postgresql"], indirect=True)


@pytest.fixture(name="postgres", scope="module")
def _postgres() -> Iterator[PostgresServer]:
    if "url" not in LedgerSettings.model_fields:
        pytest.skip("the ledger on PostgreSQL is not part of this version")
    with postgres_server() as server:
        yield server


@pytest_asyncio.fixture(name="crew", params=["sqlite", "postgresql"])
async def _crew(request: pytest.FixtureRequest) -> AsyncIterator[Crew]:
    with tempfile.TemporaryDirectory(prefix="seawall-hard-") as name:  # a socket's path must be short
        folder = Path(name)
        ledger: dict[str, Any] = {"path": str(folder / "ledger.db")}
        if request.param == "postgresql":
            ledger = {"url": request.getfixturevalue("postgres").database(folder.name)}
        async with crew(folder, ledger, calm=True, times=TIMES) as found:
            yield found
            assert found.mistakes == []
            assert "Traceback" not in found.log.read_text()


async def settled(crew: Crew, by: Any) -> Operation:
    """The only operation, once a worker has nothing left to do; and no promise is broken."""
    assert await by.settle(SETTLED) == 0
    (operation,) = await crew.operations()
    return operation


async def no_promise_is_broken(crew: Crew) -> None:
    assert judge(await crew.evidence()).found() == []


async def story(crew: Crew, operation: Operation) -> Story:
    ledger = await Ledger.open(LedgerSettings.model_validate(crew.ledger), Sources(), heartbeat=False)
    try:
        found = await ledger.story(operation.id)
    finally:
        await ledger.close()
    assert found is not None
    return found


@pytest.mark.case(12)
@pytest.mark.parametrize("kind", ["keyed"])
async def test_process_killed_after_its_intent_leaves_an_operation_that_another_does_once(
    crew: Crew, kind: Any
) -> None:
    """Case 12: crash after intent, before send → resumes, one effect."""
    first, second = await crew.worker(), await crew.worker()
    first.arm("intent", "SIGKILL")
    ask = await crew.ask(first, kind, "R-1")
    assert (ask.word, crew.target.arrivals) == (None, [])
    operation = await settled(crew, second)
    assert operation.status is Status.APPLIED
    assert [one.life for one in crew.target.arrivals] == [second.number]
    assert len(crew.target.effects) == 1
    await no_promise_is_broken(crew)


@pytest.mark.case(13)
@pytest.mark.parametrize("step", ["sent", "replied"])
async def test_what_a_killed_process_had_sent_is_found_and_not_sent_again(crew: Crew, step: str) -> None:
    """Case 13: crash between send and journal → probe, no blind resend."""
    first, second = await crew.worker(), await crew.worker()
    first.arm(step, "SIGKILL")
    ask = await crew.ask(first, "marked", "R-1")
    assert ask.word is None
    operation = await settled(crew, second)
    assert operation.status is Status.APPLIED
    assert (len(crew.target.arrivals), len(crew.target.effects)) == (1, 1)
    assert crew.target.probes > 0
    await no_promise_is_broken(crew)


@on_sqlite
@pytest.mark.case(13)
async def test_what_a_killed_process_may_have_sent_to_a_target_without_means_waits_for_a_person(crew: Crew) -> None:
    """Case 13, where nobody can find out: parked, never sent again."""
    first, second = await crew.worker(), await crew.worker()
    first.arm("sent", "SIGKILL")
    await crew.ask(first, "plain", "R-1")
    operation = await settled(crew, second)
    assert operation.status is Status.PARKED
    assert len(crew.target.arrivals) == 1
    again = await crew.ask(second, "plain", "R-1")
    assert (again.word, again.code, len(crew.target.arrivals)) == ("pending", "person", 1)
    await no_promise_is_broken(crew)


async def stop_and_take_over(crew: Crew, kind: Any, step: str, *faults: str) -> tuple[Ask, Operation]:
    """A worker is stopped at a step, past its lease; another one settles what it held; then it goes on."""
    first = await crew.worker()
    crew.target.script["R-1"] = list(faults)
    first.arm(step, "SIGSTOP")
    asking = asyncio.create_task(crew.ask(first, kind, "R-1"))
    stop = await first.sprung()
    second = await crew.worker()
    operation = await settled(crew, second)
    crew.resume(first, stop)
    ask = await asking
    # It may be told before it has noticed what became of its own attempt.
    assert await first.settle(SETTLED) == 0
    await asyncio.sleep(TIMES.attempt)
    (after,) = await crew.operations()
    assert (after.status, after.outcome) == (operation.status, operation.outcome)
    return ask, after


@pytest.mark.case(16)
@pytest.mark.parametrize(("step", "kind"), [("intent", "marked"), ("fenced", "keyed"), ("fenced", "plain")])
async def test_process_stopped_before_dispatch_neither_sends_nor_records_when_it_goes_on(
    crew: Crew, kind: Any, step: str
) -> None:
    """Case 16: SIGSTOP before dispatch, past the lease; B completes; A's send is refused, A's write rejected."""
    ask, operation = await stop_and_take_over(crew, kind, step)
    stopped = ask.life
    assert [one for one in crew.target.arrivals if one.life == stopped] == []
    assert [one for one in crew.recorded if one.life == stopped] == []
    if kind == "plain":  # B cannot know that nothing was sent
        assert (operation.status, crew.target.effects) == (Status.PARKED, [])
        assert ask.word == "pending"
    else:
        assert (operation.status, len(crew.target.effects)) == (Status.APPLIED, 1)
        assert ask.word == "applied"
    await no_promise_is_broken(crew)


@on_sqlite
@pytest.mark.case(16)
@pytest.mark.parametrize("kind", ["marked", "keyed"])
async def test_process_stopped_before_a_repetition_does_not_send_it_when_it_goes_on(crew: Crew, kind: Any) -> None:
    """Case 16 for what recovery sends again: the fence is asked right before these bytes as well."""
    ask, operation = await stop_and_take_over(crew, kind, "resend fenced", "lost before", "lost before")
    assert operation.status is Status.APPLIED
    assert len(crew.target.effects) == 1
    assert ask.word in ("applied", "unknown")
    await no_promise_is_broken(crew)


@on_sqlite
@pytest.mark.case(17)
async def test_successor_of_a_process_stopped_in_mid_send_waits_the_horizon_and_probes(crew: Crew) -> None:
    """Case 17: SIGSTOP mid-send → B waits the bound, probes; one effect."""
    crew.times = replace(TIMES, horizon=2.5)
    # It commits after its sender has lost the lease and its successor has probed for the first time.
    ask, operation = await stop_and_take_over(crew, "marked", "sent", "late:1.9")
    assert operation.status is Status.APPLIED
    assert (len(crew.target.arrivals), len(crew.target.effects)) == (1, 1)
    findings = [probe.finding for probe in (await story(crew, operation)).probes]
    assert findings[0] == "absent"
    assert findings[-1] == "present"
    assert ask.word in ("applied", "unknown")
    await no_promise_is_broken(crew)


@pytest.mark.case(18)
async def test_late_result_of_a_stopped_process_is_kept_as_evidence_and_changes_nothing(crew: Crew) -> None:
    """Case 18: the late result of a stale holder → evidence; the terminal state stays as it is."""
    ask, operation = await stop_and_take_over(crew, "plain", "replied")
    assert operation.status is Status.PARKED
    assert (ask.word, ask.code) == ("pending", "person")
    told = await story(crew, operation)
    assert [(one.effect, one.stale) for one in told.attempts] == [("applied", True)]
    assert "stale_result" in [one.decision for one in told.decisions]
    await no_promise_is_broken(crew)


@on_sqlite
@pytest.mark.case(19)
@pytest.mark.case(20)
async def test_request_with_the_same_identity_and_other_content_does_not_touch_what_another_process_does(
    crew: Crew,
) -> None:
    """Cases 19 and 20: a rejected duplicate cannot alter the holder's record; it is refused before anything is sent."""
    first, second = await crew.worker(), await crew.worker()
    crew.target.script["R-1"] = ["slow"]
    asking = asyncio.create_task(crew.ask(first, "keyed", "R-1"))
    while not crew.target.arrivals:
        await asyncio.sleep(0.01)
    (before,) = await crew.operations()
    other = await crew.ask(second, "keyed", "R-1", text="something else")
    assert (other.word, other.code) == ("rejected", "same_identity_other_content")
    (after,) = await crew.operations()
    assert (after.request, after.holder, after.epoch) == (before.request, before.holder, before.epoch)
    ask = await asking
    operation = await settled(crew, first)
    assert (operation.status, operation.id) == (Status.APPLIED, ask.operation)
    assert {one.text for one in crew.target.effects} == {ask.text}


@pytest.mark.case(21)
async def test_fifty_callers_in_four_processes_share_one_dispatch_though_one_of_them_is_killed(crew: Crew) -> None:
    """Case 21, and the one that sends is killed: the rest is answered within its deadline, and there is one effect."""
    workers = [await crew.worker() for _ in range(4)]
    workers[0].arm("replied", "SIGKILL")
    first = asyncio.create_task(crew.ask(workers[0], "marked", "R-1"))
    while not crew.target.arrivals:
        await asyncio.sleep(0.005)
    asks = await asyncio.gather(*(crew.ask(one, "marked", "R-1") for one in workers[1:] for _ in range(17)))
    assert (await first).word is None
    assert {ask.word for ask in asks} <= {"applied", "unknown", "pending"}
    assert all((ask.told_at or 0) - ask.asked_at < TIMES.deadline + 0.5 for ask in asks)
    operation = await settled(crew, workers[1])
    assert operation.status is Status.APPLIED
    assert (len(crew.target.arrivals), len(crew.target.effects)) == (1, 1)
    again = await crew.ask(workers[2], "marked", "R-1")
    assert (again.word, len(crew.target.arrivals)) == ("applied", 1)
    await no_promise_is_broken(crew)


@on_sqlite
@pytest.mark.case(24)
async def test_operation_that_ends_every_process_is_left_alone_and_the_others_go_on(crew: Crew) -> None:
    """Case 24: an operation crashes every worker → quarantined after N; others progress."""
    first = await crew.worker(poison="R-poison")
    crew.target.script["R-2"] = ["lost after"]
    await crew.ask(first, "marked", "R-2")
    assert (await crew.ask(first, "marked", "R-poison")).word is None
    deaths = 1
    while deaths < 10:
        life = await crew.birth(poison="R-poison")
        if await asyncio.wait_for(life_settled(life), SETTLED) == 0:
            break
        deaths += 1
    by_reference = {one.identity: one for one in await crew.operations()}
    states = sorted((name, one.status) for name, one in by_reference.items())
    assert [status for _, status in states] == [Status.APPLIED, Status.PARKED], states
    (parked,) = (one for one in by_reference.values() if one.status is Status.PARKED)
    assert "R-poison" in parked.identity
    assert "ended 3 times" in (parked.parked_because or "")
    assert deaths == 3
    await no_promise_is_broken(crew)


async def life_settled(life: Any) -> int:
    """Open operations of a worker once it settled; -1 if it died."""
    waiting = [asyncio.create_task(one.wait()) for one in (life.ready, life.gone)]
    _, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return -1 if life.gone.is_set() else await life.settle(SETTLED)


@pytest.mark.case(41)
@pytest.mark.parametrize("skew", [HOUR, -HOUR])
async def test_process_whose_clock_is_an_hour_wrong_repeats_nothing(crew: Crew, skew: float) -> None:
    """Case 41: clock ±1 h → leases and horizons are conservative: what takes over too early finds out, not resends."""
    right, wrong = await crew.worker(), await crew.worker(skew=skew)
    ahead = wrong if skew > 0 else right  # for the other one, what they wrote down is not due for an hour
    crew.target.script = {"R-1": ["late:0.5"], "R-2": ["late:0.5"]}
    await asyncio.gather(crew.ask(right, "marked", "R-1"), crew.ask(wrong, "marked", "R-2"))
    assert await ahead.settle(SETTLED) == 0
    assert {one.status for one in await crew.operations()} == {Status.APPLIED}
    assert (len(crew.target.arrivals), len(crew.target.effects)) == (2, 2)
    await no_promise_is_broken(crew)


@pytest.mark.case(41)
async def test_orphan_of_a_process_whose_clock_was_an_hour_ahead_is_settled_by_it_when_it_comes_back(
    crew: Crew,
) -> None:
    """Case 41: its last sign of life lies an hour in the future; nobody sends again before that is over."""
    crew.times = replace(TIMES, deadline=1.0)
    ahead = await crew.worker(skew=HOUR)
    ahead.arm("sent", "SIGKILL")
    await crew.ask(ahead, "marked", "R-1")
    right = await crew.worker()
    await asyncio.sleep(TIMES.lease + TIMES.horizon)
    again = await crew.ask(right, "marked", "R-1")
    # PostgreSQL's ledger goes by the server's clock, so there the wrong one makes no difference.
    assert (again.word, len(crew.target.arrivals)) == ("applied" if "url" in crew.ledger else "pending", 1)
    operation = await settled(crew, await crew.worker(skew=HOUR + 60))
    assert operation.status is Status.APPLIED
    assert (len(crew.target.arrivals), len(crew.target.effects)) == (1, 1)
    await no_promise_is_broken(crew)


@on_postgresql  # an SQLite file belongs to one machine, and that has one clock
@pytest.mark.case(41)
@pytest.mark.parametrize(("sender", "other"), [(-HOUR, 0.0), (0.0, HOUR)])
async def test_holder_that_seems_gone_because_clocks_differ_does_not_repeat_what_its_successor_did(
    crew: Crew, sender: float, other: float
) -> None:
    """Case 41: to a machine whose clock is ahead, a holder that waits to try again seems gone; one of the two sends."""
    crew.times = replace(TIMES, deadline=8.0)
    first, second = await crew.worker(skew=sender), await crew.worker(skew=other)
    crew.target.script["R-1"] = ["throttled:3"]
    await crew.ask(first, "marked", "R-1")
    await settled(crew, second)
    assert len(crew.target.effects) == 1
    await no_promise_is_broken(crew)
