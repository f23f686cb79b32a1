"""Ids, timestamps and the checks that a value passes before it is stored."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from typing import Any

from .errors import ApiError
from .schema import FieldDef

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_POD = "SW0"
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def checked_id(first15: str) -> str:
    """An 18-character id from its case-sensitive 15: each fifth gets a character that tells its capitals."""
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place, char in enumerate(first15[start : start + 5]) if "A" <= char <= "Z")
        suffix += _CHECK[bits]
    return first15 + suffix


def make_id(prefix: str, number: int) -> str:
    """The id of the n-th record of an object."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _ALPHABET[rest] + digits
    return checked_id(prefix + _POD + digits.rjust(9, "0"))


def id_number(record_id: str) -> int:
    """The n of `make_id`."""
    number = 0
    for char in record_id[6:15]:
        number = number * 62 + _ALPHABET.index(char)
    return number


def as_id(value: str) -> str | None:
    """A 15- or 18-character id in its 18-character form, or None if it is no id."""
    return checked_id(value[:15]) if _ID.fullmatch(value) else None


def stamp(seconds: float) -> str:
    """A timestamp as Salesforce writes it; it keeps whole seconds only."""
    return datetime.fromtimestamp(math.floor(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def from_stamp(text: str) -> float:
    """Seconds of a timestamp that `stamp` wrote or a client sent.

    Raises:
        ValueError: It is no timestamp with a zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return moment.timestamp()


def check(field: FieldDef, value: Any) -> Any:
    """The value as it is stored.

    Raises:
        ApiError: ``JSON_PARSER_ERROR`` for a wrong JSON type, ``STRING_TOO_LONG``, ``MALFORMED_ID``,
            ``INVALID_EMAIL_ADDRESS`` or ``INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST``.
    """
    if value is None or value == "":
        return None
    match field.type:
        case "boolean":
            if not isinstance(value, bool):
                raise _wrong(field, value)
            return value
        case "int" | "double":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise _wrong(field, value)
            return int(value) if field.type == "int" else float(value)
        case "date":
            return _checked_date(field, value)
        case "datetime":
            try:
                return stamp(from_stamp(value))
            except (TypeError, ValueError):
                raise _wrong(field, value) from None
        case "reference":
            return _checked_reference(field, value)
    if not isinstance(value, str):
        raise _wrong(field, value)
    if field.type == "textarea":
        text: str = value
    else:
        text = value.strip()
        if not text:
            return None
    if len(text) > field.length:
        shown = text[:255]
        raise ApiError(
            "STRING_TOO_LONG",
            f"{field.name}: data value too large: {shown} (max length={field.length})",
            fields=(field.name,),
        )
    if field.type == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise ApiError("INVALID_EMAIL_ADDRESS", f"{field.name}: invalid email address: {text}", fields=(field.name,))
    if field.restricted and text not in field.values:
        raise ApiError(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.name}: bad value for restricted picklist field: {text}",
            fields=(field.name,),
        )
    return text


def _checked_date(field: FieldDef, value: Any) -> str:
    if isinstance(value, str) and _DATE.match(value):
        try:
            return date.fromisoformat(value[:10]).isoformat()
        except ValueError:
            pass
    raise _wrong(field, value)


def _checked_reference(field: FieldDef, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(field, value)
    record_id = as_id(value)
    if record_id is None:
        raise ApiError("MALFORMED_ID", f"{field.name}: id value of incorrect type: {value}", fields=(field.name,))
    return record_id


_JSON_TYPES = {bool: "VALUE_BOOLEAN", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT", str: "VALUE_STRING"}


def _wrong(field: FieldDef, value: Any) -> ApiError:
    wanted = {"textarea": "string", "picklist": "string", "reference": "string"}.get(field.type, field.type)
    got = _JSON_TYPES.get(type(value), "START_OBJECT" if isinstance(value, dict) else "START_ARRAY")
    return ApiError(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {wanted} from {got} value {value} "
        "or request may be missing a required field at [line:1, column:1]",
    )
