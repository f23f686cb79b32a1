"""Association types: each pair of objects has an unlabelled one in both directions, and some have a labelled one.

Source: "Associations v4", "Association type IDs"; in the v3 API the primary company has the plain name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AssociationType:
    """One direction of an association between two objects.

    Args:
        number: HubSpot's id of it.
        opposite: The id of the same association seen from the other record.
        from_object: Plural name of the object it starts from.
        to_object: Plural name of the object it leads to.
        name: Name in the v3 API.
        label: Label, None for the unlabelled type.
    """

    number: int
    opposite: int
    from_object: str
    to_object: str
    name: str
    label: str | None = None


_SINGULAR = {"contacts": "contact", "companies": "company", "tickets": "ticket", "notes": "note"}

_PAIRS: tuple[tuple[str, str, int, int, str, str | None], ...] = (
    ("contacts", "companies", 279, 280, "_unlabeled", None),
    ("contacts", "companies", 1, 2, "", "Primary"),
    ("tickets", "contacts", 16, 15, "", None),
    ("tickets", "companies", 339, 340, "_unlabeled", None),
    ("tickets", "companies", 26, 25, "", "Primary"),
    ("notes", "contacts", 202, 201, "", None),
    ("notes", "companies", 190, 189, "", None),
    ("notes", "tickets", 228, 227, "", None),
)


def _both_ways() -> Mapping[int, AssociationType]:
    found: dict[int, AssociationType] = {}
    for one, other, there, back, suffix, label in _PAIRS:
        for start, end, number, opposite in ((one, other, there, back), (other, one, back, there)):
            name = f"{_SINGULAR[start]}_to_{_SINGULAR[end]}{suffix}"
            found[number] = AssociationType(number, opposite, start, end, name, label)
    return found


ASSOCIATION_TYPES = _both_ways()
"""All types by number."""


def between(from_object: str, to_object: str) -> tuple[AssociationType, ...]:
    """The types between two objects, the unlabelled one first; none where HubSpot associates them not at all."""
    found = (t for t in ASSOCIATION_TYPES.values() if (t.from_object, t.to_object) == (from_object, to_object))
    return tuple(sorted(found, key=lambda kind: kind.label is not None))
