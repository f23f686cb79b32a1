"""The tools that Seawall adds: asking for operations, and browsing and calling where there are many actions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from .hints import READ_ONLY, WORST, Hints, Reach
from .schemas import Schema, output_schema
from .telling import CANCEL, GET, WAIT
from .tool import Tool

MINE = "operations_mine"
SEARCH, DESCRIBE = "actions_search", "actions_describe"
LONGEST_LIST = 100
"""Operations or actions in one answer, at most."""

_ADDS = Hints(read_only=False, destructive=False, idempotent=True)
_ID: Schema = {"type": "string", "description": "As a result gave it, such as op_4f1c…"}


def _arguments(properties: Mapping[str, Any], *required: str) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _tool(
    name: str, description: str, arguments: Schema, hints: Hints = READ_ONLY, meta: Mapping[str, Any] | None = None
) -> Tool:
    return Tool(
        name=name,
        title=name.replace("_", " "),
        description=description,
        input_schema=arguments,
        output_schema=output_schema(None),
        hints=hints,
        meta=meta or {},
    )


@cache
def own_tools() -> tuple[Tool, ...]:
    """The tools for operations, for every agent."""
    limit = {"type": "integer", "minimum": 1, "maximum": LONGEST_LIST, "default": 20}
    status = {"enum": ["held", "running", "unknown", "parked", "applied", "rejected"], "description": "Only these."}
    seconds = {"type": "number", "minimum": 0, "description": "At most so long; the server's hold window if left out."}
    return (
        _tool(
            GET,
            "Tells what became of one of your operations, also in a later session. Changes nothing.",
            _arguments({"operation_id": _ID}, "operation_id"),
        ),
        _tool(
            WAIT,
            "Waits until one of your operations has a result, and tells it as operation_get does. Changes nothing.",
            _arguments({"operation_id": _ID, "seconds": seconds}, "operation_id"),
        ),
        _tool(
            CANCEL,
            "Cancels one of your operations if nothing of it was sent yet. What was sent cannot be cancelled; the "
            "answer says what is known of it instead.",
            _arguments({"operation_id": _ID}, "operation_id"),
            _ADDS,
        ),
        _tool(
            MINE,
            "Lists your operations, newest first, also those of earlier sessions. Call it when you are not sure "
            "whether you did something before. Changes nothing.",
            _arguments({"status": status, "action": {"type": "string"}, "limit": limit}),
        ),
    )


def browsing(count: int) -> tuple[Tool, ...]:
    """The tools by which many actions are found.

    Args:
        count: How many are permitted.
    """
    query = {"type": "string", "description": "A few words, such as: open support case"}
    limit = {"type": "integer", "minimum": 1, "maximum": LONGEST_LIST, "default": 10}
    action = {"type": "string", "description": "As actions_search names it, such as crm.create_case"}
    return (
        _tool(
            SEARCH,
            f"Finds actions among the {count} that you may call, by words. Start here.",
            _arguments({"query": query, "limit": limit}, "query"),
        ),
        _tool(
            DESCRIBE,
            "Tells all about one action: what it does, its arguments as a JSON Schema, and the tool that calls it.",
            _arguments({"action": action}, "action"),
        ),
    )


def _call(reach: Reach, what: str, hints: Hints) -> Tool:
    fields = {
        "action": {"type": "string", "description": "As actions_search names it, such as crm.create_case"},
        "arguments": {"type": "object", "description": "As actions_describe tells for this action."},
    }
    return _tool(
        f"call_{reach}",
        f"Calls an action that {what}; refuses all that do more. Ask actions_describe for its arguments first.",
        _arguments(fields, "action", "arguments"),
        hints,
        {"seawall/reach": str(reach)},
    )


CALLS: Mapping[Reach, Tool] = {
    Reach.READ: _call(Reach.READ, "only reads", READ_ONLY),
    Reach.WRITE: _call(
        Reach.WRITE, "reads or adds something", Hints(read_only=False, destructive=False, idempotent=False)
    ),
    Reach.DESTRUCTIVE: _call(Reach.DESTRUCTIVE, "overwrites, removes, or cannot be taken back", WORST),
}
"""The dispatchers, one for each class of effect, so that hosts see the hints that hold."""
