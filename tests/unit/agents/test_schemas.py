"""Schemas without references, and examples that fit."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from seawall.agents.schemas import example_of, part_at, schema_of


class Line(BaseModel):
    title: str
    amount: int = Field(ge=1, le=9)


class Order(BaseModel):
    lines: tuple[Line, ...]
    first: Line | None = None
    kind: Literal["new", "used"] = "new"
    code: str = Field(default="A1", pattern="^[A-Z][0-9]$")


class Tree(BaseModel):
    children: list[Tree]


def test_references_are_inlined_and_a_field_called_title_stays() -> None:
    schema = schema_of(Order)
    line = schema["properties"]["lines"]["items"]
    assert list(line["properties"]) == ["title", "amount"]
    assert "title" not in line
    assert schema["properties"]["first"]["anyOf"][0] == line


def test_model_that_holds_itself_ends_somewhere() -> None:
    schema = schema_of(Tree)
    assert "$ref" not in str(schema)


@pytest.mark.parametrize(
    ("place", "allowed"),
    [
        (("lines", 0, "amount"), {"maximum": 9, "minimum": 1, "type": "integer"}),
        (("first", "amount"), {"maximum": 9, "minimum": 1, "type": "integer"}),
        (("lines", 0, "colour"), None),
        (("none",), None),
    ],
)
def test_part_of_a_schema_is_found_where_an_error_points(place: tuple[int | str, ...], allowed: Any) -> None:
    assert part_at(schema_of(Order), place) == allowed


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"enum": ["new", "used"]}, "new"),
        ({"const": "x"}, "x"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "string", "pattern": "^A$"}, None),
        ({"type": "integer", "exclusiveMinimum": 4}, 5),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, True),
        ({"type": "object", "required": ["a"], "properties": {"a": {"type": "array"}, "b": {}}}, {"a": []}),
    ],
)
def test_example_fits_the_schema(schema: dict[str, Any], example: Any) -> None:
    assert example_of(schema) == example
