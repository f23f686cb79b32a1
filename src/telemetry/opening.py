"""From the settings to an observer that sends."""

from __future__ import annotations

import sys

from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor

from ..core.clock import Sources
from ..core.redaction import Secrets
from ..core.settings import TelemetrySettings
from .delivery import Collector, Courteous, Delivery
from .observer import Telemetry

_SENDING = 2.0  # seconds for one delivery, its repetitions included


def open_telemetry(settings: TelemetrySettings, sources: Sources, secrets: Secrets) -> Telemetry:
    """The observer that the settings ask for.

    Args:
        settings: See `TelemetrySettings`.
        sources: The clock.
        secrets: Removed from whatever is text.

    Raises:
        ImportError: A package of the extra is not installed.
    """
    if settings.exporter == "none":
        return Telemetry(settings, sources, secrets=secrets)
    if settings.exporter == "console":
        # On stderr: stdout belongs to answers, and to MCP.
        shown = SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr))
        delivery = Delivery(settings.interval, metrics=ConsoleMetricExporter(out=sys.stderr), spans=shown)
        return Telemetry(settings, sources, secrets=secrets, processor=shown, delivery=delivery)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # brings requests with it
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    url = settings.endpoint.rstrip("/")
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    collector = Collector(url)
    spans = OTLPSpanExporter(f"{url}/v1/traces", headers=headers, timeout=_SENDING)
    batches = BatchSpanProcessor(Courteous(spans, collector))
    metrics = OTLPMetricExporter(f"{url}/v1/metrics", headers=headers, timeout=_SENDING)
    delivery = Delivery(settings.interval, metrics=metrics, spans=batches, collector=collector)
    return Telemetry(settings, sources, secrets=secrets, processor=batches, delivery=delivery)
