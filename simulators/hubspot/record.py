"""One record of a portal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .schema import Property


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Args:
        object: Plural name of its object.
        id: Its id, unique in the portal.
        properties: Values that are set, as text.
        created: When it was created, in seconds since 1970.
        updated: When it was last changed, in seconds since 1970.
        archived_at: When it was archived, None while it lives.
    """

    object: str
    id: str
    properties: Mapping[str, str] = field(default_factory=dict)
    created: float = 0.0
    updated: float = 0.0
    archived_at: float | None = None

    @property
    def archived(self) -> bool:
        """Whether it was archived."""
        return self.archived_at is not None

    @property
    def changed(self) -> float:
        """When it last changed in any way, in seconds since 1970."""
        return self.updated if self.archived_at is None else max(self.updated, self.archived_at)


Place = tuple[str, str]
"""Object and id of a record."""


def unique_key(prop: Property, value: str) -> str:
    """How an index writes a value: e-mail addresses without case."""
    return value.strip().lower() if prop.name == "email" else value


def entry_of(record: Record) -> dict[str, Any]:
    """A record as the journal keeps it."""
    return asdict(replace(record, properties=dict(record.properties)))
