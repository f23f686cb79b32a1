"""The metrics as Prometheus reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from opentelemetry.sdk.metrics.export import Gauge, Histogram, HistogramDataPoint, Metric, MetricsData, Sum
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from .instruments import ALL, Instrument, Kind

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_NOT_IN_NAMES = re.compile("[^a-zA-Z0-9_]")
_LABELS = {instrument.name: instrument.labels for instrument in ALL}


def name_of(instrument: Instrument) -> str:
    """What Prometheus calls it."""
    name = _plain(instrument.name)
    if instrument.unit == "s":
        name += "_seconds"
    return f"{name}_total" if instrument.kind is Kind.COUNTER else name


class _Once(Collector):
    """What was collected, for one answer."""

    def __init__(self, data: MetricsData) -> None:
        self._data = data

    def collect(self) -> Iterable[Family]:
        for resource in self._data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    yield _family(metric)


def exposition(data: MetricsData) -> bytes:
    """The text of an answer to a scrape.

    Args:
        data: All metrics.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(data))
    return generate_latest(registry)


def _family(metric: Metric) -> Family:
    name = _plain(metric.name) + ("_seconds" if metric.unit == "s" else "")
    labels = [*_LABELS[metric.name], *(["otel.metric.overflow"] if _overflows(metric) else [])]
    shown = [_plain(label) for label in labels]
    match metric.data:
        case Histogram(data_points=points):
            family: Family = HistogramMetricFamily(name, metric.description or "", labels=shown)
            for point in points:
                family.add_metric(_values(point.attributes, labels), _buckets(point), point.sum)  # type: ignore[attr-defined]
            return family
        case Sum(data_points=numbers):
            counter = CounterMetricFamily(name, metric.description or "", labels=shown)
            for number in numbers:
                counter.add_metric(_values(number.attributes, labels), number.value)
            return counter
        case Gauge(data_points=numbers):
            gauge = GaugeMetricFamily(name, metric.description or "", labels=shown)
            for number in numbers:
                gauge.add_metric(_values(number.attributes, labels), number.value)
            return gauge
    raise AssertionError(f"no metric of ours is a {type(metric.data).__name__}")


def _buckets(point: HistogramDataPoint) -> list[tuple[str, float]]:
    total, found = 0, []
    for bound, count in zip([*point.explicit_bounds, "+Inf"], point.bucket_counts, strict=True):
        total += count
        found.append((str(bound), float(total)))
    return found


def _overflows(metric: Metric) -> bool:
    return any("otel.metric.overflow" in (point.attributes or {}) for point in metric.data.data_points)


def _values(attributes: object, labels: Iterable[str]) -> list[str]:
    given = attributes if isinstance(attributes, dict) else {}
    return [_value(given.get(label)) for label in labels]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _plain(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name)
