"""Timestamps and the checks that a property's value passes before it is stored; every stored value is a string.

Source: "Properties" in HubSpot's developer documentation: dates are midnight UTC, datetimes are ISO 8601 or
milliseconds since 1970, an empty string clears a property.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from .errors import invalid
from .schema import Property

MOST_TEXT = 65_536
"""Longest text in characters."""

_MILLISECONDS = re.compile(r"-?\d{1,15}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class Problem(Exception):
    """A value that its property does not take.

    Args:
        code: HubSpot's code.
        text: Text for people.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def stamp(seconds: float) -> str:
    """A timestamp as HubSpot writes it, to the millisecond."""
    whole = round(seconds * 1000)
    moment = datetime.fromtimestamp(whole // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{whole % 1000:03d}Z"


def from_stamp(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 timestamp, or of milliseconds since 1970.

    Raises:
        ValueError: It is neither.
    """
    if _MILLISECONDS.fullmatch(text):
        return int(text) / 1000
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def as_text(name: str, value: Any) -> str | None:
    """A JSON value as the text that HubSpot takes it for; an empty one is None.

    Raises:
        HubSpotError: It is an object or a list.
    """
    if isinstance(value, dict | list):
        kind = "Object" if isinstance(value, dict) else "Array"
        raise invalid(
            f"Invalid input JSON on line 1, column 1: Cannot deserialize value of type `java.lang.String` from {kind} "
            f"value (property {name})"
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None or value == "" else str(value)


def checked(prop: Property, text: str) -> str:
    """The text as it is stored.

    Raises:
        Problem: The property does not take it.
    """
    match prop.type:
        case "number":
            try:
                float(text)
            except ValueError:
                raise Problem("INVALID_NUMBER", f"{text} was not a valid number.") from None
            return text
        case "bool":
            if text.lower() not in ("true", "false"):
                raise Problem("INVALID_OPTION", f"{text} was not one of the allowed options: [true, false]")
            return text.lower()
        case "enumeration":
            if text not in prop.options:
                raise Problem("INVALID_OPTION", f"{text} was not one of the allowed options: {list(prop.options)}")
            return text
        case "datetime" | "date":
            return _checked_moment(prop, text)
    if len(text) > MOST_TEXT:
        raise Problem("PROPERTY_VALUE_TOO_LONG", f"{prop.name} is longer than {MOST_TEXT} characters.")
    if prop.name == "email":
        return _checked_email(text)
    return text


def _checked_moment(prop: Property, text: str) -> str:
    try:
        seconds = from_stamp(text)
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Problem("INVALID_DATE", f"{text} was not a valid {prop.type}.") from None
    if prop.type == "datetime":
        shown = stamp(seconds)
        return shown.replace(".000Z", "Z")
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        raise Problem("INVALID_DATE", f"{text} is at {moment:%H:%M:%S} UTC, not midnight!")
    return f"{moment:%Y-%m-%d}"


def _checked_email(text: str) -> str:
    address = text.strip().lower()
    if not _EMAIL.fullmatch(address):
        raise Problem("INVALID_EMAIL", f"Email address {text} is invalid")
    return address
