from __future__ import annotations

import asyncio

import pytest
from support.clock import FakeClock

from seawall.core.breaker import Breaker, Permit
from seawall.core.settings import BreakerSettings


def breaker(clock: FakeClock | None = None, **settings: float) -> Breaker:
    return Breaker(BreakerSettings.model_validate(settings), clock or FakeClock())


def state(one: Breaker) -> str:
    return one.state


def admitted(one: Breaker) -> Permit:
    permit = one.admit()
    assert permit is not None
    return permit


def opened(clock: FakeClock, **settings: float) -> Breaker:
    one = breaker(clock, failures=2, reset_after=30.0, **settings)
    for _ in range(2):
        admitted(one).fail()
    assert state(one) == "open"
    return one


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    one = breaker(failures=2)
    admitted(one).fail()
    admitted(one).succeed()
    admitted(one).fail()
    assert state(one) == "closed"
    admitted(one).fail()
    assert state(one) == "open"


def test_open_breaker_admits_nobody_before_its_time_and_says_when() -> None:
    clock = FakeClock()
    one = opened(clock)
    clock.advance(29.0)
    assert one.admit() is None
    assert one.retry_after() == pytest.approx(1.0)


@pytest.mark.case(35)
def test_half_open_breaker_admits_only_its_probes_out_of_a_thousand() -> None:
    clock = FakeClock()
    one = opened(clock, probes=3)
    clock.advance(30.0)
    assert sum(one.admit() is not None for _ in range(1000)) == 3
    assert state(one) == "half_open"


@pytest.mark.case(35)
def test_probe_that_hangs_gives_its_place_free_and_its_late_result_does_not_decide() -> None:
    clock = FakeClock()
    one = opened(clock, probe_lease=10.0)
    clock.advance(30.0)
    hung = admitted(one)
    assert one.admit() is None
    assert one.retry_after() == pytest.approx(10.0)
    clock.advance(10.0)
    second = admitted(one)
    hung.fail()
    assert state(one) == "half_open"
    second.succeed()
    assert state(one) == "closed"


@pytest.mark.case(35)
def test_probe_that_hangs_from_an_earlier_half_open_period_takes_no_place_in_the_next() -> None:
    clock = FakeClock()
    one = opened(clock, probes=2, probe_lease=1000.0)
    clock.advance(30.0)
    hung = admitted(one)
    admitted(one).fail()
    clock.advance(30.0)
    assert sum(one.admit() is not None for _ in range(10)) == 2
    hung.fail()
    assert one.state == "half_open"


@pytest.mark.case(36)
def test_call_that_began_while_closed_does_not_decide_half_open() -> None:
    clock = FakeClock()
    one = breaker(clock, failures=2, reset_after=30.0)
    late_success, late_failure = admitted(one), admitted(one)
    for _ in range(2):
        admitted(one).fail()
    clock.advance(30.0)
    probe = admitted(one)
    late_success.succeed()
    assert state(one) == "half_open"
    late_failure.fail()
    assert state(one) == "half_open"
    probe.succeed()
    assert state(one) == "closed"


def test_failed_probe_opens_it_for_the_whole_time_again_whatever_its_neighbour_says() -> None:
    clock = FakeClock()
    one = opened(clock, probes=2)
    clock.advance(30.0)
    first, second = admitted(one), admitted(one)
    first.fail()
    second.succeed()
    assert state(one) == "open"
    assert one.retry_after() == pytest.approx(30.0)


def test_as_many_successes_as_asked_close_it() -> None:
    clock = FakeClock()
    one = opened(clock, successes=2)
    clock.advance(30.0)
    admitted(one).succeed()
    assert state(one) == "half_open"
    admitted(one).succeed()
    assert state(one) == "closed"


def test_released_probe_frees_its_place_and_decides_nothing() -> None:
    clock = FakeClock()
    one = opened(clock)
    clock.advance(30.0)
    admitted(one).release()
    assert state(one) == "half_open"
    assert one.admit() is not None


