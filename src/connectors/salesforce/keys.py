"""Where an idempotency key is put in a record, and how it is found there again."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...core.adapter import ClientId, Marker
from . import soql

_MARKER_FIELD_LENGTH = 255
_SHORT_FORM_AT_END = re.compile(r"\s*\[(sw-[a-z2-7]{16})\]$")


def short_form(key: str) -> str:
    """19 characters that stand for `key` in a text that people read: its own beginning, so that it can be searched."""
    if re.fullmatch(r"sw-[a-z2-7]{26}", key):
        return key[:19]
    return "sw-" + base64.b32encode(hashlib.sha256(key.encode()).digest()).decode()[:16].lower()


@dataclass(frozen=True, slots=True)
class ExternalId:
    """A unique external-id field: the org itself refuses a second record with the key."""

    field: str

    @property
    def dedupe(self) -> ClientId:
        """`ClientId`."""
        return ClientId(self.field)

    def write(self, body: dict[str, Any], key: str) -> None:
        """Put the key into the record to be written."""
        body[self.field] = key

    def carries(self, record: Mapping[str, Any], key: str) -> bool:
        """Whether a record that was read carries the key."""
        return record.get(self.field) == key


@dataclass(frozen=True, slots=True)
class MarkerField:
    """A plain text field. It holds the keys of the record's creation and of its latest changes, oldest first.

    A change must not wipe out the key of the creation: a creation still in doubt would then be taken for absent,
    and done again.
    """

    field: str

    @property
    def dedupe(self) -> Marker:
        """`Marker`."""
        return Marker(self.field)

    def write(self, body: dict[str, Any], key: str, before: Any = None) -> None:
        """Put the key into the record to be written, behind what the field held before."""
        keys = [*self.keys(before), key]
        while len(keys) > 2 and len(" ".join(keys)) > _MARKER_FIELD_LENGTH:
            del keys[1]
        body[self.field] = " ".join(keys)

    def carries(self, record: Mapping[str, Any], key: str) -> bool:
        """Whether a record that was read carries the key."""
        return key in self.keys(record.get(self.field))

    def condition(self, key: str) -> str:
        """The SOQL condition that finds it."""
        return f"{self.field} LIKE {soql.containing(key)}"

    def may_have_dropped(self, record: Mapping[str, Any], key: str) -> bool:
        """Whether so many keys are in the field that ours may have been pushed out."""
        held = " ".join(self.keys(record.get(self.field)))
        return len(held) + 1 + len(key) > _MARKER_FIELD_LENGTH

    @staticmethod
    def keys(value: Any) -> list[str]:
        """The keys in the field's value, oldest first."""
        return value.split() if isinstance(value, str) else []


@dataclass(frozen=True, slots=True)
class MarkerText:
    """A text that people read, with a short form of the key at its end.

    Args:
        field: The field.
        length: As many characters as the field takes; the text gives way to the marker.
        template: The marker, `{}` standing for the short form.
        filterable: Whether SOQL can filter by the field (long text areas cannot).
    """

    field: str
    length: int
    template: str
    filterable: bool = False

    @property
    def dedupe(self) -> Marker:
        """`Marker`."""
        return Marker(self.field)

    def write(self, body: dict[str, Any], key: str) -> None:
        """Put the marker behind the text of the record to be written."""
        marker = self._marker(key)
        shown = str(body.get(self.field) or "")[: self.length - len(marker)]
        body[self.field] = f"{shown}{marker}".lstrip()

    def carries(self, record: Mapping[str, Any], key: str) -> bool:
        """Whether a record that was read carries the marker."""
        return self._marker(key).strip() in str(record.get(self.field) or "")

    def condition(self, key: str) -> str | None:
        """The SOQL condition that finds it; None where the field cannot be filtered by."""
        return f"{self.field} LIKE {soql.containing(self._marker(key).strip())}" if self.filterable else None

    def keep(self, text: str | None, before: Any) -> str | None:
        """`text` with the marker that the field's content ended in before, if it did.

        A change must not wipe out the marker of the creation; see `MarkerField`.
        """
        found = _SHORT_FORM_AT_END.search(before) if isinstance(before, str) else None
        if found is None:
            return text
        marker = self.template.format(found[1])
        shown = _SHORT_FORM_AT_END.sub("", text or "")[: self.length - len(marker)]
        return f"{shown}{marker}".lstrip()

    def _marker(self, key: str) -> str:
        return self.template.format(short_form(key))


KeyPlace: TypeAlias = ExternalId | MarkerField | MarkerText

IN_SUBJECT = MarkerText("Subject", 255, " [{}]", filterable=True)
IN_DESCRIPTION = MarkerText("Description", 32_000, "\n[ref:{}]")
IN_COMMENT = MarkerText("CommentBody", 4000, "\n[ref:{}]")


def key_place(
    sobject: str, external_ids: Mapping[Any, str], markers: Mapping[Any, str], otherwise: MarkerText
) -> KeyPlace:
    """The strongest place that the settings allow for the records of an object."""
    if sobject in external_ids:
        return ExternalId(external_ids[sobject])
    if sobject in markers:
        return MarkerField(markers[sobject])
    return otherwise
