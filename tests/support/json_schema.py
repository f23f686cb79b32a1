"""As much of JSON Schema (draft 2020-12) as the schemas of this project use; an unknown keyword is an error."""

from __future__ import annotations

import re
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
    "boolean": (bool,),
}
_NOTES = {"$schema", "title", "description", "default", "$defs", "format"}


def fits(schema: Any, value: Any, root: Any = None) -> bool:
    """Whether a value is what the schema says."""
    root = schema if root is None else root
    if isinstance(schema, bool):
        return schema
    return all(_holds(word, schema, value, root) for word in schema.keys() - _NOTES)


def _holds(word: str, schema: dict[str, Any], value: Any, root: Any) -> bool:
    said = schema[word]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match word:
        case "$ref":
            return fits(root["$defs"][said.removeprefix("#/$defs/")], value, root)
        case "type":
            return any(_is(value, name) for name in ([said] if isinstance(said, str) else said))
        case "const":
            return _same(value, said)
        case "enum":
            return any(_same(value, one) for one in said)
        case "anyOf":
            return any(fits(one, value, root) for one in said)
        case "oneOf":
            return sum(fits(one, value, root) for one in said) == 1
        case "allOf":
            return all(fits(one, value, root) for one in said)
        case "if":
            return not fits(said, value, root) or fits(schema.get("then", True), value, root)
        case "then":
            return True
        case "properties":
            return not isinstance(value, dict) or all(
                fits(one, value[name], root) for name, one in said.items() if name in value
            )
        case "additionalProperties":
            others = value.keys() - schema.get("properties", {}).keys() if isinstance(value, dict) else ()
            return all(fits(said, value[name], root) for name in others)
        case "required":
            return not isinstance(value, dict) or set(said) <= value.keys()
        case "maxProperties":
            return not isinstance(value, dict) or len(value) <= said
        case "items":
            return not isinstance(value, list) or all(fits(said, one, root) for one in value)
        case "prefixItems":
            return not isinstance(value, list) or all(fits(a, b, root) for a, b in zip(said, value, strict=False))
        case "minItems":
            return not isinstance(value, list) or len(value) >= said
        case "maxItems":
            return not isinstance(value, list) or len(value) <= said
        case "minLength":
            return not isinstance(value, str) or len(value) >= said
        case "maxLength":
            return not isinstance(value, str) or len(value) <= said
        case "pattern":
            return not isinstance(value, str) or re.search(said, value) is not None
        case "minimum":
            return not number or value >= said
        case "maximum":
            return not number or value <= said
        case "exclusiveMinimum":
            return not number or value > said
    raise NotImplementedError(f"the schema says {word!r}, which is not understood here")


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (not isinstance(value, bool) or name == "boolean")


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
