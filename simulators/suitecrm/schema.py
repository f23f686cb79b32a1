"""The modules of an instance: their fields with the lengths of the columns, and the links between them.

Source: the ``vardefs.php`` of each module (``modules/Cases/vardefs.php`` and so on), with the templates ``basic``,
``assignable``, ``issue`` and ``person``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .settings import CustomField

FieldType = Literal["id", "varchar", "text", "enum", "int", "bool", "date", "datetime"]


@dataclass(frozen=True, slots=True)
class FieldDef:
    """A field.

    Args:
        name: Its name.
        type: Its type.
        len: Length of its column in characters; None where the column has none that matters.
        default: What a new record has, and an emptied one gets.
        custom: Whether it lies in the custom table.
        auto_increment: The database counts it up, and whatever a client sets is ignored.
        stored: Whether it is kept at all.
        column: Whether it lies in a column of the module's tables, which queries can name; addresses lie elsewhere.
        required: As the metadata says; the APIs do not enforce it.
    """

    name: str
    type: FieldType = "varchar"
    len: int | None = None
    default: str | None = None
    custom: bool = False
    auto_increment: bool = False
    stored: bool = True
    column: bool = True
    required: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A link field.

    Args:
        name: Its name.
        module: The module it leads to.
        relationship: Name of the relationship.
        side: ``many_to_many``: a table of its own, in which this is the ``left`` or ``right`` side; ``children``:
            the other module's records have `key`; ``parent``: this module's records have it.
        key: The column that holds the relation.
        left: For many-to-many, whether this module is the left side.
    """

    name: str
    module: str
    relationship: str
    side: Literal["many_to_many", "children", "parent"]
    key: str = ""
    left: bool = True


@dataclass(frozen=True, slots=True)
class Module:
    """A module.

    Args:
        name: Its name, as ``Cases``.
        bean: Name of its records' kind, as ``Case``: v8 answers with it.
        table: Its table.
        fields: Its fields by name.
        links: Its links by name.
    """

    name: str
    bean: str
    table: str
    fields: Mapping[str, FieldDef]
    links: Mapping[str, Link] = field(default_factory=dict)


_BASIC = (
    FieldDef("id", "id", 36),
    FieldDef("name", "varchar", 255, required=True),
    FieldDef("date_entered", "datetime"),
    FieldDef("date_modified", "datetime"),
    FieldDef("modified_user_id", "id", 36),
    FieldDef("created_by", "id", 36),
    FieldDef("description", "text", 65_535),
    FieldDef("deleted", "bool", default="0"),
    FieldDef("assigned_user_id", "id", 36),
)
_PARENT = (FieldDef("parent_type", "varchar", 255), FieldDef("parent_id", "id", 36))
_PERSON = (
    FieldDef("name", stored=False),
    FieldDef("salutation", "enum", 255),
    FieldDef("first_name", "varchar", 100),
    FieldDef("last_name", "varchar", 100, required=True),
    FieldDef("title", "varchar", 100),
    FieldDef("phone_work", "varchar", 100),
    FieldDef("phone_mobile", "varchar", 100),
    FieldDef("email1", "varchar", 255, column=False),
    FieldDef("email2", "varchar", 255, column=False),
    FieldDef("account_id", "id", 36),
    FieldDef("account_name", "varchar", 255, stored=False),
)
_CASE = (
    FieldDef("case_number", "int", auto_increment=True),
    FieldDef("type", "varchar", 255),
    FieldDef("state", "enum", 100, default="Open"),
    FieldDef("status", "enum", 100),
    FieldDef("priority", "enum", 100),
    FieldDef("resolution", "text", 65_535),
    FieldDef("work_log", "text", 65_535),
    FieldDef("account_id", "id", 36),
    FieldDef("account_name", "varchar", 100, stored=False),
    FieldDef("contact_created_by_id", "id", 36),
    FieldDef("update_text", "text", stored=False),
    FieldDef("internal", "bool", stored=False),
)
_CALL = (
    FieldDef("name", "varchar", 50, required=True),
    FieldDef("duration_hours", "int"),
    FieldDef("duration_minutes", "int"),
    FieldDef("date_start", "datetime", required=True),
    FieldDef("date_end", "datetime"),
    *_PARENT,
    FieldDef("status", "enum", 100, default="Planned"),
    FieldDef("direction", "enum", 100),
    FieldDef("outlook_id", "varchar", 255),
)
_NOTE = (*_PARENT, FieldDef("contact_id", "id", 36), FieldDef("filename", "varchar", 255))
_TASK = (
    FieldDef("name", "varchar", 50, required=True),
    *_PARENT,
    FieldDef("status", "enum", 100, default="Not Started"),
    FieldDef("priority", "enum", 100),
    FieldDef("date_due", "datetime"),
    FieldDef("contact_id", "id", 36),
)
_ACCOUNT = (
    FieldDef("name", "varchar", 150, required=True),
    FieldDef("account_type", "enum", 50),
    FieldDef("industry", "enum", 50),
    FieldDef("phone_office", "varchar", 100),
    FieldDef("website", "varchar", 255),
    FieldDef("billing_address_city", "varchar", 100),
)
_UPDATE = (FieldDef("case_id", "id", 36), FieldDef("contact_id", "id", 36), FieldDef("internal", "bool"))

