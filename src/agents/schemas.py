"""JSON Schemas of tools: references inlined, because not every host resolves them; outputs as a union."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from .result import EFFECTS, Again, Status

Schema = dict[str, Any]

_DEEPEST = 12
"""Inlining ends here; a model that holds itself has no finite schema without references."""


def schema_of(model: type[BaseModel], *, mode: Any = "validation") -> Schema:
    """The JSON Schema of a model, without references and without the titles that repeat the fields' names.

    Args:
        model: The model.
        mode: `validation` for what is sent, `serialization` for what is answered.
    """
    raw = model.model_json_schema(mode=mode)
    definitions = raw.pop("$defs", {})
    inlined: Schema = _inline(raw, definitions, 0)
    inlined.setdefault("type", "object")
    return inlined


def _inline(node: Any, definitions: Mapping[str, Any], depth: int) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions, depth) for item in node]
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        if depth >= _DEEPEST:
            return {}
        target = definitions.get(str(node["$ref"]).rpartition("/")[2], {})
        beside = {name: value for name, value in node.items() if name != "$ref"}
        return _inline({**target, **beside}, definitions, depth + 1)
    told: Schema = {}
    for name, value in node.items():
        if name == "properties" and isinstance(value, Mapping):
            told[name] = {field: _inline(schema, definitions, depth) for field, schema in value.items()}
        elif name in ("const", "enum", "default", "examples"):
            told[name] = copy.deepcopy(value)
        elif not (name in ("title", "discriminator") and not isinstance(value, bool)):
            told[name] = _inline(value, definitions, depth)
    return told


def output_schema(content: Schema | None) -> Schema:
    """The schema of the envelope: a union of what is proven, what is not done, and what is not known.

    Args:
        content: The schema of what a success holds; None for anything.
    """
    text, whole = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
    properties: Schema = {
        "status": {"enum": list(get_args(Status))},
        "operation_id": text,
        "effect": {"enum": sorted({effect for effects in EFFECTS.values() for effect in effects})},
        "retry": _object({"allowed": {"enum": list(get_args(Again))}, "after_ms": whole}),
        "next": _or_null(_object({"tool": {"type": "string"}, "arguments": {"type": "object"}})),
        "summary": {"type": "string"},
        "data": _or_null(_untrusted({})),
        "records": {
            "type": "array",
            "items": _object({name: {"type": "string"} for name in ("system", "type", "id")}),
        },
        "error": _or_null(
            _object(
                {
                    "code": {"type": "string"},
                    "class": {"type": "string"},
                    "fields": {"type": "array", "items": {"type": "object"}},
                }
            )
        ),
        "policy": {"type": ["object", "null"]},
        "trace_id": text,
    }
    return {**_object(properties), "oneOf": list(_union(content or {}))}


def _union(content: Schema) -> Iterator[Schema]:
    by_effect: dict[tuple[str, ...], list[str]] = {}
    for status, effects in EFFECTS.items():
        by_effect.setdefault(effects, []).append(status)
    for same, statuses in by_effect.items():
        told: Schema = {"status": {"enum": statuses}, "effect": {"enum": list(same)}}
        if same == ("applied",):
            told["data"] = _or_null(_untrusted(content))
        yield {"type": "object", "properties": told}


def _untrusted(content: Schema) -> Schema:
    return _object({"untrusted": {"const": True}, "source": {"type": "string"}, "content": content})


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def part_at(schema: Schema, place: Sequence[int | str]) -> Schema | None:
    """The part of a schema that speaks of one field; None where that cannot be told.

    Args:
        schema: A whole one, without references.
        place: The way to the field, as a validation error gives it.
    """
    here: Any = schema
    for step in place:
        options = [here, *here.get("anyOf", ()), *here.get("oneOf", ())]
        if isinstance(step, int):
            found = next((one["items"] for one in options if isinstance(one.get("items"), Mapping)), None)
        else:
            found = next((one["properties"][step] for one in options if step in one.get("properties", {})), None)
        if found is None:
            return None
        here = found
    return dict(here)


def example_of(schema: Schema) -> Any:
    """A value that fits a part of a schema, to show what is meant; None where nothing simple fits."""
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("const", "default"):
        if schema.get(name) is not None:
            return schema[name]
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if (found := example_of(option)) is not None:
            return found
    kind = schema.get("type")
    if kind == "string":
        return _TEXTS.get(schema.get("format", ""), None if "pattern" in schema else "text")
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    if kind == "object":
        needed = schema.get("required", ())
        return {name: example_of(part) for name, part in schema.get("properties", {}).items() if name in needed}
    return {"boolean": True, "array": []}.get(str(kind))


_TEXTS = {"date-time": "2026-01-31T12:00:00Z", "date": "2026-01-31", "time": "12:00:00", "email": "ada@example.com"}
