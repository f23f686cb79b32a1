"""Objects and properties of a portal.

Source: "Understanding the CRM" (object type ids), the guides of contacts, companies, tickets and notes (required and
default properties).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .settings import CustomProperty

ADDED = "property"
"""Under this name the journal keeps properties that clients added."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an object.

    Args:
        name: Internal name.
        type: Data type.
        unique: No two records share a value.
        read_only: HubSpot sets it.
        options: Internal values of an enumeration.
        custom: The portal's owner added it.
    """

    name: str
    type: str = "string"
    unique: bool = False
    read_only: bool = False
    options: tuple[str, ...] = ()
    custom: bool = False

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Property:
        """A property that a client added, from its entry in the journal."""
        return cls(entry["name"], entry["type"], entry["unique"], options=tuple(entry["options"]), custom=True)

    def describe(self) -> dict[str, Any]:
        """The property as the properties API shows it."""
        kind = {"enumeration": "select", "bool": "booleancheckbox", "number": "number", "datetime": "date"}
        return {
            "name": self.name,
            "label": self.name.replace("_", " ").capitalize(),
            "type": self.type,
            "fieldType": kind.get(self.type, "text"),
            "description": "",
            "groupName": "information",
            "options": [
                {"label": value, "value": value, "displayOrder": place, "hidden": False}
                for place, value in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": False,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": not self.custom,
            "modificationMetadata": {
                "archivable": self.custom,
                "readOnlyDefinition": not self.custom,
                "readOnlyValue": self.read_only,
            },
            "formField": not self.read_only,
        }


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One object.

    Args:
        name: Plural name, as in paths.
        singular: Singular name.
        type_id: Object type id.
        shown: Properties that are shown when none are asked for.
        searched: Properties that the ``query`` of a search looks into.
        required: Properties without which a record cannot be created.
        one_of: Properties of which a new record needs at least one.
        created: Property with the time of creation.
        modified: Property with the time of the last change.
        properties: All properties by name.
    """

    name: str
    singular: str
    type_id: str
    shown: tuple[str, ...]
    searched: tuple[str, ...]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    created: str = "createdate"
    modified: str = "hs_lastmodifieddate"
    properties: dict[str, Property] = field(default_factory=dict)

    @property
    def unique(self) -> tuple[Property, ...]:
        """The properties that identify a record."""
        return tuple(prop for prop in self.properties.values() if prop.unique)


_COMMON = (Property("hubspot_owner_id"),)
_LIFECYCLE = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "other")


def _strings(*names: str) -> tuple[Property, ...]:
    return tuple(Property(name) for name in names)


def _properties(obj: ObjectType, *properties: Property) -> ObjectType:
    own = (
        Property(obj.created, "datetime", read_only=True),
        Property(obj.modified, "datetime", read_only=True),
        Property("hs_object_id", "number", read_only=True),
    )
    obj.properties.update({prop.name: prop for prop in (*own, *_COMMON, *properties)})
    return obj


class Schema:
    """The objects of a portal, by each of the names that a path may have.

    Args:
        custom: Properties added to objects, by plural name.
        ticket_stages: Stages of the ticket pipeline.
    """

    def __init__(self, custom: Mapping[str, tuple[CustomProperty, ...]], ticket_stages: tuple[str, ...]) -> None:
        self.objects = {obj.name: obj for obj in _standard(ticket_stages)}
        self.required: dict[str, tuple[str, ...]] = {name: obj.required for name, obj in self.objects.items()}
        for name, added in custom.items():
            if name not in self.objects:
                raise ValueError(f"there is no object {name!r}; there are: {', '.join(self.objects)}")
            for prop in added:
                self.add(name, Property(prop.name, prop.type, prop.unique, options=prop.options, custom=True))
                if prop.required:
                    self.required[name] += (prop.name,)
        self._by_name = {key: obj for obj in self.objects.values() for key in (obj.name, obj.singular, obj.type_id)}

    @property
    def names(self) -> dict[str, str]:
        """The plural name of each object by every name that it may have in a path."""
        return {key: obj.name for key, obj in self._by_name.items()}

    def get(self, name: str) -> ObjectType | None:
        """The object of a path, by plural name, singular name or object type id."""
        return self._by_name.get(name.lower())

    def add(self, object_name: str, prop: Property) -> None:
        """Add a property."""
        self.objects[object_name].properties[prop.name] = prop


def _standard(ticket_stages: tuple[str, ...]) -> tuple[ObjectType, ...]:
    return (
        _properties(
            ObjectType(
                "contacts",
                "contact",
                "0-1",
                shown=("email", "firstname", "lastname"),
                searched=("email", "firstname", "lastname", "phone", "company"),
                one_of=("email", "firstname", "lastname"),
                modified="lastmodifieddate",
            ),
            Property("email", unique=True),
            Property("lifecyclestage", "enumeration", options=_LIFECYCLE),
            *_strings("firstname", "lastname", "phone", "mobilephone", "company", "website", "jobtitle"),
            *_strings("address", "city", "state", "zip", "country", "hs_lead_status", "message"),
        ),
        _properties(
            ObjectType(
                "companies",
                "company",
                "0-2",
                shown=("domain", "name"),
                searched=("name", "domain", "website", "phone"),
                one_of=("name", "domain"),
            ),
            Property("numberofemployees", "number"),
            Property("annualrevenue", "number"),
            Property("lifecyclestage", "enumeration", options=_LIFECYCLE),
            *_strings("name", "domain", "website", "phone", "industry", "description"),
            *_strings("address", "city", "state", "zip", "country"),
        ),
        _properties(
            ObjectType(
                "tickets",
                "ticket",
                "0-5",
                shown=("content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "subject"),
                searched=("subject", "content"),
                required=("subject", "hs_pipeline_stage"),
            ),
            Property("hs_pipeline", "enumeration", options=("0",)),
            Property("hs_pipeline_stage", "enumeration", options=ticket_stages),
            Property("hs_ticket_priority", "enumeration", options=("LOW", "MEDIUM", "HIGH", "URGENT")),
            *_strings("subject", "content", "hs_ticket_category", "source_type", "hs_resolution"),
        ),
        _properties(
            ObjectType(
                "notes",
                "note",
                "0-46",
                shown=(),
                searched=("hs_note_body",),
                required=("hs_timestamp",),
                created="hs_createdate",
            ),
            Property("hs_timestamp", "datetime"),
            *_strings("hs_note_body", "hs_attachment_ids"),
        ),
    )
