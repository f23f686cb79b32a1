"""Times as HTTP writes them: dates, and how long to wait."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime


def parse_http_date(text: str) -> float | None:
    """Seconds since the epoch of an HTTP date, in UTC if it names no zone; None if it is none."""
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def parse_retry_after(value: str | None, *, now: float, longest: float = 86_400.0) -> float | None:
    """Seconds to wait as a target asked for it, RFC 9110 section 10.2.3.

    Args:
        value: The header: seconds, or an HTTP date.
        now: Seconds since the epoch, best by the server's own clock.
        longest: The result is cut to this.

    Returns:
        Seconds from now, rounded up; None for garbage or a negative number, so that our own backoff applies.
        A date that is past gives 0: our own backoff is then the longer one.
    """
    if value is None:
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        date = parse_http_date(text)
        seconds = math.nan if date is None else max(0.0, date - now)
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(float(math.ceil(seconds)), longest)
