"""Seawall: typed connectors that let software agents act in legacy systems exactly once.

Names are loaded when they are first used, so that `import seawall` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import Config, ConfigError
    from .core.clock import Sources
    from .core.errors import IntegrationError
    from .core.outcome import Applied, Outcome, Partial, Pending, Receipt, Rejected, Unknown
    from .sync import SyncSeawall
    from .wall import Seawall

_WHERE = {
    "Applied": "core.outcome",
    "Config": "config",
    "ConfigError": "config",
    "IntegrationError": "core.errors",
    "Outcome": "core.outcome",
    "Partial": "core.outcome",
    "Pending": "core.outcome",
    "Receipt": "core.outcome",
    "Rejected": "core.outcome",
    "Seawall": "wall",
    "Sources": "core.clock",
    "SyncSeawall": "sync",
    "Unknown": "core.outcome",
}

__all__ = [
    "Applied",
    "Config",
    "ConfigError",
    "IntegrationError",
    "Outcome",
    "Partial",
    "Pending",
    "Receipt",
    "Rejected",
    "Seawall",
    "Sources",
    "SyncSeawall",
    "Unknown",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_WHERE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
