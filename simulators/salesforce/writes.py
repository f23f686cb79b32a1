"""What Salesforce checks and fills in when one record is created, updated, upserted or deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ApiError, MultipleMatches
from .records import Record, Records, Transaction
from .schema import FieldDef, ObjectDef
from .settings import SalesforceSettings, ValidationRule
from .values import check, make_id, stamp


class Writer:
    """Applies changes of single records inside a transaction.

    Args:
        settings: The org's rules.
        records: The org's records.
    """

    def __init__(self, settings: SalesforceSettings, records: Records) -> None:
        self._settings = settings
        self._records = records
        self._user_id = make_id("005", 1)

    def create(
        self,
        tx: Transaction,
        obj: ObjectDef,
        body: Mapping[str, Any],
        *,
        key: Mapping[str, Any] | None = None,
        allow_duplicates: bool = False,
    ) -> Record:
        """Insert a record.

        Args:
            tx: The transaction.
            obj: The object.
            body: The request's content.
            key: An external id and its value, from an upsert.
            allow_duplicates: Whether duplicate rules are overridden.

        Raises:
            ApiError: The content breaks a rule; nothing was written.
        """
        written = {**self._content(obj, body, forbidden=key or {}), **(key or {})}
        fields = obj.fields.values()
        derived = {f.name: f.default for f in fields if f.default is not None and f.name not in written}
        if "OwnerId" in obj.fields and "OwnerId" not in written:
            derived["OwnerId"] = self._user_id
        record = {**derived, **written}
        missing = [f.name for f in fields if f.required and record.get(f.name) is None]
        if missing:
            raise _missing(missing)
        self._check_rules(obj, record, written, own_id=None)
        if not allow_duplicates:
            self._check_duplicates(obj, record)
        return tx.insert(obj, written, {**derived, **self._derive(obj, record, None)})

    def update(
        self,
        tx: Transaction,
        obj: ObjectDef,
        record: Record,
        body: Mapping[str, Any],
        *,
        key: Mapping[str, Any] | None = None,
    ) -> Record:
        """Overwrite fields of a record; `key` is the external id by which an upsert found it.

        Raises:
            ApiError: The content breaks a rule; nothing was written.
        """
        written = {**self._content(obj, body, forbidden=key or {}), **(key or {})}
        missing = [name for name, value in written.items() if value is None and obj.fields[name].required]
        if missing:
            raise _missing(missing)
        new = {**record, **written}
        self._check_rules(obj, new, written, own_id=record["Id"])
        return tx.update(obj, record, written, self._derive(obj, new, record))

    def upsert(
        self,
        tx: Transaction,
        obj: ObjectDef,
        field: FieldDef,
        value: Any,
        body: Mapping[str, Any],
        *,
        allow_duplicates: bool = False,
    ) -> tuple[Record, bool]:
        """Update the one record whose external id has the value, or create it; tells whether it was created.

        Raises:
            ApiError: The content breaks a rule; nothing was written.
            MultipleMatches: Several records have the value; nothing was written.
        """
        stored = check(field, value)
        matches = self._records.find(obj, field, stored)
        if len(matches) > 1:
            raise MultipleMatches([record["Id"] for record in matches])
        key = {field.name: stored}
        if matches:
            return self.update(tx, obj, matches[0], body, key=key), False
        return self.create(tx, obj, body, key=key, allow_duplicates=allow_duplicates), True

    def live(self, obj: ObjectDef, record_id: str, *, status: int = 404) -> Record:
        """The record to change.

        Raises:
            ApiError: It was deleted (``ENTITY_IS_DELETED``) or never was (``NOT_FOUND``; in a batch, where no
                status of its own is told, ``INVALID_CROSS_REFERENCE_KEY``).
        """
        record = self._records.get(obj.name, record_id)
        if record is None:
            if status == 404:
                raise ApiError("NOT_FOUND", "The requested resource does not exist", status)
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status, fields=())
        if record["IsDeleted"]:
            raise ApiError("ENTITY_IS_DELETED", "entity is deleted", status, fields=())
        return record

    def _content(self, obj: ObjectDef, body: Mapping[str, Any], *, forbidden: Mapping[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for name, value in body.items():
            if name == "attributes":
                continue
            field = obj.field(name)
            if field is None:
                raise ApiError("INVALID_FIELD", f"No such column '{name}' on sobject of type {obj.name}")
            if field.name == "Id" or field.name in forbidden:
                message = f"The {field.name} field should not be specified in the sobject data."
                raise ApiError("INVALID_FIELD", message, fields=(field.name,))
            if not field.writable:
                raise ApiError(
                    "INVALID_FIELD_FOR_INSERT_UPDATE",
                    f"Unable to create/update fields: {field.name}. Please check the security settings of this "
                    "field and verify that it is read/write for your profile or permission set.",
                    fields=(field.name,),
                )
            content[field.name] = check(field, value)
            if field.type == "reference" and content[field.name] is not None:
                self._check_reference(field, content[field.name])
        return content

    def _check_reference(self, field: FieldDef, record_id: str) -> None:
        target = self._records.schema.of_id(record_id)
        if target is None or target.name not in field.reference_to:
            message = f"{field.name}: id value of incorrect type: {record_id}"
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=(field.name,))
        record = self._records.get(target.name, record_id)
        if record is None:
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=())
        if record["IsDeleted"]:
            raise ApiError("ENTITY_IS_DELETED", "entity is deleted", fields=())

    def _check_rules(
        self, obj: ObjectDef, record: Mapping[str, Any], written: Mapping[str, Any], *, own_id: str | None
    ) -> None:
        for rule in self._settings.validation_rules:
            if rule.object == obj.name and _breaks(rule, record.get(rule.field)):
                raise ApiError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, fields=(rule.field,))
        for name, value in written.items():
            field = obj.fields[name]
            if not field.unique or value is None:
                continue
            holders = [r["Id"] for r in self._records.find(obj, field, value) if r["Id"] != own_id]
            if holders:
                # Salesforce names the other record by its 15-character id here.
                message = f"duplicate value found: {name} duplicates value on record with id: {holders[0][:15]}"
                raise ApiError("DUPLICATE_VALUE", message, fields=())

    def _check_duplicates(self, obj: ObjectDef, record: Mapping[str, Any]) -> None:
        for rule in self._settings.duplicate_rules:
            wanted = [(name, _folded(record.get(name))) for name in rule.fields]
            if rule.object != obj.name or any(value is None for _, value in wanted):
                continue
            matches = [
                row
                for row in self._records.rows(obj.name)
                if all(_folded(row.get(name)) == value for name, value in wanted)
            ]
            if matches:
                raise _duplicates_detected(obj, rule.name, matches)

    def _derive(self, obj: ObjectDef, record: Mapping[str, Any], before: Record | None) -> dict[str, Any]:
        if obj.name == "Task":
            return {"IsClosed": record.get("Status") == "Completed"}
        if obj.name != "Case":
            return {}
        closed = record.get("Status") in self._settings.closed_statuses
        was_closed = before is not None and before["IsClosed"]
        if closed and before is not None and was_closed:
            return {"IsClosed": True, "ClosedDate": before["ClosedDate"]}
        return {"IsClosed": closed, "ClosedDate": stamp(self._records.now()) if closed else None}


def _breaks(rule: ValidationRule, value: Any) -> bool:
    if rule.when == "blank":
        return value is None
    return (value in rule.values) if rule.when == "in" else (value not in rule.values)


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _missing(names: list[str]) -> ApiError:
    return ApiError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", fields=tuple(names))


def _duplicates_detected(obj: ObjectDef, rule: str, matches: list[Record]) -> ApiError:
    found = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {"attributes": {"type": obj.name}, "Id": match["Id"]},
        }
        for match in matches
    ]
    result = {
        "allowSave": True,
        "duplicateRule": rule,
        "duplicateRuleEntityType": obj.name,
        "errorMessage": "Use one of these records?",
        "matchResults": [
            {
                "entityType": obj.name,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": found,
                "rule": rule,
                "size": len(found),
                "success": True,
            }
        ],
    }
    return ApiError("DUPLICATES_DETECTED", "Use one of these records?", extra={"duplicateResult": result})


def external_id(obj: ObjectDef, name: str) -> FieldDef:
    """The external-id field of that name.

    Raises:
        ApiError: It is none.
    """
    field = obj.field(name)
    if field is None or not (field.external_id or field.name == "Id"):
        message = f"Provided external ID field does not exist or is not accessible: {name}"
        raise ApiError("NOT_FOUND", message, 404)
    return field
