"""A collector on loopback that takes OTLP over HTTP and keeps what it is sent."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collected:
    """What came.

    Args:
        url: The collector's base URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.hangs = 0.0
        self.traces = ExportTraceServiceRequest()
        self.metrics = ExportMetricsServiceRequest()

    @property
    def spans(self) -> list[Any]:
        """All spans, in the order in which they began."""
        found = [
            span for resource in self.traces.resource_spans for scope in resource.scope_spans for span in scope.spans
        ]
        return sorted(found, key=lambda span: int(span.start_time_unix_nano))

    @property
    def metric_names(self) -> set[str]:
        """The names of all metrics."""
        return {
            metric.name
            for resource in self.metrics.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@contextmanager
def collector() -> Iterator[Collected]:
    """Serve one."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if collected.hangs:
                time.sleep(collected.hangs)
            collected.bodies.append(body)
            collected.headers.append({name.lower(): value for name, value in self.headers.items()})
            into = collected.traces if self.path == "/v1/traces" else collected.metrics
            if collected.status == 200:
                into.MergeFromString(body)
            self.send_response(collected.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as served:
        collected = Collected(f"http://127.0.0.1:{served.server_port}")
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield collected
        finally:
            served.shutdown()
            thread.join()
