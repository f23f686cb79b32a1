"""The server's clock, by which the ledger goes, and processes whose own clock is wrong."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import pytest
from support.clock import FakeClock

from seawall.core.clock import SystemClock
from seawall.core.ledger.postgres.database import ServerClock
from seawall.core.ledger.records import AttemptRow, DecisionRow, Intent, ProbeRow, Status, Verdict

from ..conftest import Home

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


class Wrong(SystemClock):
    """A machine whose wall clock is wrong.

    Args:
        by: Seconds.
    """

    def __init__(self, by: float) -> None:
        self.by = by

    def now(self) -> float:
        return time.time() + self.by


@pytest.mark.parametrize(
    ("before", "server", "after", "shift"),
    [
        (100.0, 100.5, 101.0, 0.0),  # anywhere inside the trip: nothing is known to be wrong
        (100.0, 101.9, 100.2, 0.0),  # within the tolerance
        (100.0, 98.5, 100.2, 0.0),
        (100.0, 103.2, 100.2, 3.0),  # at the least
        (100.0, 90.0, 130.0, -10.0),
        (100.0, 3700.0, 100.0, 3600.0),
    ],
)
def test_clock_is_wrong_when_no_trip_can_explain_the_difference(
    before: float, server: float, after: float, shift: float
) -> None:
    clock = ServerClock(FakeClock(), tolerance=2.0)
    clock.met(before, server, after)
    assert clock.shift == pytest.approx(shift)


def test_shift_does_not_follow_every_trembling_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = ServerClock(FakeClock(), tolerance=2.0)
    with caplog.at_level(logging.WARNING):
        for tremble in (0.0, 0.1, -0.2, 0.3):
            clock.met(100.0, 3700.0 + tremble, 100.0)
            assert clock.shift == 3600.0
    assert len(caplog.records) == 1
    assert "clock is 3600.0 s behind that of the ledger's server" in caplog.text
    clock.met(100.0, 100.0, 100.0)
    assert clock.shift == 0.0


@pytest.mark.case(41)
@pytest.mark.parametrize("by", [3600.0, -3600.0])
async def test_process_with_a_wrong_clock_writes_the_ledgers_time_and_reads_its_own(
    remote_home: Home, by: float
) -> None:
    wrong = Wrong(by)
    async with remote_home.open(wrong) as one, remote_home.open() as right:
        (begun,) = await one.begin([INTENT])
        assert begun.operation.created_at == pytest.approx(wrong.now(), abs=5)
        at = wrong.now()
        verdict = Verdict(
            "op_1",
            1,
            Status.UNKNOWN,
            sent_at=at - 9.0,
            last_sent_at=at - 1.0,
            next_check_at=at,
            attempts=(AttemptRow("op_1", 1, 1, "send", at - 9.0, at - 1.0, "maybe"),),
            probes=(ProbeRow("op_1", 1, at, "absent", "{}"),),
            decisions=(DecisionRow("op_1", at, "pipeline", "Wait", "?"),),
        )
        assert await one.finish([verdict]) == [True]
        mine, theirs = await one.story("op_1"), await right.story("op_1")
        assert mine is not None
        assert theirs is not None
        for found, now in ((mine, at), (theirs, at - by)):
            operation = found.operation
            times = [operation.sent_at, operation.last_sent_at, operation.next_check_at, operation.created_at]
            assert times == pytest.approx([now - 9.0, now - 1.0, now, now], abs=5)
            assert (found.attempts[0].started_at, found.probes[0].at, found.decisions[0].at) == pytest.approx(
                (now - 9.0, now, now), abs=5
            )
        assert await right.next_due() == pytest.approx(at - by, abs=5)
        (claimed,) = await right.claim_due(limit=1)
        assert claimed.last_sent_at == pytest.approx(at - by - 1.0, abs=5)


@pytest.mark.case(41)
@pytest.mark.parametrize("by", [3600.0, -3600.0])
async def test_lease_of_a_process_with_a_wrong_clock_is_as_long_as_any(remote_home: Home, by: float) -> None:
    async with remote_home.open(Wrong(by)) as one, remote_home.open() as right:
        await one.begin([INTENT])
        await right.begin([replace(INTENT, id="op_2", key="k2")])
        assert await right.claim_due(limit=9) == []
        assert await one.claim_due(limit=9) == []
        assert await one.hold("op_1", 1)
        assert await right.hold("op_2", 1)


@pytest.mark.case(41)
@pytest.mark.parametrize("jump", [3600.0, -3600.0])
async def test_clock_that_jumps_between_two_calls_does_not_make_a_lost_reply_older(
    remote_home: Home, jump: float
) -> None:
    clock = Wrong(0.0)
    async with remote_home.open(clock) as one, remote_home.open() as right:
        await one.begin([INTENT])
        clock.by = jump
        at = clock.now()
        await one.finish([Verdict("op_1", 1, Status.UNKNOWN, sent_at=at, last_sent_at=at, next_check_at=at)])
        found = await right.get("op_1")
        assert found is not None
        assert found.last_sent_at == pytest.approx(time.time(), abs=5)
