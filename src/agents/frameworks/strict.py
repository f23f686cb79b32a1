"""Whether a schema holds the rules of OpenAI's strict mode as it stands.

No schema is changed to hold them. Strict mode makes a model fill in every field: an optional one would have to become
one that takes null, and a model that must write something into `distinct_from` is asked, in each call, to do a thing
twice. What is not strict loses nothing: every argument is checked before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_KEYWORDS = frozenset(
    {
        "type",
        "description",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "anyOf",
        "enum",
        "const",
        "pattern",
        "format",
        "multipleOf",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minItems",
        "maxItems",
    }
)
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})

# The lowest limits that were ever published, because other vendors offer the same mode.
_DEEPEST, _MOST_FIELDS = 5, 100


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether strict mode can be asked for.

    Args:
        schema: Of a tool's arguments.
    """
    parts = list(_parts(schema, 1))
    fields = sum(len(part.get("properties", ())) for _, part in parts)
    root = schema.get("type") == "object" and "anyOf" not in schema
    return root and fields <= _MOST_FIELDS and all(depth <= _DEEPEST and _fits(part) for depth, part in parts)


def _parts(schema: Mapping[str, Any], depth: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """A schema and all that it is made of, each with how deeply it lies in objects and arrays."""
    yield depth, schema
    for option in schema.get("anyOf", ()):
        yield from _parts(option, depth)
    inner = [*schema.get("properties", {}).values()]
    if isinstance(schema.get("items"), Mapping):
        inner.append(schema["items"])
    for one in inner:
        yield from _parts(one, depth + 1)


def _fits(part: Mapping[str, Any]) -> bool:
    kinds = part.get("type")
    if not part.keys() <= _KEYWORDS or not (kinds or "anyOf" in part):
        return False
    if "(?" in part.get("pattern", "") or ("format" in part and part["format"] not in _FORMATS):
        return False
    if "array" in (kinds or ()) and not isinstance(part.get("items"), Mapping):
        return False
    if kinds != "object" and "properties" not in part:
        return True
    return part.get("additionalProperties") is False and set(part.get("required", ())) == set(
        part.get("properties", {})
    )
