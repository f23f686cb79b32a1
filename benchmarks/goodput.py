"""Arithmetic on the times at which useful answers came."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_STEP = 0.25  # seconds


def rate(times: Sequence[float], begin: float, end: float) -> float:
    """Answers a second between two times.

    Args:
        times: When answers came, ascending, in seconds.
        begin: The first moment that counts.
        end: The first that does not.
    """
    return (bisect_left(times, end) - bisect_left(times, begin)) / (end - begin)


def recovery(times: Sequence[float], since: float, until: float, wanted: float) -> float:
    """Seconds until answers come at the wanted rate again and keep to it on average; all of the time if never.

    A burst of late answers that is followed by silence is no recovery.

    Args:
        times: When answers came, ascending, in seconds.
        since: When the trouble ended.
        until: When the load ended.
        wanted: The rate that counts as recovered, in answers a second.
    """
    steps = int((until - 1.0 - since) / _STEP) + 1
    for begin in (since + step * _STEP for step in range(max(steps, 0))):
        if rate(times, begin, begin + 1.0) >= wanted and rate(times, begin, until) >= wanted:
            return begin - since
    return until - since


def sparkline(times: Sequence[float], until: float, highest: float) -> str:
    """Answers in each half second as bars.

    Args:
        times: When answers came, ascending, in seconds from 0.
        until: Where the line ends.
        highest: The rate that the highest bar stands for, in answers a second.
    """
    rates = [rate(times, half / 2, half / 2 + 0.5) for half in range(int(until * 2))]
    return "".join(_BARS[min(7, round(one / highest * 7))] for one in rates)
