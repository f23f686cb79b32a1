"""Interleaved rounds: everything compared is measured in turn, so that a noisy machine is noisy for all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping

Subject = Callable[[], Awaitable[object]]


async def interleaved(subjects: Mapping[str, Subject], *, rounds: int, calls: int) -> dict[str, float]:
    """Median time of one call in microseconds, by subject.

    Args:
        subjects: What to call.
        rounds: How often each has its turn.
        calls: Calls in one turn.
    """
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            started = time.perf_counter()
            for _ in range(calls):
                await subject()
            taken[name].append((time.perf_counter() - started) / calls * 1e6)
    return {name: statistics.median(times) for name, times in taken.items()}
