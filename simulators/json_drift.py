"""Answers in JSON that are not what was published."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .wire import Reply


def drifted(reply: Reply, how: str) -> Reply:
    """An answer whose content has come away from what was published; errors, and what is no JSON, stay as they are.

    Args:
        reply: The answer.
        how: `added`: a field in every object that nobody knows. `null`: every value is null. `removed`: of every
            object, the last field is gone. `renamed`: every field has another name. `text`: numbers and booleans
            have become text.
    """
    if reply.status >= 300 or b"json" not in reply.content_type:
        return reply
    try:
        content = json.loads(reply.body)
    except ValueError:
        return reply
    return replace(reply, body=json.dumps(_CHANGES[how](content)).encode())


def _objects(content: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(content, dict):
        return change({name: _objects(value, change) for name, value in content.items()})
    return [_objects(item, change) for item in content] if isinstance(content, list) else content


def _leaves(content: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(content, dict):
        return {name: _leaves(value, change) for name, value in content.items()}
    return [_leaves(item, change) for item in content] if isinstance(content, list) else change(content)


def _as_text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value)


_CHANGES: dict[str, Callable[[Any], Any]] = {
    "added": lambda content: _objects(content, lambda one: {**one, "addedInTheNextRelease": {"new": True}}),
    "null": lambda content: _leaves(content, lambda _: None),
    "removed": lambda content: _objects(content, lambda one: dict(list(one.items())[:-1])),
    "renamed": lambda content: _objects(content, lambda one: {f"{name}_v2": value for name, value in one.items()}),
    "text": lambda content: _leaves(content, _as_text),
}
