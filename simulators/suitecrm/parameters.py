"""What v8 demands of a request before a controller sees it; whatever it does not like is a 400.

Source: ``Api/V8/Param`` and ``Api/V8/JsonApi/Repository``; the words are those of Symfony's OptionsResolver.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..request import HttpRequest
from .database import Row
from .errors import BadRequest
from .schema import Module, Modules
from .sql import compare, like, ordered

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_BRACKETS = re.compile(r"(\w+)((?:\[[^\]]*\])*)")
_SIGNS = {"EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<=", "LIKE": "LIKE"}
_PROPERTIES = frozenset({"new_with_id", "filecontents"})


@dataclass(frozen=True, slots=True)
class Data:
    """The ``data`` of a write.

    Args:
        module: The module that ``type`` names.
        id: The client's id, if it gave one.
        attributes: What it sets.
    """

    module: Module
    id: str | None
    attributes: Mapping[str, Any]


def module_of(modules: Modules, name: str) -> Module:
    """The module of a name.

    Raises:
        BadRequest: There is none.
    """
    if name not in modules:
        raise BadRequest(f"Module {name} does not exist")
    return modules[name]


def checked_id(record_id: Any) -> str:
    """An id of a record that is to be there: a UUID or digits.

    Raises:
        BadRequest: It is neither.
    """
    if not isinstance(record_id, str) or not (record_id.isdigit() or _UUID.fullmatch(record_id)):
        raise BadRequest(f'The option "id" with value "{record_id}" is invalid.')
    return record_id


def data_of(modules: Modules, request: HttpRequest, *, create: bool) -> Data:
    """The ``data`` of a request body.

    Raises:
        BadRequest: It breaks a rule; unknown attributes are refused and not dropped.
    """
    data = _data(request)
    if not isinstance(data.get("type"), str):
        raise BadRequest('The required option "type" is missing.')
    attributes = data.get("attributes", {})
    if not isinstance(attributes, dict):
        raise BadRequest('The option "attributes" is expected to be of type "array".')
    if unknown := set(data) - {"type", "id", "attributes"}:
        raise BadRequest(
            f'The option "{min(unknown)}" does not exist. Defined options are: "attributes", "id", "type".'
        )
    module = module_of(modules, data["type"])
    record_id = data.get("id")
    if not create:
        record_id = checked_id(record_id)
    elif record_id is not None and (not isinstance(record_id, str) or not _UUID.fullmatch(record_id)):
        raise BadRequest(f'The option "id" with value "{record_id}" is invalid.')
    for name in attributes:
        if name not in module.fields and name not in module.links and name not in _PROPERTIES:
            raise BadRequest(f"Property {name} in {module.bean} module is invalid")
    return Data(module, record_id, attributes)


def related_of(modules: Modules, request: HttpRequest) -> tuple[Module, str]:
    """The record that a relationship is made with.

    Raises:
        BadRequest: The body does not name one.
    """
    data = _data(request)
    if not isinstance(data.get("type"), str):
        raise BadRequest('The required option "type" is missing.')
    return module_of(modules, data["type"]), checked_id(data.get("id"))


def bracketed(request: HttpRequest, name: str) -> dict[tuple[str, ...], str]:
    """Query parameters such as ``filter[status][eq]``, by what is in their brackets."""
    found = {}
    for parameter, value in request.query.items():
        parts = _BRACKETS.fullmatch(parameter)
        if parts is not None and parts[1] == name:
            found[tuple(re.findall(r"\[([^\]]*)\]", parts[2]))] = value
    return found


def filtered(module: Module, rows: list[Row], asked: Mapping[tuple[str, ...], str]) -> list[Row]:
    """The rows that ``filter`` lets pass: all of its conditions, or any with ``filter[operator]=or``.

    Raises:
        BadRequest: There is no such field or operator.
    """
    any_of, deleted = False, "0"
    conditions: list[tuple[str, str, str]] = []
    for path, value in asked.items():
        match path:
            case ("operator",):
                if value.upper() not in ("AND", "OR"):
                    raise BadRequest(f"Filter operator {value} is invalid")
                any_of = value.upper() == "OR"
            case ("deleted", "eq"):
                deleted = "1" if value == "1" else "0"
            case (name, operator):
                conditions.append((_column(module, name), _sign(operator), value))
            case (name,):
                _column(module, name)
                raise BadRequest(f"Filter field {name} must be an array")
    met = any if any_of else all
    return [
        row
        for row in rows
        if row["deleted"] == deleted
        and (not conditions or met(_holds(row.get(name), sign, value) for name, sign, value in conditions))
    ]


def sorted_rows(module: Module, rows: list[Row], asked: str | None) -> list[Row]:
    """Rows in the order of ``sort``, which a minus turns round.

    Raises:
        BadRequest: There is no such field.
    """
    if not asked:
        return rows
    name = asked.lstrip("-")
    if name not in module.fields:
        raise BadRequest(f"Sort field {name} in {module.bean} module is not found")
    return ordered(rows, f"{name} {'desc' if asked.startswith('-') else 'asc'}", module)


def page_of(request: HttpRequest) -> tuple[int, int | None]:
    """Number (from 1, or 0 if not asked for) and size of the page; None is everything.

    Raises:
        BadRequest: One of them is no number from 1 up.
    """
    asked = bracketed(request, "page")
    for (name,), value in asked.items():
        if not value.isdigit() or int(value) < 1:
            raise BadRequest(f'The option "{name}" with value "{value}" is invalid.')
    size = asked.get(("size",))
    return int(asked.get(("number",), "0")), None if size is None else int(size)


def fields_of(modules: Modules, request: HttpRequest) -> list[str] | None:
    """The fields that ``fields[Module]`` asks for; None is all.

    Raises:
        BadRequest: The module has no such field.
    """
    for (name,), value in bracketed(request, "fields").items():
        module, wanted = module_of(modules, name), value.split(",")
        if unknown := [field for field in wanted if field not in module.fields]:
            many = len(unknown) > 1
            raise BadRequest(
                f"The following field{'s' if many else ''} in {module.bean} module "
                f"{'are' if many else 'is'} not found: {', '.join(unknown)}"
            )
        return wanted
    return None


def _data(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise BadRequest('The required option "data" is missing.')
    return dict(body["data"])


def _column(module: Module, name: str) -> str:
    if name not in module.fields:
        raise BadRequest(f"Filter field {name} in {module.bean} module is not found")
    return name


def _sign(operator: str) -> str:
    if operator.upper() not in _SIGNS:
        raise BadRequest(f"Filter operator {operator} is invalid")
    return _SIGNS[operator.upper()]


def _holds(value: str | None, sign: str, wanted: str) -> bool:
    return like(value, wanted) if sign == "LIKE" else compare(sign, value, wanted)
