"""Counts and durations, kept so that counting one costs a look-up and an addition.

The SDK's instruments take ten times as long for each value, which is more than a whole read through the pipeline may
cost on top. So values are added up here, and made into the SDK's own data when somebody asks for them. For one event
loop: nothing here awaits, so nothing needs a lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)

from .conventions import OVERFLOW
from .instruments import BOUNDS, Instrument, Kind

Labels: TypeAlias = tuple[str | int | bool | None, ...]
"""Values of an instrument's labels, in their order; None leaves one out."""

MOST = 2000
"""Different labels of one instrument; what comes after them is counted together."""

_OVERFLOW: Labels = ()


class Durations:
    """A histogram.

    Args:
        instrument: What it measures.
        bounds: Upper bounds of its buckets.
    """

    def __init__(self, instrument: Instrument, bounds: Sequence[float] = BOUNDS) -> None:
        self.instrument = instrument
        self.bounds = tuple(bounds)
        self._cells: dict[Labels, list[float]] = {}  # sum, least, most, and the count of each bucket

    def add(self, labels: Labels, seconds: float) -> None:
        """Add one."""
        cell = self._cells.get(labels)
        if cell is None:
            cell = self._cell(labels, seconds)
        cell[0] += seconds
        if seconds < cell[1]:
            cell[1] = seconds
        elif seconds > cell[2]:
            cell[2] = seconds
        cell[3 + bisect_left(self.bounds, seconds)] += 1

    def _cell(self, labels: Labels, seconds: float) -> list[float]:
        which = labels if len(self._cells) < MOST else _OVERFLOW
        return self._cells.setdefault(which, [0.0, seconds, seconds, *([0] * (len(self.bounds) + 1))])

    def metric(self, since: int, now: int) -> Metric:
        """All of it, as the SDK has it.

        Args:
            since: When counting began, in nanoseconds since the epoch.
            now: The time.
        """
        points = [
            HistogramDataPoint(
                attributes=attributes(self.instrument, labels),
                start_time_unix_nano=since,
                time_unix_nano=now,
                count=int(sum(cell[3:])),
                sum=cell[0],
                bucket_counts=[int(count) for count in cell[3:]],
                explicit_bounds=self.bounds,
                min=cell[1],
                max=cell[2],
            )
            for labels, cell in self._cells.items()
        ]
        one = self.instrument
        return Metric(one.name, one.description, one.unit, Histogram(points, AggregationTemporality.CUMULATIVE))


class Counts:
    """A counter.

    Args:
        instrument: What it counts.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self._cells: dict[Labels, int] = {}

    def add(self, labels: Labels) -> None:
        """Count one."""
        known = self._cells.get(labels)
        if known is not None:
            self._cells[labels] = known + 1
        else:
            which = labels if len(self._cells) < MOST else _OVERFLOW
            self._cells[which] = self._cells.get(which, 0) + 1

    def metric(self, since: int, now: int) -> Metric:
        """All of it, as the SDK has it.

        Args:
            since: When counting began, in nanoseconds since the epoch.
            now: The time.
        """
        points = [_number(self.instrument, labels, value, since, now) for labels, value in self._cells.items()]
        one = self.instrument
        data = Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        return Metric(one.name, one.description, one.unit, data)


def gauge(instrument: Instrument, values: Mapping[Labels, float], since: int, now: int) -> Metric:
    """A gauge as it is now.

    Args:
        instrument: What it shows.
        values: Its values.
        since: When looking began, in nanoseconds since the epoch.
        now: The time.
    """
    assert instrument.kind is Kind.GAUGE
    points = [_number(instrument, labels, value, since, now) for labels, value in values.items()]
    return Metric(instrument.name, instrument.description, instrument.unit, Gauge(points))


def attributes(instrument: Instrument, labels: Labels) -> dict[str, str | int | bool]:
    """The labels by name."""
    if labels == _OVERFLOW:
        return {OVERFLOW: True}
    return {name: value for name, value in zip(instrument.labels, labels, strict=True) if value is not None}


def _number(instrument: Instrument, labels: Labels, value: float, since: int, now: int) -> NumberDataPoint:
    return NumberDataPoint(attributes(instrument, labels), since, now, value)
