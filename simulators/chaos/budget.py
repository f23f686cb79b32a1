"""How long a run of episodes may take, as people write it."""

from __future__ import annotations

import re

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float:
    """The seconds of a budget such as `500ms`, `30s`, `5m`, `1h` or `90`.

    Raises:
        ValueError: It is none, or leaves no time at all.
    """
    found = _BUDGET.fullmatch(text.strip())
    if found is None or not (seconds := float(found[1]) * _SECONDS[found[2] or "s"]):
        raise ValueError(f"takes seconds or minutes, such as 30s or 5m, and more than none, not {text!r}")
    return seconds
