"""Arguments of the tools that Seawall adds, checked against the few words that their schemas use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .arguments import Unfit, field_told
from .tool import Tool

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "object": (Mapping,),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Arguments that fit.

    Args:
        given: By name.
    """

    given: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A text that is required."""
        return str(self.given[name])

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        return int(self.given.get(name, default))


def asked_of(tool: Tool, arguments: Mapping[str, Any]) -> Asked:
    """The arguments of one of our own tools.

    Args:
        tool: The tool.
        arguments: As they came; null counts as left out.

    Raises:
        Unfit: They do not fit its schema.
    """
    schema = tool.input_schema
    given = {name: value for name, value in arguments.items() if value is not None}
    wrong = [field_told(schema, (name,), "is required") for name in schema["required"] if name not in given]
    for name, value in given.items():
        if (rule := _broken(schema["properties"].get(name), value)) is not None:
            wrong.append(field_told(schema, (name,), rule))
    if wrong:
        raise Unfit(*wrong)
    return Asked(given)


def _broken(part: Mapping[str, Any] | None, value: Any) -> str | None:
    if part is None:
        return "there is no such argument"
    if "enum" in part:
        return None if value in part["enum"] else "is none of the allowed values"
    kind = part["type"]
    if isinstance(value, bool) or not isinstance(value, _TYPES[kind]):
        return f"must be of type {kind}"
    if value != value or value in (float("inf"), float("-inf")):
        return "must be a number"
    if "minimum" in part and value < part["minimum"]:
        return f"must be at least {part['minimum']}"
    if "maximum" in part and value > part["maximum"]:
        return f"must be at most {part['maximum']}"
    return None
