"""Examples fit the schema they are made from, and can be told apart."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field

from seawall.scaffold.examples import NoExample, example, example_of, found, value_of


class Line(BaseModel):
    item: str
    quantity: int = Field(ge=1, le=9)
    note: str | None = None


class Everything(BaseModel):
    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    order_no: str = Field(alias="orderNo", min_length=12, max_length=20)
    kind: Literal["a", "b"]
    fixed: Literal["only"]
    when: dt.datetime
    day: dt.date
    at: dt.time
    whole: Annotated[int, Field(gt=10, lt=13)]
    exact: Decimal = Field(max_digits=8, decimal_places=2)
    share: float = Field(ge=0, le=1)
    step: Annotated[int, Field(multiple_of=50)]
    flag: bool
    key: UUID
    line: Line
    lines: tuple[Line, ...] = Field(min_length=2)
    more: dict[str, str]
    either: Line | int
    short: str = Field(max_length=3)
    postcode: str = Field(pattern=r"^\d{5}$")
    optional: str | None = None


class Tree(BaseModel):
    child: Tree


class Optional(BaseModel):
    kind: Literal["a"] = "a"
    code: str = Field(default="", max_length=2)
    amount: int = 0
    text: str | None = None


class Wrapped(BaseModel):
    inner: Optional


class Numbered(BaseModel):
    number: int


class Blind(BaseModel):
    flag: bool


@pytest.mark.parametrize("number", [1, 7, 12345])
def test_an_example_fits_its_model_and_leaves_out_what_is_not_needed(number: int) -> None:
    made = example_of(Everything, number)
    whole = Everything.model_validate(made.fields)
    assert whole.optional is None
    assert (made.place, made.token) == ("orderNo", f"T{number:05d}")
    assert made.token in whole.order_no


@pytest.mark.parametrize(
    ("model", "place", "token"),
    [
        (Optional, "text", "T00003"),  # nothing is needed: one text is filled in
        (Wrapped, "inner", "T00003"),  # the same, within an object that is needed
        (Numbered, "number", "100003"),
        (Blind, "", ""),
    ],
)
def test_an_example_names_the_field_that_tells_it_from_others(model: type[BaseModel], place: str, token: str) -> None:
    made = example_of(model, 3)
    model.model_validate(made.fields)
    assert (made.place, made.token) == (place, token)
    assert token in str(made.fields.get(place, ""))


def test_what_needs_itself_has_no_example() -> None:
    with pytest.raises(NoExample, match="needs itself"):
        example_of(Tree)


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"properties": {"a": {"type": "string", "pattern": "^[a-z]+-x$"}}, "required": ["a"]}, "a has the pattern"),
        ({"properties": {"a": {"type": "string", "pattern": "("}}, "required": ["a"]}, "a has the pattern"),
        ({"$ref": "other.json#/A"}, "another document"),
        ({"$ref": "#/nowhere"}, "leads nowhere"),
        ({"$ref": "#/again"}, "leads back to itself"),
    ],
)
def test_what_nothing_can_be_thought_of_for_is_told(schema: dict[str, Any], says: str) -> None:
    with pytest.raises(NoExample, match=says):
        example(schema, {"again": {"$ref": "#/again"}})


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": ["null", "integer"], "minimum": 3, "maximum": 4}, 3),
        ({"type": "integer", "minimum": 200_000}, 200_000),
        ({"type": "integer", "maximum": 99, "multipleOf": 10}, 0),
        ({"anyOf": [{"type": "null"}]}, None),
        ({"enum": [None, "x"]}, "x"),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [False, False]),
        ({"type": "string", "format": "email"}, "t00001@example.com"),
        ({"type": "string", "format": "uri"}, "https://example.com/T00001"),
        ({"type": "string", "pattern": "^T\\d+$", "maxLength": 6}, "T00001"),
        ({"properties": {"id": {"type": "string", "readOnly": True}}, "required": ["id"]}, {}),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"$ref": "#/$defs/B"}]},
            {"a": 1, "b": False},
        ),
    ],
)
def test_a_value_fits_its_schema(schema: dict[str, Any], value: Any) -> None:
    root = {"$defs": {"B": {"properties": {"b": {"type": "boolean"}}, "required": ["b"]}}}
    assert value_of(schema, root) == value


def test_a_reference_is_followed_through_escaped_names() -> None:
    assert found({"a/b": {"c~d": {"type": "null"}}}, "#/a~1b/c~0d") == {"type": "null"}
