"""The guarded call: limits, breaker, retries and the budget, counted at the target."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
import sqlalchemy.exc
from support.toy import Target, ToyAdapter
from support.virtual import sources, virtual

from seawall.core.clock import SystemClock
from seawall.core.errors import (
    Ambiguous,
    BulkheadFull,
    BusinessRule,
    CircuitOpen,
    ConnectFailed,
    DeadlineBeforeSend,
    IntegrationError,
    PoolExhausted,
    ReplyTimeout,
)
from seawall.core.redaction import Secrets
from seawall.core.settings import SystemSettings
from seawall.core.system import System


def system(secrets: Secrets | None = None, **settings: Any) -> System:
    given = sources()
    return System("toy", ToyAdapter(Target(given.clock)), SystemSettings.model_validate(settings), given, secrets)


def soon(seconds: float = 30.0) -> float:
    return asyncio.get_running_loop().time() + seconds


class Wire:
    """Counts calls, and answers each by the script."""

    def __init__(self, *script: IntegrationError | Exception | str) -> None:
        self.script = list(script)
        self.calls = 0

    async def __call__(self, number: int, timeout: float) -> str:
        self.calls += 1
        step = self.script.pop(0) if self.script else "ok"
        if isinstance(step, Exception):
            raise step
        return step


@virtual
async def test_call_that_succeeds_returns_its_value() -> None:
    assert await system().call(Wire("value"), soon()) == "value"


@virtual
async def test_call_without_time_left_is_not_sent() -> None:
    wire = Wire()
    result = await system().call(wire, soon(-1.0))
    assert isinstance(result, DeadlineBeforeSend)
    assert wire.calls == 0


@pytest.mark.case(34)
@virtual
async def test_thousand_failures_at_once_cost_at_most_a_fifth_more_load() -> None:
    one = system(limits={"concurrency": 1000}, breaker={"failures": 100_000})
    wire = Wire(*(ConnectFailed("refused") for _ in range(100_000)))
    await asyncio.gather(*(one.call(wire, soon()) for _ in range(1000)))
    assert 1000 < wire.calls <= 1200


@pytest.mark.case(39)
@virtual
async def test_exhausted_pool_is_not_charged_to_the_target_and_leaks_no_place() -> None:
    one = system(breaker={"failures": 1})
    result = await one.call(Wire(*(PoolExhausted("all busy") for _ in range(9))), soon())
    assert isinstance(result, PoolExhausted)
    assert result.effect == "none"
    assert one.breaker.state == "closed"
    assert one.bulkhead.running == 0


@virtual
async def test_open_breaker_answers_without_a_call_and_says_when_to_come_back() -> None:
    one = system(breaker={"failures": 1, "reset_after": 30.0})
    wire = Wire(ReplyTimeout("no answer"))
    await one.call(wire, soon())
    result = await one.call(wire, soon())
    assert isinstance(result, CircuitOpen)
    assert result.retry_after == pytest.approx(30.0)
    assert wire.calls == 1


@virtual
async def test_refusals_and_cancellations_leave_the_breaker_closed() -> None:
    one = system(breaker={"failures": 1})
    await one.call(Wire(BusinessRule("no")), soon())
    hung = asyncio.ensure_future(one.call(_hang, soon()))
    await asyncio.sleep(0)
    hung.cancel()
    await asyncio.gather(hung, return_exceptions=True)
    assert one.breaker.state == "closed"
    assert one.bulkhead.running == 0


async def _hang(number: int, timeout: float) -> str:
    await asyncio.Event().wait()
    return "never"


@virtual
async def test_full_bulkhead_is_told_before_the_deadline() -> None:
    one = system(limits={"concurrency": 1, "waiting": 0})
    busy = asyncio.ensure_future(one.call(_hang, soon(5.0)))
    await asyncio.sleep(0)
    assert isinstance(await one.call(Wire(), soon(5.0)), BulkheadFull)
    assert isinstance(await busy, ReplyTimeout)


@pytest.mark.case(33)
@virtual
async def test_attempt_ends_by_the_shorter_of_its_timeout_and_the_deadline() -> None:
    loop = asyncio.get_running_loop()
    one = system(attempt_timeout=10.0)
    assert isinstance(await one.call(_hang, soon(60.0)), ReplyTimeout)
    assert loop.time() == pytest.approx(10.0)
    assert isinstance(await one.call(_hang, soon(2.0)), ReplyTimeout)
    assert loop.time() == pytest.approx(12.0)


@virtual
async def test_own_rate_limit_spreads_calls() -> None:
    one = system(limits={"rate": 10.0, "burst": 1})
    await asyncio.gather(*(one.call(Wire(), soon()) for _ in range(11)))
    assert asyncio.get_running_loop().time() == pytest.approx(1.0)


@virtual
async def test_secrets_are_removed_from_errors_of_every_kind() -> None:
    secrets = Secrets()
    secrets.add("canary-secret")
    one = system(secrets)
    mapped = BusinessRule("the target echoes canary-secret", evidence={"body": ["canary-secret"]})
    for failure in (mapped, RuntimeError("canary-secret")):
        result = await one.call(Wire(failure), soon())
        assert isinstance(result, IntegrationError)
        assert "canary" not in f"{result} {result.args} {result.to_record()}"


@virtual
async def test_waits_are_jittered() -> None:
    lengths = set()
    for seed in range(5):
        one = system()
        one.backoff._random = random.Random(seed)
        started = asyncio.get_running_loop().time()
        await one.call(Wire(ConnectFailed("refused")), soon())
        lengths.add(asyncio.get_running_loop().time() - started)
    assert len(lengths) == 5


@virtual
async def test_calls_held_back_by_the_breaker_use_up_no_turns_of_the_rate_limit() -> None:
    one = system(limits={"rate": 1.0, "burst": 1}, breaker={"failures": 1, "reset_after": 3600.0})
    one.breaker.trip("for the test")
    results = await asyncio.gather(*(one.call(Wire(), soon()) for _ in range(20)))
    assert {type(result) for result in results} == {CircuitOpen}
    assert asyncio.get_running_loop().time() == 0.0


def sqlalchemy_errors() -> list[type[Exception]]:
    found = [cls for cls in vars(sqlalchemy.exc).values() if isinstance(cls, type) and issubclass(cls, Exception)]
    return [cls for cls in found if not issubclass(cls, Warning)]


@pytest.mark.parametrize("cls", sqlalchemy_errors())
def test_every_error_of_sqlalchemy_that_a_connector_lets_through_counts_as_ambiguous(cls: type[Exception]) -> None:
    error = cls.__new__(cls)  # whatever its constructor wants
    error.args = ("the connection is gone",)

    @virtual
    async def scenario() -> None:
        result = await system().call(Wire(error), soon())
        assert isinstance(result, Ambiguous)
        assert result.effect == "maybe"

    scenario()


@virtual
async def test_cancellation_that_the_connector_made_up_itself_is_an_unmapped_error() -> None:
    async def cancelled_inside(number: int, timeout: float) -> str:
        inner = asyncio.ensure_future(asyncio.sleep(60.0))
        inner.cancel()
        await inner
        return "never"

    one = system(breaker={"failures": 1})
    result = await one.attempt(cancelled_inside, 1, soon())
    assert isinstance(result, Ambiguous)
    assert (result.code, result.effect) == ("unmapped", "maybe")
    assert one.breaker.state == "closed"
    assert one.bulkhead.running == 0


@virtual
async def test_cancellation_by_the_caller_stays_one() -> None:
    one = system()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await one.attempt(_hang, 1, soon())
    assert one.bulkhead.running == 0


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_interruption_passes_and_gives_the_probe_free(stop: type[BaseException]) -> None:
    one = system(breaker={"failures": 1, "reset_after": 0.001})

    async def stopped(number: int, timeout: float) -> str:
        raise stop

    async def scenario() -> None:
        one.breaker.trip("for the test")
        await asyncio.sleep(0.01)
        try:
            await one.attempt(stopped, 1, soon())
        except stop:
            passed.append(stop)

    passed: list[type[BaseException]] = []
    one._clock = one.breaker._clock = SystemClock()
    asyncio.run(scenario())
    assert passed == [stop]
    assert one.breaker.retry_after() == 0.0
    assert one.bulkhead.running == 0


class Unprintable(RuntimeError):
    def __repr__(self) -> str:
        raise ValueError("not even this works")


@pytest.mark.parametrize(
    "failure",
    [
        BusinessRule("half \ud83d of a character", code="\udc00", evidence={"\ud800": ["\udfff", object()]}),
        RuntimeError("half \ud83d"),
        Unprintable(),
    ],
)
def test_whatever_an_error_holds_can_be_written_down(failure: Exception) -> None:
    @virtual
    async def scenario() -> None:
        result = await system().attempt(Wire(failure), 1, soon())
        assert isinstance(result, IntegrationError)
        json.dumps(result.to_record(), ensure_ascii=False).encode()
        f"{result} {result.args}".encode()

    scenario()


@virtual
async def test_answer_of_a_connector_that_ignores_its_cancellation_is_kept_and_its_lateness_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stubborn(number: int, timeout: float) -> str:
        try:
            await asyncio.sleep(60.0)
        except asyncio.CancelledError:
            await asyncio.sleep(2.0)
        return "late"

    one = system(attempt_timeout=1.0)
    assert await one.attempt(stubborn, 1, soon()) == "late"
    assert "ignored" in caplog.text


@virtual
async def test_call_that_waited_here_until_hardly_any_time_was_left_does_not_speak_against_the_target() -> None:
    one = system(attempt_timeout=10.0, breaker={"failures": 1, "reset_after": 5.0})
    assert isinstance(await one.attempt(_hang, 1, soon(0.9)), ReplyTimeout)
    states = [one.breaker.state]
    assert isinstance(await one.attempt(_hang, 1, soon(1.1)), ReplyTimeout)
    states.append(one.breaker.state)
    await asyncio.sleep(5.0)
    assert isinstance(await one.attempt(_hang, 1, soon(0.9)), ReplyTimeout)
    assert [*states, one.breaker.state] == ["closed", "open", "half_open"]
    assert one.breaker.retry_after() == 0.0
