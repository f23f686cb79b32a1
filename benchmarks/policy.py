"""The whole call policy around a call that does nothing, beside what people wire by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pybreaker
import stamina
import tenacity

from seawall.core.adapter import Action, Adapter
from seawall.core.clock import Sources
from seawall.core.errors import CircuitOpen
from seawall.core.settings import SystemSettings
from seawall.core.system import System

from .timing import Subject, interleaved


class Nothing(Adapter):
    """An adapter without actions."""

    kind = "nothing"
    version = "1"

    @classmethod
    def open(cls, settings: object, surroundings: object) -> Nothing:
        return cls()

    @property
    def actions(self) -> dict[str, Action]:
        return {}

    async def send(self, action: Action, attempt: object) -> None:  # type: ignore[override]  # never called
        return None


async def noop() -> int:
    return 1


async def send(number: int, timeout: float) -> int:
    return 1


def hand_wired() -> Subject:
    breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30)

    @tenacity.retry(stop=tenacity.stop_after_attempt(4), wait=tenacity.wait_random_exponential(0.2, max=10))
    async def call() -> int:
        with breaker.calling():
            async with asyncio.timeout(10):
                return await noop()

    return call


def system(**settings: object) -> System:
    """A system with every guard on, a rate limit included."""
    return System(
        "bench",
        Nothing(),
        SystemSettings.model_validate({"limits": {"rate": 1e9, "burst": 1000}} | settings),
        Sources(),
    )


async def measure(scale: float) -> dict[str, float]:
    """Median microseconds of one call, by what is around it."""
    guarded = system()
    loop = asyncio.get_running_loop()
    retrying = tenacity.AsyncRetrying(stop=tenacity.stop_after_attempt(4))

    @stamina.retry(on=ValueError, attempts=4)
    async def stamina_call() -> int:
        return await noop()

    async def with_timeout() -> int:
        async with asyncio.timeout(10):
            return await noop()

    async def fresh_retrying() -> int:
        return await tenacity.AsyncRetrying(stop=tenacity.stop_after_attempt(4))(noop)

    subjects: dict[str, Subject] = {
        "bare await": noop,
        "asyncio.timeout alone": with_timeout,
        "tenacity AsyncRetrying, shared": lambda: retrying(noop),
        "tenacity AsyncRetrying, per call": fresh_retrying,
        "stamina @retry": stamina_call,
        "hand-wired: tenacity @retry + pybreaker calling() + asyncio.timeout": hand_wired(),
        "Seawall: deadline, timeout, retry, budget, bulkhead, rate limit, breaker": lambda: guarded.call(
            send, loop.time() + 30.0
        ),
    }
    return await interleaved(subjects, rounds=25, calls=int(2000 * scale))


async def rejection(scale: float) -> dict[str, float]:
    """Microseconds of a call that an open breaker turns away: ours as a value, pybreaker's as an exception."""
    logging.getLogger("seawall").setLevel(logging.ERROR)
    opened = system()
    opened.breaker.trip("bench")
    theirs = pybreaker.CircuitBreaker(fail_max=1, reset_timeout=3600)
    theirs.open()
    loop = asyncio.get_running_loop()

    async def by_value() -> object:
        result = await opened.call(send, loop.time() + 30.0)
        assert isinstance(result, CircuitOpen)
        return result

    async def by_exception() -> object:
        try:
            return theirs.call(lambda: None)
        except pybreaker.CircuitBreakerError as error:
            return error

    async def admission() -> object:
        return opened.breaker.admit()

    subjects: dict[str, Subject] = {
        "breaker alone, open (None)": admission,
        "whole call, open (a value)": by_value,
        "pybreaker, open (an exception)": by_exception,
    }
    return await interleaved(subjects, rounds=25, calls=int(2000 * scale))


async def together() -> dict[str, float]:
    """Milliseconds of sixteen calls of 50 ms through one breaker."""
    guarded = system()
    loop = asyncio.get_running_loop()

    async def slow(number: int, timeout: float) -> int:
        await asyncio.sleep(0.05)
        return 1

    started = loop.time()
    await asyncio.gather(*(guarded.call(slow, loop.time() + 30.0) for _ in range(16)))
    ours = loop.time() - started
    theirs = pybreaker.CircuitBreaker()
    started = loop.time()
    await asyncio.gather(*(asyncio.to_thread(theirs.call, _slow(0.05)) for _ in range(16)))
    return {"Seawall": ours * 1e3, "pybreaker call() in threads": (loop.time() - started) * 1e3}


def _slow(seconds: float) -> Callable[[], None]:
    import time

    return lambda: time.sleep(seconds)
