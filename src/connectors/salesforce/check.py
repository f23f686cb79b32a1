"""Whether an org has what the settings count on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .settings import SalesforceSettings
from .wire import Exchange

_KEY_LENGTH = 29
_MARKER_LENGTH = 255


async def problems(exchange: Exchange, settings: SalesforceSettings) -> list[str]:
    """Describe the objects and compare their fields with the settings.

    Args:
        exchange: Requests to the org; the first one logs in.
        settings: The connector's settings.

    Returns:
        Problems, a sentence each.
    """
    found: list[str] = []
    for sobject in ("Case", "Task"):
        fields = await exchange.describe(sobject)
        if sobject in settings.external_id_fields:
            name = settings.external_id_fields[sobject]
            found += [f"{sobject}.{name} {problem}" for problem in _external_id(fields.get(name))]
        if sobject in settings.marker_fields:
            name = settings.marker_fields[sobject]
            found += [f"{sobject}.{name} {problem}" for problem in _marker(fields.get(name))]
    return found


def _external_id(field: Mapping[str, Any] | None) -> Iterator[str]:
    if field is None:
        yield "does not exist, or this user may not see it: make it a text field, external id and unique."
        return
    if not field.get("externalId"):
        yield "is no external id: tick External ID in its definition."
    if not field.get("unique"):
        yield "is not unique: without that the org does not refuse a second record. Tick Unique in its definition."
    yield from _text(field, _KEY_LENGTH)


def _marker(field: Mapping[str, Any] | None) -> Iterator[str]:
    if field is None:
        yield "does not exist, or this user may not see it: make it a text field of 255 characters."
        return
    if field.get("unique"):
        yield "is unique: a marker field holds the keys of later changes, too. Untick Unique in its definition."
    if field.get("filterable") is False:
        yield "cannot be filtered by in SOQL: use a text field, no long text area."
    yield from _text(field, _MARKER_LENGTH)


def _text(field: Mapping[str, Any], length: int) -> Iterator[str]:
    if field.get("type") != "string":
        yield f"is of type {field.get('type')}: use a text field."
    elif isinstance(field.get("length"), int) and field["length"] < length:
        yield f"takes {field['length']} characters only: it needs {length}."
    if field.get("createable") is False or field.get("updateable") is False:
        yield "cannot be written by this user."
