"""Sending what was begun, once or many at a time, until it is known what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from pydantic import BaseModel

from .decide import Doubt, Park, ProvenAbsent, ProvenApplied, SendAgain, Step, Wait, next_step
from .doubt import is_final, look
from .errors import BudgetExhausted, IntegrationError, Paused
from .held import Conclusion, Held, see_through
from .intake import Asked
from .ledger.records import Operation
from .observing import begun_as
from .outcome import Outcome

Wire: TypeAlias = Callable[[Sequence[Held], int, float], Awaitable[Sequence[Any]]]
"""Sends operations in one call, given the attempt's number and time in seconds, and answers for each in order."""


async def carry_out(asked: Asked, request: BaseModel, operation: Operation, under_way: dict[str, Held]) -> Outcome[Any]:
    """Send an operation that was begun, and record what is then known. Never leaves it without a verdict.

    Args:
        asked: What was asked.
        request: The validated request.
        operation: The ledger's row, held by us.
        under_way: What is being carried out, by operation; it is there as long as this runs.
    """
    held = Held(asked, asked.action, request, operation)
    begun_as(operation.id)

    async def work() -> Sequence[Conclusion]:
        if not held.trail.maybe_applied:  # after a restore the ledger may have forgotten that it was sent
            await send_until_known(asked, [held], _alone)
        return [await _find_out(held)]

    under_way[operation.id] = held
    try:
        (outcome,) = await see_through(asked, [held], work())
    finally:
        del under_way[operation.id]
    return outcome


async def _alone(held: Sequence[Held], number: int, timeout: float) -> Sequence[Any]:
    (one,) = held
    return [await one.asked.system.adapter.send(one.action, one.attempt(number, timeout))]


async def send_until_known(asked: Asked, held: Sequence[Held], wire: Wire, *, atomic: bool = False) -> None:
    """Attempt, and again what had no effect and may have one, as far as the deadline and the retry budget go.

    Args:
        asked: What was asked.
        held: The operations; each has its `result` afterwards.
        wire: How they are sent.
        atomic: They are sent all together or not at all.
    """
    system = asked.system
    system.budget.deposit()
    number, todo = 1, held
    while todo:
        await _attempt(asked, todo, wire, number)
        if number > 1 and isinstance(todo[0].result, Paused):
            system.budget.refund()
        todo = _worth_repeating(todo, atomic=atomic)
        if not todo:
            return
        slowest = max((_error(one) for one in todo), key=lambda error: error.retry_after or 0.0)
        pause = system.pause(slowest, number, asked.deadline_at)
        if isinstance(pause, BudgetExhausted):
            for one in todo:
                one.result = pause
        if isinstance(pause, IntegrationError):
            return
        await asked.sources.clock.sleep(pause)
        number += 1


async def _attempt(asked: Asked, held: Sequence[Held], wire: Wire, number: int) -> None:
    async def send(attempt: int, timeout: float) -> Sequence[Any]:
        for one in held:
            await one.fence()
        if (paused := asked.system.paused_now(writes=True)) is not None:
            raise paused
        for one in held:
            one.trail.dispatch()
        return await wire(held, attempt, timeout)

    answers = await asked.system.attempt(send, number, asked.deadline_at)
    for place, one in enumerate(held):
        one.note(answers if isinstance(answers, IntegrationError) else answers[place], number)


def _worth_repeating(held: Sequence[Held], *, atomic: bool) -> Sequence[Held]:
    """What had no effect and may have one later. What goes all or nothing is repeated whole or not at all."""
    unchanged = [one for one in held if isinstance(one.result, IntegrationError) and one.result.effect == "none"]
    passing = [one for one in unchanged if _error(one).transient]
    if atomic:
        return held if passing and len(unchanged) == len(held) else []
    return passing


def _error(held: Held) -> IntegrationError:
    assert isinstance(held.result, IntegrationError)
    return held.result


async def _find_out(held: Held) -> Conclusion:
    """While it is in doubt: probe, and do what the table allows, as far as the deadline and the retry budget go."""
    asked, system = held.asked, held.asked.system
    attempts = held.trail.attempts
    while held.trail.maybe_applied and isinstance(error := held.result, IntegrationError):
        paid = 0
        if attempts:
            wait = min(system.backoff.wait(attempts), asked.left())
            if system.backoff.exhausted(attempts) or wait >= asked.left() or not system.budget.withdraw():
                return held.unknown(error)
            paid += 1
            await asked.sources.clock.sleep(wait)
        attempts += 1
        match await _step(held, error):
            case Paused():
                return _left_alone(held, error, paid)
            case IntegrationError():
                continue
            case ProvenApplied(present=present):
                return held.applied(present)
            case ProvenAbsent(proof=proof):
                return held.rejected(error.without_effect(proof))
            case Wait(seconds=seconds):
                return held.unknown(error, seconds)
            case Park(reason=reason):
                return held.parked(error, reason)
            case SendAgain():
                if held.trail.attempts:
                    if not system.budget.withdraw():
                        return held.unknown(error)
                    paid += 1
                await _attempt(asked, [held], _alone, attempts)
                again = held.result
                if isinstance(again, IntegrationError) and again.effect == "none" and again.transient:
                    held.result = error  # it did not get through: what is known is what was known before
                if isinstance(again, Paused):
                    return _left_alone(held, error, paid)
    return held.concluded()


def _left_alone(held: Held, error: IntegrationError, paid: int) -> Conclusion:
    """A person lets nothing through now, so that waiting for the deadline finds out nothing."""
    for _ in range(paid):
        held.asked.system.budget.refund()
    return held.unknown(error)


async def _step(held: Held, error: IntegrationError) -> Step | IntegrationError:
    asked, action, trail = held.asked, held.action, held.trail
    elapsed, now = asked.system.elapsed, asked.sources.clock.now()
    # Before the look: an absence is as old as the read that saw it, and not as the answer.
    doubt = Doubt(
        action,
        since_first=elapsed.at_most(trail.operation_id, trail.sent_at or now),
        since_last=elapsed.since(trail.operation_id, trail.last_sent_at or now),
        final=is_final(error),
        horizon=asked.system.horizon(action),
        margin=asked.left(),
    )
    finding = None
    if action.probe is not None:
        found = await look(asked.system, action, held.attempt(1, 0.0), asked.deadline_at, trail)
        if isinstance(found, IntegrationError):
            return found
        finding = found
    step = next_step(doubt, finding)
    trail.decided("pipeline", type(step).__name__, getattr(step, "reason", ""))
    return step
