from __future__ import annotations

import asyncio
import random

import pytest
from support.virtual import virtual

from seawall.core.retry import Backoff, RetryBudget, pause_before_retry
from seawall.core.settings import RetrySettings


def test_waits_are_drawn_from_zero_to_a_bound_that_doubles_up_to_the_longest() -> None:
    backoff = Backoff(RetrySettings(first_wait=0.2, longest_wait=1.0), random.Random(1))
    highest = [max(backoff.wait(attempt) for _ in range(500)) for attempt in (1, 2, 3, 4, 9)]
    lowest = [min(backoff.wait(attempt) for _ in range(500)) for attempt in (1, 9)]
    assert highest == pytest.approx([0.2, 0.4, 0.8, 1.0, 1.0], rel=0.05)
    assert max(lowest) < 0.05


def test_same_seed_gives_the_same_waits() -> None:
    one, two = (Backoff(RetrySettings(), random.Random(7)) for _ in range(2))
    assert [one.wait(n) for n in range(1, 6)] == [two.wait(n) for n in range(1, 6)]


def test_attempts_are_counted() -> None:
    backoff = Backoff(RetrySettings(attempts=3), random.Random(1))
    assert [backoff.exhausted(number) for number in (1, 2, 3, 4)] == [False, False, True, True]


@pytest.mark.case(32)
@pytest.mark.parametrize(
    ("asked", "pause"),
    [(None, 2.0), (1.0, 2.0), (5.0, 5.0), (1e9, 60.0), (float("inf"), 60.0), (-1.0, 2.0), (float("nan"), 2.0)],
)
def test_pause_is_the_longer_of_what_was_asked_for_and_our_own(asked: float | None, pause: float) -> None:
    assert pause_before_retry(asked, 2.0, 60.0) == pause


@pytest.mark.case(31)
def test_pause_asked_for_is_never_shortened_below_what_a_target_may_ask() -> None:
    assert pause_before_retry(120.0, 0.2, 86400.0) == 120.0


@pytest.mark.case(34)
@virtual
async def test_budget_counts_retries_that_sleep_when_a_thousand_calls_fail_at_once() -> None:
    budget = RetryBudget(0.1, 10.0)
    sent = 0

    async def call() -> None:
        nonlocal sent
        budget.deposit()
        sent += 1
        while budget.withdraw():
            await asyncio.sleep(60.0)
            sent += 1

    calls = [asyncio.ensure_future(call()) for _ in range(1000)]
    await asyncio.sleep(1.0)
    assert sent == 1000
    assert not budget.withdraw()
    await asyncio.gather(*calls)
    assert 1000 < sent <= 1200


@pytest.mark.case(34)
def test_budget_keeps_the_load_of_a_total_outage_below_a_fifth_more() -> None:
    budget = RetryBudget(0.1, 10.0)
    calls = sent = 1000
    for _ in range(calls):
        budget.deposit()
        for _ in range(3):
            sent += budget.withdraw()
    assert sent <= 1.2 * calls


def test_budget_saves_up_no_more_than_its_reserve() -> None:
    budget = RetryBudget(0.5, 4.0)
    for _ in range(100):
        budget.deposit()
    assert sum(budget.withdraw() for _ in range(100)) == 4


def test_part_of_a_retry_pays_for_none() -> None:
    budget = RetryBudget(0.25, 1.0)
    assert budget.withdraw()
    for _ in range(3):
        budget.deposit()
        assert not budget.withdraw()
    budget.deposit()
    assert budget.withdraw()
