"""Lengths of time as people write them: `90`, `"90s"`, `"30m"`, `"2h"`, `"3d"`. Kept in seconds."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds_of(given: Any) -> float:
    """A length of time in seconds.

    Args:
        given: Seconds, or text such as `2h`.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(given, str) and (written := _WRITTEN.fullmatch(given.strip())):
        return float(written[1]) * _UNITS[written[2]]
    if isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given):
        return float(given)
    raise ValueError(f"{given!r} is no length of time; write seconds, or '30m', '2h', '3d'")


def duration_in_words(seconds: float) -> str:
    """Seconds as a person writes them.

    Args:
        seconds: The length of time.
    """
    for unit in ("d", "h", "m"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds:g}s"


_SCHEMA = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smhd]\s*$"},
    ]
}

Seconds: TypeAlias = Annotated[float, BeforeValidator(seconds_of), WithJsonSchema(_SCHEMA)]
"""A setting in seconds that may be written as `2h`."""
