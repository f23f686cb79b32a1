"""What many callers need and one of them fetches."""

from __future__ import annotations

import asyncio

import pytest
from support.virtual import virtual

from seawall.connectors._flight import SingleFlight
from seawall.core.errors import IntegrationError, ReplyTimeout, Unauthenticated, UnreadableReply


class Source:
    """Fetches 1, 2, 3, … and takes `seconds` each time; fails with `error` while there is one."""

    def __init__(self, seconds: float = 1.0, error: IntegrationError | None = None) -> None:
        self.seconds = seconds
        self.error = error
        self.fetched = 0

    async def __call__(self) -> int:
        self.fetched += 1
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return self.fetched


@virtual
async def test_callers_that_come_together_share_one_fetch() -> None:
    source = Source()
    flight = SingleFlight("the login", source)
    assert await asyncio.gather(*(flight.get(5) for _ in range(10))) == [1] * 10
    assert await flight.get(0) == 1
    assert source.fetched == 1


@virtual
async def test_a_caller_that_has_no_more_time_does_not_stop_the_fetch_for_others() -> None:
    source = Source(seconds=10)
    flight = SingleFlight("the login", source)
    with pytest.raises(ReplyTimeout) as raised:
        await flight.get(2)
    assert (raised.value.effect, raised.value.outage) == ("none", True)
    assert await flight.get(20) == 1
    assert source.fetched == 1


@virtual
async def test_a_caller_that_is_cancelled_does_not_stop_the_fetch() -> None:
    source = Source(seconds=10)
    flight = SingleFlight("the login", source)
    first = asyncio.create_task(flight.get(20))
    await asyncio.sleep(1)
    first.cancel()
    assert await flight.get(20) == 1


@virtual
async def test_one_failure_has_no_effect_and_charges_the_breaker_once() -> None:
    flight = SingleFlight("the login", Source(error=UnreadableReply("a page")))
    failures = await asyncio.gather(*(flight.get(5) for _ in range(3)), return_exceptions=True)
    errors = [failure for failure in failures if isinstance(failure, UnreadableReply)]
    assert [error.effect for error in errors] == ["none"] * 3
    assert sorted(error.outage for error in errors) == [False, False, True]
    assert len({id(error) for error in errors}) == 3


@virtual
async def test_after_a_failure_the_next_caller_fetches_anew() -> None:
    source = Source(error=Unauthenticated("no"))
    flight = SingleFlight("the login", source)
    with pytest.raises(Unauthenticated):
        await flight.get(5)
    source.error = None
    assert await flight.get(5) == 2


@virtual
async def test_a_dropped_value_is_fetched_anew_and_is_said_to_have_worked_if_it_did() -> None:
    flight = SingleFlight("the login", Source())
    first = await flight.get(5)
    assert not flight.drop(first)
    second = await flight.get(5)
    flight.confirm(second)
    assert flight.drop(second)
    third = await flight.get(5)
    assert flight.drop(second)
    assert await flight.get(5) == third == 3


@virtual
async def test_closing_ends_a_fetch_that_still_runs() -> None:
    flight = SingleFlight("the login", Source(seconds=1000))
    waiting = asyncio.create_task(flight.get(2000))
    await asyncio.sleep(1)
    await flight.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
