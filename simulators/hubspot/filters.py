"""The filters of a search.

Source: "Search the CRM": groups are alternatives, the filters of a group hold together; text is compared without case,
but the values of ``IN`` and ``NOT_IN`` must be given in lower case. That ``NEQ``, ``NOT_IN`` and ``NOT_CONTAINS_TOKEN``
match records without a value is not documented and assumed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from .errors import invalid
from .record import Record
from .schema import ObjectType, Property
from .values import from_stamp, stamp

MOST_GROUPS = 5
MOST_FILTERS = 6
MOST_FILTERS_IN_ALL = 18

Filter = Callable[[Record], bool]
Comparable = str | float


def parse_filters(obj: ObjectType, body: Mapping[str, Any]) -> Filter:
    """What the ``filterGroups`` of a search body let through.

    Raises:
        HubSpotError: 400: they cannot be understood, or are too many.
    """
    groups = body.get("filterGroups") or []
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise invalid("Invalid input JSON: filterGroups must be a list of objects")
    lists = [group.get("filters") or [] for group in groups]
    if len(lists) > MOST_GROUPS:
        raise invalid(f"Too many filter groups: {len(lists)}, the maximum is {MOST_GROUPS}")
    if any(len(group) > MOST_FILTERS for group in lists) or sum(map(len, lists)) > MOST_FILTERS_IN_ALL:
        raise invalid(f"Too many filters: at most {MOST_FILTERS} in a group and {MOST_FILTERS_IN_ALL} in all")
    parsed = [[_filter(obj, one) for one in group] for group in lists]

    def passes(record: Record) -> bool:
        return not parsed or any(all(one(record) for one in group) for group in parsed)

    return passes


def value_of(obj: ObjectType, record: Record, name: str) -> str | None:
    """A property of a record as text, the ones that HubSpot sets included."""
    own = {obj.created: stamp(record.created), obj.modified: stamp(record.updated), "hs_object_id": record.id}
    return own.get(name) or record.properties.get(name)


def comparable(prop: Property, text: str) -> Comparable:
    """A value as it is compared and sorted.

    Raises:
        HubSpotError: 400: it is no value of the property's type.
    """
    try:
        if prop.type == "number":
            return float(text)
        if prop.type in ("datetime", "date"):
            return from_stamp(text)
    except ValueError:
        raise invalid(f"{text} is not a valid value of {prop.name}") from None
    return text.lower()


def _filter(obj: ObjectType, given: Any) -> Filter:
    if not isinstance(given, dict):
        raise invalid("Invalid input JSON: a filter must be an object")
    name, operator = str(given.get("propertyName")), str(given.get("operator"))
    prop = obj.properties.get(name)
    if prop is None:
        raise invalid(f'Property "{name}" does not exist', context={"propertyName": [name]})
    test = _test(prop, operator, given)

    def passes(record: Record) -> bool:
        return test(value_of(obj, record, name))

    return passes


def _test(prop: Property, operator: str, given: Mapping[str, Any]) -> Callable[[str | None], bool]:
    match operator:
        case "HAS_PROPERTY":
            return lambda text: text is not None
        case "NOT_HAS_PROPERTY":
            return lambda text: text is None
        case "IN" | "NOT_IN":
            return _among(prop, given, wanted=operator == "IN")
        case "CONTAINS_TOKEN" | "NOT_CONTAINS_TOKEN":
            return _token(given, wanted=operator == "CONTAINS_TOKEN")
        case "BETWEEN":
            low, high = (comparable(prop, _given(given, key)) for key in ("value", "highValue"))
            return lambda text: text is not None and _in_order(low, comparable(prop, text), high)
        case "EQ" | "NEQ" | "LT" | "LTE" | "GT" | "GTE":
            return _compared(prop, operator, comparable(prop, _given(given, "value")))
    raise invalid(f"Invalid input JSON: {operator} is not an operator")


def _compared(prop: Property, operator: str, limit: Comparable) -> Callable[[str | None], bool]:
    def passes(text: str | None) -> bool:
        if text is None:
            return operator == "NEQ"
        value = comparable(prop, text)
        below, above = not _in_order(limit, value), not _in_order(value, limit)
        return {
            "EQ": not below and not above,
            "NEQ": below or above,
            "LT": below,
            "LTE": not above,
            "GT": above,
            "GTE": not below,
        }[operator]

    return passes


def _among(prop: Property, given: Mapping[str, Any], *, wanted: bool) -> Callable[[str | None], bool]:
    values = given.get("values")
    if not isinstance(values, list) or not values:
        raise invalid("Invalid input JSON: IN and NOT_IN need values")
    if prop.type in ("string", "enumeration", "bool"):
        known: set[Comparable] = {str(value) for value in values}
    else:
        known = {comparable(prop, str(value)) for value in values}
    return lambda text: (text is not None and comparable(prop, text) in known) == wanted


def _token(given: Mapping[str, Any], *, wanted: bool) -> Callable[[str | None], bool]:
    tokens = [re.escape(token).replace(r"\*", ".*") for token in _given(given, "value").lower().split()]
    patterns = [re.compile(token) for token in tokens]

    def passes(text: str | None) -> bool:
        words = tokens_of(text or "")
        return all(any(pattern.fullmatch(word) for word in words) for pattern in patterns) == wanted

    return passes


def tokens_of(text: str) -> list[str]:
    """The words of a text, without case, and what lies between blanks whole."""
    lower = text.lower()
    return [*lower.split(), *re.findall(r"\w+", lower)]


def _given(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    if value is None or isinstance(value, dict | list):
        raise invalid(f"Invalid input JSON: the filter needs {key}")
    return str(value)


def _in_order(*values: Comparable) -> bool:
    # Both sides of a comparison come from the same property and are of one type.
    return all(one <= other for one, other in pairwise(values))  # type: ignore[operator]
