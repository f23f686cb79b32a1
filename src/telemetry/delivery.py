"""Sending what was seen to a collector that may be away: calls never wait for it, and closing not for long."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_log = logging.getLogger("seawall.telemetry")

CLOSING = 3.0
"""Seconds in which what is left may still be delivered when a Seawall is closed."""

_SPEAKERS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
)


class Collector:
    """Whether a collector takes what it is sent; said once when that changes.

    What the SDK says of each failed try is left out of the logs: one sentence is enough.

    Args:
        where: Its URL.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._away = False
        self._sending = threading.local()
        for name in _SPEAKERS:
            logging.getLogger(name).addFilter(self._may_speak)

    def forget(self) -> None:
        """Nothing more is sent to it."""
        for name in _SPEAKERS:
            logging.getLogger(name).removeFilter(self._may_speak)

    def _may_speak(self, _record: logging.LogRecord) -> bool:
        return not getattr(self._sending, "now", False)

    def send(self, send: Callable[[], object], taken: object) -> None:
        """Send something.

        Args:
            send: Does it.
            taken: What it returns when the collector took it.
        """
        self._sending.now = True
        try:
            well = send() == taken
        except Exception as error:  # noqa: BLE001 -- whatever it is, calls go on
            well = False
            _log.debug("telemetry was not delivered: %s", type(error).__name__)
        finally:
            self._sending.now = False
        if not well and not self._away:
            _log.warning(
                "the collector %s takes no telemetry: see that it runs, or change telemetry.endpoint; calls go on, "
                "and what it misses is dropped",
                self._where,
            )
        if well and self._away:
            _log.warning("the collector %s takes telemetry again", self._where)
        self._away = not well


class Courteous(SpanExporter):
    """Sends spans to a collector, and says once when it is away.

    Args:
        exporter: Sends them.
        collector: The collector.
    """

    def __init__(self, exporter: SpanExporter, collector: Collector) -> None:
        self._exporter = exporter
        self._collector = collector

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send some; those that are not taken are dropped."""
        self._collector.send(lambda: self._exporter.export(spans), SpanExportResult.SUCCESS)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Send no more."""
        self._exporter.shutdown()


class Delivery:
    """Sends metrics every so often, and closes what sends spans.

    Args:
        interval: Seconds between two deliveries.
        metrics: Sends metrics; None for nothing.
        spans: What sends spans; closed with it.
        collector: Where both go, if it is a collector.
    """

    def __init__(
        self,
        interval: float,
        *,
        metrics: MetricExporter | None = None,
        spans: SpanProcessor | None = None,
        collector: Collector | None = None,
    ) -> None:
        self._interval = interval
        self._metrics = metrics
        self._spans = spans
        self._collector = collector
        self._collect: Callable[[], Awaitable[MetricsData]] | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, collect: Callable[[], Awaitable[MetricsData]]) -> None:
        """Send what `collect` says, again and again."""
        self._collect = collect
        if self._metrics is not None:
            self._task = asyncio.create_task(self._again(), name="seawall telemetry")

    async def _again(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                assert self._collect is not None
                await self._deliver(await self._collect())
            except Exception:  # noqa: BLE001 -- whatever it was, the next time must come
                _log.exception("metrics could not be sent; they are sent again later")

    async def _deliver(self, data: MetricsData) -> None:
        await _in_thread(lambda: self._send(data))

    def _send(self, data: MetricsData) -> None:
        assert self._metrics is not None
        metrics = self._metrics
        if self._collector is None:
            metrics.export(data)
        else:
            self._collector.send(lambda: metrics.export(data), MetricExportResult.SUCCESS)

    async def close(self) -> None:
        """Send what is left, within `CLOSING` seconds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        data = await self._collect() if self._collect is not None and self._metrics is not None else None

        def last() -> None:
            if self._spans is not None:
                self._spans.shutdown()
            if data is not None and self._metrics is not None:
                self._send(data)
                self._metrics.shutdown()

        try:
            async with asyncio.timeout(CLOSING):
                await _in_thread(last)
        except TimeoutError:
            _log.warning("telemetry was not delivered within %.0f s of closing; what was left is dropped", CLOSING)
        finally:
            if self._collector is not None:
                self._collector.forget()


async def _in_thread(work: Callable[[], Any]) -> None:
    """Do it in a thread that nobody waits for when the process ends."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def settle(error: Exception | None) -> None:
        if not done.done():
            done.set_result(None) if error is None else done.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            work()
        except Exception as raised:  # noqa: BLE001 -- raised where it is awaited
            error = raised
        try:
            loop.call_soon_threadsafe(settle, error)
        except RuntimeError:
            _log.debug("the event loop ended before telemetry was delivered")

    threading.Thread(target=run, name="seawall telemetry", daemon=True).start()
    await done
