"""Objects and fields of an org: the standard ones that are simulated, and the custom ones of the settings.

Source: Object Reference for the Salesforce Platform. CaseComment has no custom fields. Description and CommentBody
are long text areas: they can be neither filtered nor sorted on in SOQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

FieldType = Literal[
    "string",
    "textarea",
    "boolean",
    "int",
    "double",
    "date",
    "datetime",
    "reference",
    "picklist",
    "email",
    "phone",
    "id",
]


class CustomField(BaseModel):
    """A custom field.

    Args:
        name: API name, ending in ``__c``.
        type: Its type.
        length: Longest text, in characters.
        external_id: Records can be found and upserted by it.
        unique: No two records have the same value.
        case_sensitive: Whether unique values differ by case.
        required: A record without it is refused.
        values: Values of a picklist.
        reference_to: Object that a reference points to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: FieldType = "string"
    length: int = Field(default=255, ge=1)
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    required: bool = False
    values: tuple[str, ...] = ()
    reference_to: str | None = None

    @model_validator(mode="after")
    def _key_is_text(self) -> CustomField:
        if self.external_id and self.type not in ("string", "email"):
            raise ValueError(f"{self.name}: the simulator knows external ids of type string and email only")
        return self

    @field_validator("name")
    @classmethod
    def _custom_name(cls, name: str) -> str:
        if not name.endswith("__c"):
            raise ValueError(f"the name of a custom field ends in __c: write {name}__c")
        return name


@dataclass(frozen=True, slots=True)
class FieldDef:
    """One field of an object."""

    name: str
    type: FieldType = "string"
    length: int = 255
    writable: bool = True
    required: bool = False
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    values: tuple[str, ...] = ()
    restricted: bool = False
    reference_to: tuple[str, ...] = ()
    default: str | bool | None = None

    @property
    def filterable(self) -> bool:
        """Whether SOQL can filter, sort and group by it."""
        return self.type != "textarea"

    @property
    def indexed(self) -> bool:
        """Whether the store keeps an index on it."""
        return self.external_id or self.unique or self.type == "reference"

    @property
    def relationship(self) -> str | None:
        """Name under which the referenced record's fields are reached, as ``Account`` in ``Account.Name``."""
        if self.type != "reference":
            return None
        return f"{self.name[:-3]}__r" if self.name.endswith("__c") else self.name.removesuffix("Id")


@dataclass(frozen=True, slots=True)
class ObjectDef:
    """One object: its key prefix and its fields by name."""

    name: str
    prefix: str
    fields: Mapping[str, FieldDef]
    lower: Mapping[str, str]
    customizable: bool = True

    def field(self, name: str) -> FieldDef | None:
        """The field of that name; the API is indifferent to case."""
        found = self.fields.get(name)
        return found if found is not None else self.fields.get(self.lower.get(name.lower(), ""))

    @property
    def relationships(self) -> dict[str, FieldDef]:
        """Reference fields by lower-case relationship name."""
        return {f.relationship.lower(): f for f in self.fields.values() if f.relationship is not None}


class Schema:
    """All objects of an org, found by name without regard to case, or by key prefix."""

    def __init__(self, objects: Iterable[ObjectDef]) -> None:
        self.objects = {o.name: o for o in objects}
        self._lower = {o.name.lower(): o for o in self.objects.values()}
        self._by_prefix = {o.prefix: o for o in self.objects.values()}

    def get(self, name: str) -> ObjectDef | None:
        """The object of that name, or None."""
        return self.objects.get(name) or self._lower.get(name.lower())

    def of_id(self, record_id: str) -> ObjectDef | None:
        """The object that the first three characters of an id name, or None."""
        return self._by_prefix.get(record_id[:3])


_SYSTEM = (
    FieldDef("Id", "id", 18, writable=False),
    FieldDef("IsDeleted", "boolean", writable=False),
    FieldDef("CreatedDate", "datetime", writable=False),
    FieldDef("LastModifiedDate", "datetime", writable=False),
    FieldDef("SystemModstamp", "datetime", writable=False),
    FieldDef("OwnerId", "reference", 18, reference_to=("User",)),
)


def _text(name: str, length: int = 255, *, required: bool = False) -> FieldDef:
    return FieldDef(name, "string", length, required=required)


def _long(name: str, length: int = 32000) -> FieldDef:
    return FieldDef(name, "textarea", length)


def _to(name: str, *objects: str, required: bool = False) -> FieldDef:
    return FieldDef(name, "reference", 18, reference_to=objects, required=required)


