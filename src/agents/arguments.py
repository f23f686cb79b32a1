"""Arguments as an agent gives them: checked before anything else, and told field by field what to mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from ..core.repeat import Repeat
from .result import Fault, Result, Retry
from .schemas import Schema, example_of, part_at
from .telling import DISTINCT
from .tools import Bound

_CONSTRAINTS = (
    "type",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
)


class Unfit(Exception):
    """Arguments that do not fit.

    Args:
        fields: What to mend: `field`, `rule`, and where known `allowed` and `example`.
    """

    def __init__(self, *fields: Mapping[str, Any]) -> None:
        super().__init__("; ".join(f"{told['field']}: {told['rule']}" for told in fields))
        self.fields = fields


def request_of(bound: Bound, arguments: Mapping[str, Any]) -> tuple[BaseModel, Repeat | None]:
    """The request that arguments make, and what it repeats on purpose.

    Args:
        bound: The action.
        arguments: Its arguments.

    Raises:
        Unfit: They do not fit.
    """
    fields = dict(arguments)
    repeat = _repeat(fields.pop(DISTINCT, None)) if bound.repeatable else None
    try:
        return bound.action.request.model_validate(fields), repeat
    except ValidationError as error:
        schema = bound.tool.input_schema
        raise Unfit(
            *(
                field_told(schema, found["loc"], found["msg"])
                for found in error.errors(include_url=False, include_input=False)
            )
        ) from None


def field_told(schema: Schema, place: Sequence[int | str], rule: str) -> dict[str, Any]:
    """What is wrong with one field, and what would fit.

    Args:
        schema: Of the whole arguments.
        place: The way to the field.
        rule: What it breaks.
    """
    told: dict[str, Any] = {"field": ".".join(map(str, place)) or "arguments", "rule": rule}
    part = part_at(schema, place)
    if part is None:
        around = part_at(schema, place[:-1])
        if around is not None and around.get("properties"):
            told["allowed"] = sorted(around["properties"])
        return told
    choices = part.get("enum") or next((one["enum"] for one in part.get("anyOf", ()) if "enum" in one), None)
    allowed = choices or {name: part[name] for name in _CONSTRAINTS if name in part}
    if allowed:
        told["allowed"] = allowed
    if (example := example_of(part)) is not None:
        told["example"] = example
    return told


def invalid(tool: str, unfit: Unfit) -> Result:
    """The result for arguments that do not fit.

    Args:
        tool: The tool that was called.
        unfit: What to mend.
    """
    first = unfit.fields[0]
    shown = "".join(f" {name.title()}: {first[name]!r}." for name in ("allowed", "example") if name in first)
    more = f" {len(unfit.fields) - 1} more in error.fields." if len(unfit.fields) > 1 else ""
    return Result(
        status="invalid",
        effect="not_applied",
        retry=Retry("changed_request"),
        error=Fault("invalid_request", "request", tuple(unfit.fields)),
        summary=(
            f"Not valid, nothing was sent: {first['field']}: {first['rule']}.{shown}{more} "
            f"Mend it and call {tool} again."
        ),
    )


def _repeat(given: Any) -> Repeat | None:
    if given is None:
        return None
    if isinstance(given, Mapping) and set(given) == {"operation_id", "reason"}:
        operation_id, reason = given["operation_id"], given["reason"]
        if isinstance(operation_id, str) and isinstance(reason, str) and operation_id and reason.strip():
            return Repeat(operation_id, reason)
    raise Unfit(
        {
            "field": DISTINCT,
            "rule": "must name the operation that did it before, and why it is to be done a second time",
            "example": {"operation_id": "op_4f1c", "reason": "the customer asked for a second one"},
        }
    )
