"""All numbers of one Seawall: those that are counted, and those that are looked up when somebody asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import Metric, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from ..core.clock import Clock
from ..core.errors import LedgerUnavailable
from ..core.ledger.records import Status
from . import instruments
from .conventions import SCHEMA_URL
from .tallies import Counts, Durations, Labels, gauge

if TYPE_CHECKING:
    from ..core.ledger import Ledger
    from ..core.system import System

_log = logging.getLogger("seawall.telemetry")

FRESH = 5.0
"""Seconds for which what the ledger said of its open operations is told again."""

_PATIENCE = 2.0  # seconds for the ledger to answer, once somebody wants to know
_STATES = ("closed", "half_open", "open")


class Measures:
    """Counts, durations and gauges. For one event loop.

    Args:
        clock: The clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = int(clock.now() * 1e9)
        self.calls = Durations(instruments.CALLS)
        self.attempts = Durations(instruments.ATTEMPTS)
        self.mcp = Durations(instruments.MCP, instruments.MCP_BOUNDS)
        self.operations = Counts(instruments.OPERATIONS)
        self.replays = Counts(instruments.REPLAYS)
        self.retries = Counts(instruments.RETRIES)
        self.held_back = Counts(instruments.HELD_BACK)
        self.moves = Counts(instruments.BREAKER_MOVES)
        self._systems: Mapping[str, System] = {}
        self._ledger: Ledger | None = None
        self._asked_at: float | None = None
        self._open: dict[tuple[str, Status], tuple[int, float]] | None = None

    def watch(self, systems: Mapping[str, System], ledger: Ledger) -> None:
        """Look at these from now on.

        Args:
            systems: The systems by name.
            ledger: The ledger.
        """
        self._systems, self._ledger = systems, ledger

    def forget_ledger(self) -> None:
        """Ask the ledger no more; it keeps what it said last."""
        self._ledger = None

    async def refresh(self) -> None:
        """Ask the ledger about its open operations, if that was not done lately; where it is away, none are told."""
        now = self._clock.monotonic()
        if self._ledger is None or (self._asked_at is not None and now - self._asked_at < FRESH):
            return
        self._asked_at = now
        try:
            async with asyncio.timeout(_PATIENCE):
                self._open = await self._ledger.unsettled()
        except (LedgerUnavailable, TimeoutError):
            self._open = None
            _log.info("the ledger does not say how many operations are open; the metrics leave them out")

    def collect(self, resource: Resource, scope: InstrumentationScope) -> MetricsData:
        """All of them, as the SDK has them; instruments without a value are left out.

        Args:
            resource: What they come from.
            scope: Who makes them.
        """
        now = int(self._clock.now() * 1e9)
        tallies = (
            self.calls, self.attempts, self.mcp, self.operations, self.replays, self.retries, self.held_back,
            self.moves,
        )  # fmt: skip
        found = [tally.metric(self._since, now) for tally in tallies] + self._gauges(now)
        found = [metric for metric in found if metric.data.data_points]
        return MetricsData([ResourceMetrics(resource, [ScopeMetrics(scope, found, SCHEMA_URL)], SCHEMA_URL)])

    def _gauges(self, now: int) -> list[Metric]:
        states: dict[Labels, float] = {}
        in_use: dict[Labels, float] = {}
        waiting: dict[Labels, float] = {}
        for name, system in self._systems.items():
            for state in _STATES:
                states[name, state] = float(system.breaker.state == state)
            for lane, places in (("call", system.bulkhead), ("recovery", system.gate.recovery_bulkhead)):
                in_use[name, lane] = places.running
                waiting[name, lane] = places.waiting
        gauges = [
            gauge(instruments.BREAKER, states, self._since, now),
            gauge(instruments.IN_USE, in_use, self._since, now),
            gauge(instruments.WAITING, waiting, self._since, now),
        ]
        if self._open is not None:
            count: dict[Labels, float] = {}
            oldest: dict[Labels, float] = {}
            for name in self._systems:
                for status in (Status.RUNNING, Status.UNKNOWN, Status.PARKED):
                    many, since = self._open.get((name, status), (0, now / 1e9))
                    count[name, status.value] = many
                    oldest[name, status.value] = max(0.0, now / 1e9 - since) if many else 0.0
            gauges += [
                gauge(instruments.OPEN, count, self._since, now),
                gauge(instruments.OLDEST, oldest, self._since, now),
            ]
        return gauges