_DECLARED: tuple[tuple[str, str, str, tuple[FieldDef, ...]], ...] = (
    ("Accounts", "Account", "accounts", _ACCOUNT),
    ("Contacts", "Contact", "contacts", _PERSON),
    ("Cases", "Case", "cases", _CASE),
    ("Calls", "Call", "calls", _CALL),
    ("Notes", "Note", "notes", _NOTE),
    ("Tasks", "Task", "tasks", _TASK),
    ("AOP_Case_Updates", "AOP_Case_Updates", "aop_case_updates", _UPDATE),
)

# relationship: left module, its link, right module, its link; and the right side's column, or none for many-to-many
_RELATIONSHIPS: Mapping[str, tuple[str, str, str, str, str]] = {
    "contacts_cases": ("Contacts", "cases", "Cases", "contacts", ""),
    "calls_contacts": ("Calls", "contacts", "Contacts", "calls", ""),
    "account_cases": ("Accounts", "cases", "Cases", "accounts", "account_id"),
    "accounts_contacts": ("Accounts", "contacts", "Contacts", "accounts", "account_id"),
    "cases_aop_case_updates": ("Cases", "aop_case_updates", "AOP_Case_Updates", "case", "case_id"),
    "contact_notes": ("Contacts", "notes", "Notes", "contact", "contact_id"),
    "contact_tasks": ("Contacts", "tasks", "Tasks", "contacts", "contact_id"),
    "case_calls": ("Cases", "calls", "Calls", "cases", "parent_id"),
    "case_notes": ("Cases", "notes", "Notes", "cases", "parent_id"),
    "case_tasks": ("Cases", "tasks", "Tasks", "cases", "parent_id"),
    "account_calls": ("Accounts", "calls", "Calls", "accounts", "parent_id"),
    "account_notes": ("Accounts", "notes", "Notes", "accounts", "parent_id"),
    "account_tasks": ("Accounts", "tasks", "Tasks", "accounts", "parent_id"),
}

Modules = Mapping[str, Module]


def build_modules(custom_fields: Mapping[str, tuple[CustomField, ...]]) -> Modules:
    """The modules by name, with fields that Studio added.

    Raises:
        ValueError: Fields are added to a module that there is not.
    """
    if unknown := set(custom_fields) - {name for name, *_ in _DECLARED}:
        raise ValueError(f"custom_fields names modules that there are not: {sorted(unknown)}")
    modules = {}
    for name, bean, table, own in _DECLARED:
        added = (FieldDef(f.name, f.type, f.len, custom=True) for f in custom_fields.get(name, ()))
        fields = {f.name: f for f in (*_BASIC, *own, *added)}
        modules[name] = Module(name, bean, table, fields, dict(_links(name)))
    return modules


def _links(module: str) -> list[tuple[str, Link]]:
    links = []
    for relationship, (left, left_link, right, right_link, key) in _RELATIONSHIPS.items():
        if left == module:
            links.append(Link(left_link, right, relationship, "children" if key else "many_to_many", key))
        if right == module:
            links.append(Link(right_link, left, relationship, "parent" if key else "many_to_many", key, left=False))
    return [(link.name, link) for link in links]
