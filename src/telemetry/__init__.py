"""Traces and metrics by OpenTelemetry: an observer of calls, and where what it sees goes.

The extra `telemetry` brings what this needs. Nothing else imports OpenTelemetry, and core knows nothing of it.
"""

from .observer import Telemetry
from .opening import open_telemetry

__all__ = ["Telemetry", "open_telemetry"]