def _pick(name: str, *values: str, default: str | None = None) -> FieldDef:
    return FieldDef(name, "picklist", 255, values=values, default=default)


_PERSON = (_text("FirstName", 40), _text("LastName", 80, required=True), FieldDef("Email", "email", 80))
_PHONE = FieldDef("Phone", "phone", 40)

_STANDARD: Mapping[str, tuple[str, tuple[FieldDef, ...]]] = {
    "Case": (
        "500",
        (
            FieldDef("CaseNumber", "string", 30, writable=False),
            _text("Subject"),
            _long("Description"),
            _pick("Status"),
            _pick("Priority", "High", "Medium", "Low", default="Medium"),
            _pick("Origin", "Phone", "Email", "Web"),
            _pick("Reason", "Installation", "Equipment Complexity", "Performance", "Breakdown", "Feedback", "Other"),
            _pick("Type", "Mechanical", "Electrical", "Electronic", "Structural", "Other"),
            _to("AccountId", "Account"),
            _to("ContactId", "Contact"),
            _to("ParentId", "Case"),
            FieldDef("SuppliedEmail", "email", 80),
            _text("SuppliedName", 80),
            FieldDef("IsClosed", "boolean", writable=False),
            FieldDef("ClosedDate", "datetime", writable=False),
        ),
    ),
    "CaseComment": (
        "00a",
        (
            _to("ParentId", "Case", required=True),
            _long("CommentBody", 4000),
            FieldDef("IsPublished", "boolean", default=False),
        ),
    ),
    "Task": (
        "00T",
        (
            _text("Subject"),
            _long("Description"),
            _pick(
                "Status",
                "Not Started",
                "In Progress",
                "Completed",
                "Waiting on someone else",
                "Deferred",
                default="Not Started",
            ),
            _pick("Priority", "High", "Normal", "Low", default="Normal"),
            FieldDef("ActivityDate", "date"),
            _to("WhatId", "Case", "Account"),
            _to("WhoId", "Contact", "Lead"),
            FieldDef("IsClosed", "boolean", writable=False),
        ),
    ),
    "Account": (
        "001",
        (_text("Name", required=True), _text("AccountNumber", 40), _PHONE, _text("Website"), _long("Description")),
    ),
    "Contact": ("003", (*_PERSON, _PHONE, _to("AccountId", "Account"), _long("Description"))),
    "Lead": ("00Q", (*_PERSON, _PHONE, _text("Company", required=True), _pick("Status", default="Open"))),
    "User": ("005", (_text("Username", 80), *_PERSON, FieldDef("IsActive", "boolean", default=True))),
}


def build_schema(
    custom_fields: Mapping[str, Iterable[CustomField]],
    *,
    case_statuses: tuple[str, ...],
    restricted: Iterable[str],
    required: Iterable[str],
) -> Schema:
    """The objects of an org.

    Raises:
        ValueError: Custom fields on CaseComment, which takes none.
    """
    if custom_fields.get("CaseComment"):
        raise ValueError("CaseComment takes no custom fields; put the field on Case or Task")
    names = dict(_STANDARD)
    for number, name in enumerate(n for n in custom_fields if n not in _STANDARD):
        names[name] = (f"a{number:02d}", (_text("Name", 80),))
    objects = []
    for name, (prefix, own) in names.items():
        fields = {f.name: f for f in (*_SYSTEM, *own)}
        for custom in custom_fields.get(name, ()):
            fields[custom.name] = _from_custom(custom)
        if name == "Case":
            fields["Status"] = replace(fields["Status"], values=case_statuses, default=case_statuses[0])
        if name == "User":
            del fields["OwnerId"]
        for path in restricted:
            if path.startswith(f"{name}."):
                fields[path.partition(".")[2]] = replace(fields[path.partition(".")[2]], restricted=True)
        for path in required:
            if path.startswith(f"{name}."):
                fields[path.partition(".")[2]] = replace(fields[path.partition(".")[2]], required=True)
        lower = {f.lower(): f for f in fields}
        objects.append(ObjectDef(name, prefix, fields, lower, customizable=name != "CaseComment"))
    return Schema(objects)


def _from_custom(custom: CustomField) -> FieldDef:
    return FieldDef(
        custom.name,
        custom.type,
        custom.length,
        required=custom.required,
        external_id=custom.external_id,
        unique=custom.unique,
        case_sensitive=custom.case_sensitive,
        values=custom.values,
        reference_to=(custom.reference_to,) if custom.reference_to else (),
        default=False if custom.type == "boolean" else None,
    )
