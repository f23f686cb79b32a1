"""A wall around a toy target whose telemetry is kept in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from seawall import Seawall
from seawall.core.action import Action
from seawall.core.redaction import Secrets
from seawall.core.settings import TelemetrySettings
from seawall.telemetry import Telemetry

from .toy import ADD, Target, ToyAdapter
from .virtual import config, sources


class Seen(NamedTuple):
    """An open wall, what is behind it, and what its telemetry exported."""

    wall: Seawall
    target: Target
    adapter: ToyAdapter
    telemetry: Telemetry
    exporter: InMemorySpanExporter

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that ended, in the order in which they began."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, start: str) -> list[ReadableSpan]:
        """Those whose names begin so."""
        return [span for span in self.spans if span.name.startswith(start)]

    async def numbers(self) -> dict[tuple[str, tuple[tuple[str, Any], ...]], float]:
        """All metrics: values, and counts of histograms, by name and labels."""
        return numbers(await self.telemetry.collected())


def numbers(data: MetricsData) -> dict[tuple[str, tuple[tuple[str, Any], ...]], float]:
    """Values, and counts of histograms, by name and labels (without `seawall.`)."""
    found: dict[tuple[str, tuple[tuple[str, Any], ...]], float] = {}
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    labels = {name.removeprefix("seawall."): value for name, value in (point.attributes or {}).items()}
                    value = point.value if hasattr(point, "value") else point.count
                    found[metric.name, tuple(sorted(labels.items()))] = value
    return found


def labels(**given: Any) -> tuple[tuple[str, Any], ...]:
    """Labels as `numbers` has them; `__` stands for a dot."""
    return tuple(sorted((name.replace("__", "."), value) for name, value in given.items()))


def told(span: ReadableSpan) -> Mapping[str, Any]:
    """A span's attributes."""
    return span.attributes or {}


@asynccontextmanager
async def seen_wall(
    folder: Path,
    *,
    script: list[str] | None = None,
    action: Action = ADD,
    telemetry: dict[str, Any] | None = None,
    secrets: Secrets | None = None,
    target: Target | None = None,
    background: bool = False,
    seed: int = 1,
    **system: Any,
) -> AsyncIterator[Seen]:
    """An open wall around a toy target, and what is seen of it."""
    given, secrets = sources(seed), secrets or Secrets()
    target = target or Target(given.clock)
    target.script.extend(script or [])
    adapter, exporter = ToyAdapter(target, action), InMemorySpanExporter()
    settings = TelemetrySettings(enabled=True, **(telemetry or {}))
    sees = Telemetry(settings, given, secrets=secrets, processor=SimpleSpanProcessor(exporter))
    wall = Seawall(
        config(folder, **system),
        adapters={"toy": adapter},
        sources=given,
        secrets=secrets,
        recovery=background,
        inline_ledger=True,
        telemetry=sees,
    )
    async with wall:
        yield Seen(wall, target, adapter, sees, exporter)
