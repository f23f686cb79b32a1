"""The limits of a schema, as pydantic has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field, PydanticUserError, create_model
from pydantic_core import SchemaError

from ...connectors.soap.source import quoted

_LIMITS: Final = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "pattern": "pattern",
}
_PYTHON: Final[Mapping[str, Any]] = {"str": str, "int": int, "float": float}
_LONGEST_PATTERN: Final = 60


def limits(schema: Mapping[str, Any], python: str) -> tuple[list[str], list[str]]:
    """The limits of a text or a number.

    Args:
        schema: What the description says.
        python: The type that is limited: `str`, `int` or `float`.

    Returns:
        Arguments of pydantic's `Field` as source, and the limits that it does not take.
    """
    found, without = list[str](), list[str]()
    for theirs, ours in _LIMITS.items():
        value = schema.get(theirs)
        if value is None or (isinstance(value, bool) and theirs.startswith("exclusive")):  # as OpenAPI 3.0 has it
            continue
        if ours in ("ge", "le") and schema.get(f"exclusive{theirs.capitalize()}") is True:
            ours = {"ge": "gt", "le": "lt"}[ours]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if _is_usable(python, ours, value):
            found.append(f"{ours}={quoted(value) if isinstance(value, str) else repr(value)}")
        else:
            without.append(theirs)
    return found, without


def _is_usable(python: str, limit: str, value: Any) -> bool:
    """Whether pydantic takes a limit of a type. Its patterns know no looking around and no references back."""
    if limit == "pattern":
        fits = isinstance(value, str) and len(value) <= _LONGEST_PATTERN
    else:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        fits = fits and (limit != "multiple_of" or value > 0)
    if not fits:
        return False
    given: dict[str, Any] = {limit: value}
    try:
        create_model("Limited", value=(_PYTHON[python], Field(**given)))
    except (PydanticUserError, SchemaError, TypeError, OverflowError):
        return False
    return True
