"""Conditions on the fields of a request."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from ..settings import Settings
from .values import Scalar, Verdict, all_of, equals, found_at, inverse, is_principal, matches, number_of, one_of


def _bound(given: Any) -> Decimal:
    number = number_of(given)
    if number is None:
        raise ValueError(f"{given!r} is no number; write it as 100 or '99.90'")
    return number


def _scalar(given: Any) -> Scalar:
    if isinstance(given, bool | str):
        return given
    if isinstance(given, int | Decimal) or (isinstance(given, float) and math.isfinite(given)):
        try:
            return Decimal(repr(given) if isinstance(given, float) else given)
        except InvalidOperation:  # pragma: no cover -- what is none of the above does not come here
            pass
    raise ValueError(f"{given!r} cannot be compared with; write a text, a number, or true or false")


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


_NUMBER_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "string"}]}
_SCALAR_SCHEMA: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_PATTERNS_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}

Bound: TypeAlias = Annotated[Decimal, BeforeValidator(_bound), WithJsonSchema(_NUMBER_SCHEMA)]
Said: TypeAlias = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema(_SCALAR_SCHEMA)]
Several: TypeAlias = Annotated[tuple[Said, ...], Field(min_length=1)]
Patterns: TypeAlias = Annotated[
    tuple[str, ...], BeforeValidator(_several), Field(min_length=1), WithJsonSchema(_PATTERNS_SCHEMA)
]


class Fulfilled(NamedTuple):
    """How far a request fulfils conditions.

    Args:
        certainly: Every value that stands there fulfils them.
        possibly: Some value fulfils them, or it cannot be told.
    """

    certainly: bool
    possibly: bool


class Condition(Settings):
    """What a field must be. All that is given must hold.

    A comparison that cannot be made, because the field is missing, null, an empty list, or of another type, is
    neither true nor false: it fulfils no rule that gives leave, and no rule that denies goes without it.

    Args:
        min: A number of at least this; amounts that are given as text count as numbers.
        max: A number of at most this.
        above: A number greater than this.
        below: A number less than this.
        is_: Equal to this text, number, true or false; written `is`.
        in_: Equal to one of these; written `in`.
        not_in: Equal to none of these.
        matches: A text that fits one of these patterns, such as `DE-*`; capital letters count.
        present: True: it is there and not null. False: it is missing, null, or an empty list.
        is_principal: True: it is who asks; `ada` is `agent:ada`.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    min: Bound | None = None
    max: Bound | None = None
    above: Bound | None = None
    below: Bound | None = None
    is_: Said | None = Field(default=None, alias="is")
    in_: Several | None = Field(default=None, alias="in")
    not_in: Several | None = None
    matches: Patterns | None = None
    present: bool | None = None
    is_principal: Literal[True] | None = None

    @model_validator(mode="after")
    def _says_something_that_can_be(self) -> Condition:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if not given:
            raise ValueError("says nothing; give one of min, max, above, below, is, in, not_in, matches, present")
        if self.present is False and given != {"present"}:
            raise ValueError("present: false leaves nothing to compare; leave the others out")
        least = max((one for one in (self.min, self.above) if one is not None), default=None)
        most = min((one for one in (self.max, self.below) if one is not None), default=None)
        if least is not None and most is not None:
            strict = least == self.above or most == self.below
            if least > most or (strict and least == most):
                raise ValueError(f"no number is both above {least} and below {most}")
        return self

    def fulfilled(self, values: list[Any], principal: str) -> Fulfilled:
        """How far the values of a field fulfil it.

        Args:
            values: What stands there, see `found_at`.
            principal: Who asks.
        """
        verdicts = [all_of([verdict for _, verdict in self.tests(value, principal)]) for value in values]
        return Fulfilled(all(one is True for one in verdicts), any(one is not False for one in verdicts))

    def tests(self, value: Any, principal: str) -> Iterator[tuple[str, Verdict]]:
        """Each part of it in words, and whether a value fulfils that.

        Args:
            value: The value.
            principal: Who asks.
        """
        if self.present is not None:
            yield f"present: {str(self.present).lower()}", (value is not None) is self.present
        for name in ("min", "max", "above", "below"):
            if (bound := getattr(self, name)) is not None:
                yield f"{name}: {bound}", _compared(name, number_of(value), bound)
        if self.is_ is not None:
            yield f"is: {_said(self.is_)}", equals(value, self.is_)
        if self.in_ is not None:
            yield f"in: [{', '.join(map(_said, self.in_))}]", one_of(value, self.in_)
        if self.not_in is not None:
            yield f"not_in: [{', '.join(map(_said, self.not_in))}]", inverse(one_of(value, self.not_in))
        if self.matches is not None:
            yield f"matches: {', '.join(self.matches)}", matches(value, self.matches)
        if self.is_principal is not None:
            yield "is_principal: true", is_principal(value, principal)


def fulfilled(where: dict[str, Condition], request: BaseModel | None, principal: str) -> Fulfilled:
    """How far a request fulfils all conditions of a rule.

    Args:
        where: Field → condition.
        request: The request; None for one of which nothing is known.
        principal: Who asks.
    """
    found = [condition.fulfilled(found_at(request, path), principal) for path, condition in where.items()]
    return Fulfilled(all(one.certainly for one in found), all(one.possibly for one in found))


def _compared(name: str, number: Decimal | None, bound: Decimal) -> Verdict:
    if number is None:
        return None
    match name:
        case "min":
            return number >= bound
        case "max":
            return number <= bound
        case "above":
            return number > bound
        case _:
            return number < bound


def _said(one: Scalar) -> str:
    return str(one).lower() if isinstance(one, bool) else str(one)