def test_permit_counts_once() -> None:
    one = breaker(failures=2)
    permit = admitted(one)
    permit.fail()
    permit.fail()
    permit.release()
    assert state(one) == "closed"


def test_hand_opens_and_closes_it_and_listeners_hear_of_it_even_if_one_fails() -> None:
    one = breaker()
    heard: list[tuple[str, str, str]] = []

    def broken(old: str, new: str, reason: str) -> None:
        raise ValueError

    one.listeners += [broken, lambda old, new, reason: heard.append((old, new, reason))]
    one.trip("maintenance")
    assert one.admit() is None
    one.reset("over")
    assert one.admit() is not None
    assert heard == [("closed", "open", "maintenance"), ("open", "closed", "over")]


@pytest.mark.case(38)
def test_recovery_is_held_back_while_open_and_its_probe_may_decide_once_the_time_has_passed() -> None:
    clock = FakeClock()
    one = opened(clock)
    assert one.admit_probe() is None
    clock.advance(30.0)
    probe = one.admit_probe()
    assert probe is not None
    assert one.admit() is None
    probe.succeed()
    assert one.state == "closed"


@pytest.mark.case(38)
def test_recovery_takes_no_place_beyond_the_probes_of_a_half_open_breaker() -> None:
    clock = FakeClock()
    one = opened(clock)
    clock.advance(30.0)
    admitted(one)
    assert one.admit_probe() is None


@pytest.mark.case(36)
def test_failures_of_calls_that_began_before_a_recovery_do_not_open_it_again() -> None:
    clock = FakeClock()
    one = breaker(clock, failures=2, reset_after=30.0)
    stale = [admitted(one) for _ in range(5)]
    for _ in range(2):
        admitted(one).fail()
    clock.advance(30.0)
    admitted(one).succeed()
    for permit in stale:
        permit.fail()
    assert one.state == "closed"


@pytest.mark.case(29)
def test_calls_that_say_nothing_never_open_it() -> None:
    one = breaker(failures=1)
    for _ in range(100):
        admitted(one).release()
    assert one.state == "closed"


async def test_calls_run_at_the_same_time_and_not_one_after_the_other() -> None:
    one = breaker()
    inside = most = 0

    async def call() -> None:
        nonlocal inside, most
        permit = admitted(one)
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        permit.succeed()

    await asyncio.gather(*(call() for _ in range(16)))
    assert most == 16


@pytest.mark.case(38)
def test_one_of_two_places_is_kept_for_recovery_when_it_was_held_back_and_only_then() -> None:
    clock = FakeClock()
    one = opened(clock, probes=2)
    clock.advance(30.0)
    assert [one.admit() is not None for _ in range(3)] == [True, True, False]
    admitted_failed = opened(clock, probes=2)
    assert admitted_failed.admit_probe() is None
    clock.advance(30.0)
    assert [admitted_failed.admit() is not None for _ in range(3)] == [True, False, False]
    assert admitted_failed.admit_probe() is not None
    assert admitted_failed.admit_probe() is None


@pytest.mark.case(38)
def test_place_kept_for_recovery_goes_to_others_when_it_does_not_come() -> None:
    clock = FakeClock()
    one = Breaker(BreakerSettings(failures=1, reset_after=30.0), clock, keep=2.0)
    admitted(one).fail()
    assert one.admit_probe() is None
    clock.advance(30.0)
    assert one.admit() is None
    assert one.state == "open"
    assert one.retry_after() == pytest.approx(2.0)
    assert one.retry_after(recovery=True) == 0.0
    clock.advance(2.0)
    assert one.retry_after() == 0.0
    assert one.admit() is not None


@pytest.mark.case(38)
def test_recovery_that_had_its_place_has_none_kept_for_it_any_more() -> None:
    clock = FakeClock()
    one = opened(clock, probes=1)
    assert one.admit_probe() is None
    clock.advance(30.0)
    probe = one.admit_probe()
    assert probe is not None
    probe.release()
    assert one.admit() is not None
