"""Who speaks: the resource and the scope of all that is sent."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from ..core.settings import TelemetrySettings
from .conventions import SCHEMA_URL, SCOPE, SERVICE_NAME, SERVICE_VERSION


def resource_of(settings: TelemetrySettings) -> Resource:
    """The resource: the service as it is named, beside what the SDK and its environment say.

    Args:
        settings: See `TelemetrySettings`.
    """
    return Resource.create({SERVICE_NAME: settings.service_name, SERVICE_VERSION: version("seawall")})


@lru_cache(maxsize=1)
def scope_of() -> InstrumentationScope:
    """The scope: this package, and the conventions that it follows."""
    return InstrumentationScope(SCOPE, version("seawall"), SCHEMA_URL)
