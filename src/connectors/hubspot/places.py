"""Where an idempotency key is put in a record, and how it is found there again."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...core.adapter import ClientId, Marker
from .settings import HubSpotSettings, ObjectType
from .wire import Properties

_LONGEST_LINE = 500


def short_form(key: str) -> str:
    """26 letters and digits that stand for `key` in a text that people read: one word, so that it can be searched."""
    return "sw" + base64.b32encode(hashlib.sha256(key.encode()).digest()).decode()[:24].lower()


@dataclass(frozen=True, slots=True)
class UniqueProperty:
    """A property that must have unique values: HubSpot itself refuses a second record with the key."""

    field: str

    @property
    def dedupe(self) -> ClientId:
        """`ClientId`."""
        return ClientId(self.field)

    def write(self, properties: dict[str, Any], key: str) -> None:
        """Put the key into the record to be written."""
        properties[self.field] = key

    def carries(self, properties: Properties, key: str) -> bool:
        """Whether a record that was read carries the key."""
        return properties.get(self.field) == key


@dataclass(frozen=True, slots=True)
class MarkerProperty:
    """A plain property that holds the key and is not enforced to be unique."""

    field: str

    @property
    def dedupe(self) -> Marker:
        """`Marker`."""
        return Marker(self.field)

    def write(self, properties: dict[str, Any], key: str) -> None:
        """Put the key into the record to be written."""
        properties[self.field] = key

    def carries(self, properties: Properties, key: str) -> bool:
        """Whether a record that was read carries the key."""
        return properties.get(self.field) == key

    def condition(self, key: str) -> dict[str, str]:
        """The search filter that finds it."""
        return {"propertyName": self.field, "operator": "EQ", "value": key}


@dataclass(frozen=True, slots=True)
class MarkerText:
    """A text that people read, with a short form of the key at its end.

    Args:
        field: The property.
        length: As many characters as it takes; the text gives way to the marker.
    """

    field: str
    length: int

    @property
    def dedupe(self) -> Marker:
        """`Marker`."""
        return Marker(self.field)

    def write(self, properties: dict[str, Any], key: str) -> None:
        """Put the marker behind the text of the record to be written."""
        marker = f" [ref {short_form(key)}]"
        shown = str(properties.get(self.field) or "")[: self.length - len(marker)]
        properties[self.field] = f"{shown}{marker}".lstrip()

    def carries(self, properties: Properties, key: str) -> bool:
        """Whether a record that was read carries the marker."""
        return f"[ref {short_form(key)}]" in str(properties.get(self.field) or "")

    def condition(self, key: str) -> dict[str, str]:
        """The search filter that finds it."""
        return {"propertyName": self.field, "operator": "CONTAINS_TOKEN", "value": short_form(key)}


Place: TypeAlias = UniqueProperty | MarkerProperty | MarkerText

_TEXTS: dict[ObjectType, MarkerText] = {
    "contacts": MarkerText("message", 60_000),
    "companies": MarkerText("description", 60_000),
    "tickets": MarkerText("subject", _LONGEST_LINE),
    "notes": MarkerText("hs_note_body", 65_000),
}


def place_of(object_type: ObjectType, settings: HubSpotSettings) -> Place:
    """The strongest place that the settings allow for the records of an object."""
    if object_type in settings.unique_properties:
        return UniqueProperty(settings.unique_properties[object_type])
    if object_type in settings.marker_properties:
        return MarkerProperty(settings.marker_properties[object_type])
    return _TEXTS[object_type]
