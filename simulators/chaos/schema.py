"""The JSON Schema of fault plans, by which an editor completes kinds, their points, lanes and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..faults import Fault, Match, Plan, Trigger
from ..kinds import KINDS
from ..vocabulary import NON_NEGATIVE, POINTS, TEXTS, KindOfFault, Point

_SECONDS: Final[Mapping[str, Any]] = {
    "description": "Seconds, as a number or as a text such as 120s, 250ms or 2m.",
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m)?\s*$"},
    ],
}


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of a plan, draft 2020-12. It has one alternative for each kind of fault."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Seawall fault plan",
        "description": "What goes wrong: where, for which calls, and when.",
        "type": "object",
        "properties": {
            "seed": {"type": "integer", "default": 0, "description": _said(Plan, "seed")},
            "description": {"type": "string", "description": _said(Plan, "description")},
            "heal_at": {
                "anyOf": [{"$ref": "#/$defs/seconds"}, {"type": "null"}],
                "description": _said(Plan, "heal_at"),
            },
            "faults": {
                "type": "array",
                "items": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in KINDS]},
                "description": _said(Plan, "faults"),
            },
        },
        "additionalProperties": False,
        "$defs": {
            "seconds": dict(_SECONDS),
            "trigger": _trigger(),
            **{name: _fault(name, kind) for name, kind in KINDS.items()},
        },
    }


def _fault(name: str, kind: KindOfFault) -> dict[str, Any]:
    content: dict[str, Any] = {
        "description": kind.says,
        "type": "object",
        "properties": {
            "id": {"type": "string", "minLength": 1, "description": _said(Fault, "id")},
            "kind": {"const": name, "description": kind.says},
            "point": {"oneOf": [{"const": point, "description": POINTS[point]} for point in kind.points]},
            "match": _match(kind),
            "params": {
                "type": "object",
                "properties": {param: _param(kind, param) for param in kind.params},
                "additionalProperties": False,
            },
            "trigger": {"$ref": "#/$defs/trigger"},
            "times": {
                "anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}],
                "description": _said(Fault, "times"),
            },
        },
        "required": ["id", "point", "kind"],
        "additionalProperties": False,
    }
    rules = [*_lanes_by_point(kind), *_params_by_point(kind)]
    if kind.client_side:
        rules.append({"properties": {"trigger": {"properties": {"key": False}}}})
    return content | ({"allOf": rules} if rules else {})


def _match(kind: KindOfFault) -> dict[str, Any]:
    names: dict[str, Any] = {"type": "string", "minLength": 1}
    properties: dict[str, Any] = {
        "system": {"type": ["string", "null"], "minLength": 1, "description": _said(Match, "system")},
        "operation": {
            "anyOf": [names, {"type": "array", "items": names, "minItems": 1}, {"type": "null"}],
            "description": _said(Match, "operation"),
        },
    }
    if kind.client_side:
        properties["worker"] = {"type": ["string", "null"], "minLength": 1, "description": _said(Match, "worker")}
    else:
        properties["lane"] = {"enum": [*kind.lanes, None], "description": _said(Match, "lane")}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _param(kind: KindOfFault, name: str) -> dict[str, Any]:
    default = kind.params[name]
    shown: dict[str, Any] = {"default": default}
    if name in kind.choices:
        return shown | {"enum": list(kind.choices[name])}
    if name in NON_NEGATIVE:
        shown |= {"type": "integer" if name == "k" else "number", "minimum": 1 if name == "k" else 0}
        shown |= {"maximum": 1} if name == "fraction" else {}
    elif name in TEXTS:
        shown |= {"type": "string", "minLength": 1}
    elif name == "by":
        shown |= {"type": "number"}
    if default is None and "type" in shown:
        shown["type"] = [shown["type"], "null"]
    return shown


def _lanes_by_point(kind: KindOfFault) -> list[dict[str, Any]]:
    """What holds of the lane at points where not every lane of the kind has something to go wrong."""
    return [
        _at([point], {"properties": {"match": {"properties": {"lane": {"enum": [*kind.lanes_at(point), None]}}}}})
        for point in kind.points
        if kind.lanes_at(point) != kind.lanes
    ]


def _params_by_point(kind: KindOfFault) -> list[dict[str, Any]]:
    """What holds of a parameter that does not go with every point, and whose default may be among those."""
    rules: list[dict[str, Any]] = []
    for name, choices in kind.choices.items() if kind.refuses is not None else ():
        for point in kind.points:
            allowed = [value for value in choices if kind.problem_with(point, {name: value}) is None]
            if len(allowed) == len(choices):
                continue
            given: dict[str, Any] = {"properties": {"params": {"properties": {name: {"enum": allowed}}}}}
            if kind.params[name] not in allowed:
                given["required"] = ["params"]
                given["properties"]["params"]["required"] = [name]
            rules.append(_at([point], given))
    return rules


def _at(points: list[Point], then: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"properties": {"point": {"enum": points}}, "required": ["point"]}, "then": then}


def _trigger() -> dict[str, Any]:
    count = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}
    window = {"type": "array", "prefixItems": [{"$ref": "#/$defs/seconds"}] * 2, "minItems": 2, "maxItems": 2}
    forms: dict[str, Any] = {
        "nth": count,
        "every": count,
        "first": count,
        "window": {"anyOf": [window, {"type": "null"}]},
        "probability": {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, {"type": "null"}]},
        "key": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]},
    }
    return {
        "description": "When it strikes, among the calls that match; at each of them if nothing is said.",
        "type": "object",
        "properties": {name: {**form, "description": _said(Trigger, name)} for name, form in forms.items()},
        "maxProperties": 1,
        "additionalProperties": False,
    }


def _said(model: type, name: str) -> str:
    """What the docstring of a model says of a field, so that it is said in one place."""
    lines = iter((model.__doc__ or "").splitlines())
    for line in lines:
        if line.strip().startswith(f"{name}: "):
            said = [line.strip().removeprefix(f"{name}: ")]
            depth = len(line) - len(line.lstrip())
            for more in lines:
                if not more.strip() or len(more) - len(more.lstrip()) <= depth:
                    break
                said.append(more.strip())
            return " ".join(said)
    raise LookupError(f"{model.__name__} says nothing of {name}")
