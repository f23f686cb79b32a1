"""Values as clients send them, as columns hold them, and as clients get them back.

Source: ``DBManager::updateSQL`` and ``massageValue`` (what is too long is cut, without a word), ``to_html`` and
``from_html`` in ``include/utils/db_utils.php`` (quotes and angle brackets come back as entities, ampersands do not),
``SugarBean::fixUpFormatting``, and PHP's rules of truth.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from .schema import FieldDef

_ENTITIES = (('"', "&quot;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#039;"))
_FALSE_WORDS = ("off", "false", "0", "no")
_DATABASE_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def to_html(text: str) -> str:
    """A stored text as the APIs answer it."""
    for character, entity in _ENTITIES:
        text = text.replace(character, entity)
    return text


def from_html(text: str) -> str:
    """A text that a client sent as it is stored."""
    for character, entity in _ENTITIES:
        text = text.replace(entity, character)
    return text


def truthy(value: Any) -> bool:
    """Whether PHP takes a value for true; the text ``false`` is."""
    return value not in (None, False, 0, 0.0, "", "0", [], {})


def as_text(value: Any) -> str:
    """A value as PHP makes text of it."""
    if isinstance(value, bool):
        return "1" if value else ""
    if value is None:
        return ""
    return "Array" if isinstance(value, list | dict) else str(value)


def stored(field: FieldDef, value: Any) -> str | None:
    """What a field's column holds after a value was written to it."""
    if field.type == "bool":
        return "1" if truthy(value) and as_text(value) not in _FALSE_WORDS else "0"
    text = from_html(as_text(value))
    if text == "":
        return field.default
    match field.type:
        case "int":
            digits = re.match(r"\s*-?\d+", text.replace(",", ""))
            return digits[0].strip() if digits else "0"
        case "datetime":
            return text if _DATABASE_TIME.fullmatch(text) else _from_iso(text)
        case "date":
            return text[:10] if _DATE.match(text) else None
    return text[: field.len] if field.len is not None else text


def id_key(record_id: str) -> str:
    """What the primary key compares an id by: without case, and without spaces at the end."""
    return record_id.rstrip(" ").lower()


def database_time(seconds: float) -> str:
    """A moment as columns hold it: UTC, in whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S")


def atom(text: str) -> str:
    """A column's value as v8 answers it: moments in ISO 8601."""
    return f"{text.replace(' ', 'T')}+00:00" if _DATABASE_TIME.fullmatch(text) else text


def make_guid(number: int) -> str:
    """The id that the instance itself gives to its n-th record."""
    return f"{number:08x}-5ea0-4a11-8000-{number:012x}"


def guid_number(record_id: str) -> int:
    """The n of `make_guid`, or 0 for an id that came from elsewhere."""
    found = re.fullmatch(r"([0-9a-f]{8})-5ea0-4a11-8000-([0-9a-f]{12})", record_id)
    return int(found[2], 16) if found else 0


def _from_iso(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).strftime("%Y-%m-%d %H:%M:%S")
