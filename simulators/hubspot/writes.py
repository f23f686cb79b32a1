"""What HubSpot checks and fills in when one record is created, updated or upserted.

Source: "Contacts", "Companies", "Tickets", "Notes" and "Properties" in HubSpot's developer documentation. A collision
of a unique custom property is documented nowhere; its text and its 400 are those of recorded exchanges.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .association_types import ASSOCIATION_TYPES
from .errors import HubSpotError, contact_exists, invalid, invalid_properties, not_found
from .record import Record
from .records import Records
from .schema import ObjectType, Property
from .settings import HubSpotSettings
from .transaction import Transaction
from .values import Problem, as_text, checked

Content = dict[str, str | None]


class Writer:
    """Applies changes of single records inside a transaction.

    Args:
        settings: The portal's rules.
        records: The portal's records.
    """

    def __init__(self, settings: HubSpotSettings, records: Records) -> None:
        self._settings = settings
        self._records = records

    def create(
        self, tx: Transaction, obj: ObjectType, properties: Mapping[str, Any], associations: Any = None
    ) -> Record:
        """Add a record, and associate it.

        Raises:
            HubSpotError: The content breaks a rule; the transaction is to be rolled back.
        """
        written = self._content(obj, properties)
        content = {name: value for name, value in written.items() if value is not None}
        if obj.name == "tickets":
            content.setdefault("hs_pipeline", "0")
        self._check_required(obj, content)
        new_id = self._records.next_id()
        self._check_unique(obj, written, new_id)
        now = self._records.now()
        record = Record(obj.name, new_id, content, created=now, updated=now)
        tx.insert(obj, record, written)
        self._associate(tx, record, associations or [])
        return record

    def update(self, tx: Transaction, obj: ObjectType, record: Record, properties: Mapping[str, Any]) -> Record:
        """Overwrite properties of a record; an empty value clears.

        Raises:
            HubSpotError: The content breaks a rule; nothing was written.
        """
        written = self._content(obj, properties)
        self._check_unique(obj, written, record.id)
        return tx.update(obj, record, written)

    def upsert(
        self, tx: Transaction, obj: ObjectType, prop: Property, value: str, properties: Mapping[str, Any]
    ) -> tuple[Record, bool]:
        """Update the record that has a unique value, or create it; tells whether it was created.

        Raises:
            HubSpotError: The content breaks a rule; the transaction is to be rolled back.
        """
        found = self._records.find(obj, prop, value)
        content = {**properties, prop.name: value}
        return (self.create(tx, obj, content), True) if found is None else (self.update(tx, obj, found, content), False)

    def live(self, obj: ObjectType, record_id: str, id_property: str | None = None) -> Record:
        """The living record with an id, or with a value of a unique property.

        Raises:
            HubSpotError: 404: there is none. 400: the property does not identify records.
        """
        if id_property in (None, "", "hs_object_id"):
            record = self._records.get(obj.name, record_id)
        else:
            record = self._records.find(obj, unique_property(obj, str(id_property)), record_id)
        if record is None or record.archived:
            raise not_found(record_id)
        return record

    def _content(self, obj: ObjectType, properties: Mapping[str, Any]) -> Content:
        content: Content = {}
        problems: list[tuple[str, str, str]] = []
        for name, value in properties.items():
            text = as_text(name, value)
            prop = obj.properties.get(name)
            if prop is None:
                problems.append((name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'))
            elif prop.read_only:
                problems.append(
                    (name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
                )
            else:
                try:
                    content[name] = None if text is None else checked(prop, text)
                except Problem as problem:
                    problems.append((name, problem.code, problem.text))
        if problems:
            raise invalid_properties(problems)
        return content

    def _check_required(self, obj: ObjectType, content: Mapping[str, str]) -> None:
        missing = [name for name in self._records.schema.required[obj.name] if name not in content]
        if not missing and obj.one_of and not any(name in content for name in obj.one_of):
            missing = list(obj.one_of)
        if missing:
            message = f"Error creating {obj.singular.upper()}. Some required properties were not set."
            raise invalid(message, context={"properties": missing})

    def _check_unique(self, obj: ObjectType, written: Content, own_id: str) -> None:
        for prop in obj.unique:
            value = written.get(prop.name)
            holder = None if value is None else self._records.find(obj, prop, value)
            if holder is None or holder.id == own_id:
                continue
            if (obj.name, prop.name) == ("contacts", "email"):
                raise contact_exists(holder.id)
            raise self._conflict(obj, prop, str(value), own_id, holder.id)

    def _conflict(self, obj: ObjectType, prop: Property, value: str, own_id: str, holder_id: str) -> HubSpotError:
        status = self._settings.unique_conflict_status
        message = (
            f"Cannot set PropertyValueCoordinates{{portalId={self._settings.portal_id}, "
            f"objectTypeId=ObjectTypeId{{legacyObjectType={obj.singular.upper()}}}, "
            f"propertyName={prop.name}, value={value}}} on {own_id}. {holder_id} already has that value."
        )
        return HubSpotError(status, message, "VALIDATION_ERROR" if status == 400 else "CONFLICT")

    def _associate(self, tx: Transaction, record: Record, associations: Any) -> None:
        for to, number in _wanted(associations):
            kind = ASSOCIATION_TYPES.get(number)
            if kind is None or kind.from_object != record.object:
                raise _invalid_association(f"invalid association type {number} from {record.object}")
            target = self._records.get(kind.to_object, to)
            if target is None or target.archived:
                raise _invalid_association(f"No {kind.to_object} with ID {to} exists")
            tx.link((record.object, record.id), (kind.to_object, to), number)


def unique_property(obj: ObjectType, name: str) -> Property:
    """A property that identifies records.

    Raises:
        HubSpotError: 400: there is none of that name, or its values are not unique.
    """
    prop = obj.properties.get(name)
    if prop is None:
        raise invalid(f'Property "{name}" does not exist', context={"propertyName": [name]})
    if not prop.unique:
        message = f'Property "{name}" does not have unique values and cannot identify {obj.name}'
        raise invalid(message, context={"propertyName": [name]})
    return prop


def _wanted(associations: Any) -> list[tuple[str, int]]:
    try:
        return [
            (str(wanted["to"]["id"]), int(kind["associationTypeId"]))
            for wanted in associations
            for kind in wanted["types"]
        ]
    except (KeyError, TypeError, ValueError):
        raise invalid("Invalid input JSON: associations must have a record and types") from None


def _invalid_association(text: str) -> HubSpotError:
    return invalid("One or more associations are invalid", errors=[{"message": text, "code": "INVALID_ASSOCIATION"}])
