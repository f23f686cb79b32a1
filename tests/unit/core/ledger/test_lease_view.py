"""The lease as its holder sees it, operation by operation."""

from __future__ import annotations

import pytest
from support.clock import FakeClock

from seawall.core.ledger.lease import Lease

ONE, OTHER = ("op_1", 1), ("op_2", 1)


def held(clock: FakeClock) -> Lease:
    lease = Lease(clock, 10.0)
    lease.held.update({ONE, OTHER})
    lease.renew(clock.monotonic(), clock.now())
    return lease


def test_lease_protects_what_is_held_and_nothing_else() -> None:
    lease = held(FakeClock())
    assert lease.protects_one(*ONE)
    assert not lease.protects_one("op_1", 2)
    lease.drop(*ONE)
    assert not lease.protects_one(*ONE)


@pytest.mark.case(16)
def test_doubt_about_one_operation_is_none_about_another_that_was_asked_about() -> None:
    clock = FakeClock()
    lease = held(clock)
    clock.advance(20)
    lease.renew(clock.monotonic(), clock.now())
    assert not lease.protects_one(*ONE)
    assert not lease.protects_one(*OTHER)
    lease.doubtful.discard(ONE)  # as `hold` does when the ledger says that it is still ours
    assert lease.protects_one(*ONE)
    assert not lease.protects_one(*OTHER)


@pytest.mark.case(41)
@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_wall_clock_that_jumps_ahead_ends_the_protection(jump: float) -> None:
    clock = FakeClock()
    lease = held(clock)
    clock.wall += jump
    assert lease.protects_one(*ONE) is (jump < 0)
