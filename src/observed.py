"""How a Seawall is observed: telemetry as it is configured, tied to the parts that tell of calls."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from .core.clock import Sources
from .core.observing import Guarded
from .core.pipeline import Pipeline
from .core.recovery import Recovery
from .core.redaction import Secrets
from .core.settings import TelemetrySettings

if TYPE_CHECKING:
    from .telemetry import Telemetry

_log = logging.getLogger("seawall.telemetry")


def telemetry_of(settings: TelemetrySettings, sources: Sources, secrets: Secrets) -> Telemetry | None:
    """The telemetry that is configured; None if there is none, or its packages are not installed, which is said.

    Args:
        settings: See `TelemetrySettings`.
        sources: The clock.
        secrets: Removed from whatever is text.
    """
    if not settings.enabled:
        return None
    try:
        from .telemetry import open_telemetry  # only for those who want it

        return open_telemetry(settings, sources, secrets)
    except ImportError as missing:
        _log.error(
            "telemetry is enabled, but %s is not installed: pip install 'seawall[telemetry]'; calls go on without it",
            missing.name,
        )
        return None


def observe(telemetry: Telemetry, pipeline: Pipeline, recovery: Recovery) -> Callable[[], None]:
    """Let telemetry see all that happens.

    Args:
        telemetry: The telemetry.
        pipeline: The pipeline.
        recovery: Its recovery.

    Returns:
        What to call before the ledger is closed.
    """
    guarded = Guarded(telemetry)
    pipeline.observer = guarded
    for system in pipeline.systems.values():
        system.observer = guarded
    recovery.listeners.append(telemetry.verdict)
    telemetry.watch(pipeline.systems, pipeline.ledger)
    return telemetry.closing
