"""The syntax tree of a query, and what its literals stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from .errors import ApiError

ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "_": "_", "%": "%"}

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "like", "in", "not in"]
Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string, as it was written between the quotes."""

    raw: str

    @property
    def value(self) -> str:
        """The string it stands for."""
        return ESCAPE.sub(unescaped, self.raw)


@dataclass(frozen=True, slots=True)
class Moment:
    """A datetime literal, in seconds since 1970."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RelativeDate:
    """A date literal such as TODAY or LAST_N_DAYS:3."""

    name: str
    days: int = 0


Literal_: TypeAlias = Text | Moment | RelativeDate | date | float | bool | None


@dataclass(frozen=True, slots=True)
class Compare:
    """``path op value``; `values` has several for ``in`` and ``not in``."""

    path: Path
    op: Operator
    values: tuple[Literal_, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Combine:
    """Conditions joined by ``and`` or by ``or``."""

    op: Literal["and", "or"]
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A negated condition."""

    part: Condition


Condition: TypeAlias = Compare | Combine | Not


@dataclass(frozen=True, slots=True)
class Order:
    """One criterion of ORDER BY."""

    path: Path
    descending: bool
    nulls_last: bool
    column: int


@dataclass(frozen=True, slots=True)
class Select:
    """A whole query.

    Args:
        text: As it was sent.
        fields: Paths with the column each stands in; empty for COUNT().
        object: Name after FROM.
        object_column: Where it stands.
        where: The condition.
        order: Criteria of ORDER BY.
        limit: LIMIT, or None.
        offset: OFFSET.
    """

    text: str
    fields: tuple[tuple[Path, int], ...]
    object: str
    object_column: int
    where: Condition | None
    order: tuple[Order, ...]
    limit: int | None
    offset: int

    @property
    def counts(self) -> bool:
        """Whether it is a SELECT COUNT()."""
        return not self.fields


def malformed(message: str) -> ApiError:
    """The refusal of a query that cannot be read."""
    return ApiError("MALFORMED_QUERY", message)


def like_pattern(text: Text) -> re.Pattern[str]:
    """A LIKE pattern: ``%`` is any text, ``_`` one character, and a backslash takes their meaning away."""
    parts: list[str] = []
    position = 0
    while position < len(text.raw):
        escape = ESCAPE.match(text.raw, position)
        if escape is not None:
            parts.append(re.escape(unescaped(escape)))
            position = escape.end()
            continue
        char = text.raw[position]
        parts.append({"%": ".*", "_": "."}.get(char, re.escape(char)))
        position += 1
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def unescaped(found: re.Match[str]) -> str:
    """The character that an escape sequence stands for.

    Raises:
        ApiError: ``MALFORMED_QUERY``.
    """
    code = found[1]
    if len(code) == 5:
        return chr(int(code[1:], 16))
    if code.lower() in "nrt":
        code = code.lower()
    if code not in _ESCAPES:
        raise malformed(f"Invalid string literal. Illegal character sequence '\\{code}' in string literal.")
    return _ESCAPES[code]
