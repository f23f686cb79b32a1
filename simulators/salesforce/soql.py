"""Reads the subset of SOQL that the simulator answers: text in, syntax tree out.

Source: SOQL and SOSL Reference, "SOQL SELECT Syntax". Not here: subqueries, GROUP BY and aggregates other than
COUNT(), FIELDS(), TYPEOF, USING SCOPE, geolocation, FOR VIEW.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

from .errors import ApiError
from .syntax import (
    Combine,
    Compare,
    Condition,
    Literal_,
    Moment,
    Not,
    Order,
    Path,
    RelativeDate,
    Select,
    Text,
    malformed,
)
from .values import from_stamp

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


_TOKENS = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][\w.]*(?::\d+)?)
    | (?P<op>!=|<>|<=|>=|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_RELATIVE = {"TODAY", "YESTERDAY", "TOMORROW"}
_RELATIVE_N = {"LAST_N_DAYS", "NEXT_N_DAYS"}
_RESERVED = {"SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "ORDER", "BY", "LIMIT", "OFFSET", "LIKE", "IN"}


def parse(text: str) -> Select:
    """Read a query.

    Raises:
        ApiError: ``MALFORMED_QUERY``.
    """
    return _Parser(text).select()


def pointed(text: str, column: int, message: str) -> str:
    """A message with the line that Salesforce draws under the place it complains about."""
    start = max(0, column - 20)
    shown = text[start : column + 20].replace("\n", " ")
    return f"\n{shown}\n{' ' * (column - start)}^\nERROR at Row:1:Column:{column + 1}\n{message}"


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def select(self) -> Select:
        self._keyword("SELECT")
        fields = self._fields()
        self._keyword("FROM")
        source = self._name()
        where = self._condition() if self._accept("WHERE") else None
        order: tuple[Order, ...] = ()
        if self._accept("ORDER"):
            self._keyword("BY")
            order = tuple(self._list(self._order))
        limit = self._count() if self._accept("LIMIT") else None
        offset = self._count() if self._accept("OFFSET") else 0
        if self._peek.kind != "end":
            raise self._unexpected()
        return Select(self._text, fields, source.text, source.column, where, order, limit, offset)

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def _accept(self, word: str) -> bool:
        found = self._peek.kind in ("word", "op") and self._peek.text.upper() == word
        self._at += found
        return found

    def _keyword(self, word: str) -> None:
        if not self._accept(word):
            raise self._unexpected()

    def _unexpected(self) -> ApiError:
        token = self._peek
        what = "end of query" if token.kind == "end" else token.text
        return malformed(pointed(self._text, token.column, f"unexpected token: '{what}'"))

    def _name(self) -> _Token:
        if self._peek.kind != "word" or self._peek.text.upper() in _RESERVED:
            raise self._unexpected()
        return self._next()

    def _path(self) -> tuple[Path, int]:
        token = self._name()
        return tuple(token.text.split(".")), token.column

    def _fields(self) -> tuple[tuple[Path, int], ...]:
        if self._peek.text.upper() == "COUNT" and self._tokens[self._at + 1].text == "(":
            self._at += 2
            self._keyword(")")
            return ()
        return tuple(self._list(self._path))

    def _list(self, item: Callable[[], T]) -> Iterator[T]:
        yield item()
        while self._accept(","):
            yield item()

    def _count(self) -> int:
        if self._peek.kind != "number" or not self._peek.text.isdecimal():
            raise self._unexpected()
        return int(self._next().text)

    def _order(self) -> Order:
        path, column = self._path()
        descending = self._accept("DESC")
        if not descending:
            self._accept("ASC")
        nulls_last = False
        if self._accept("NULLS"):
            nulls_last = self._accept("LAST")
            if not nulls_last:
                self._keyword("FIRST")
        return Order(path, descending, nulls_last, column)

    def _condition(self) -> Condition:
        parts = [self._term()]
        joined: Literal["and", "or"] | None = None
        while self._peek.text.upper() in ("AND", "OR") and self._peek.kind == "word":
            word: Literal["and", "or"] = "and" if self._peek.text.upper() == "AND" else "or"
            if joined not in (None, word):
                # SOQL wants parentheses where AND and OR meet.
                raise self._unexpected()
            joined = word
            self._next()
            parts.append(self._term())
        return parts[0] if joined is None else Combine(joined, tuple(parts))

    def _term(self) -> Condition:
        if self._accept("NOT"):
            return Not(self._term())
        if self._accept("("):
            inner = self._condition()
            self._keyword(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Compare:
        path, column = self._path()
        if self._accept("NOT"):
            self._keyword("IN")
            return Compare(path, "not in", self._several(), column)
        if self._accept("IN"):
            return Compare(path, "in", self._several(), column)
        if self._accept("LIKE"):
            if self._peek.kind != "string":
                raise self._unexpected()
            return Compare(path, "like", (self._literal(),), column)
        if self._peek.text not in ("=", "!=", "<>", "<", "<=", ">", ">="):
            raise self._unexpected()
        op = self._next().text
        return Compare(path, "!=" if op == "<>" else op, (self._literal(),), column)  # type: ignore[arg-type] # narrowed above

    def _several(self) -> tuple[Literal_, ...]:
        self._keyword("(")
        values = tuple(self._list(self._literal))
        self._keyword(")")
        return values

    def _literal(self) -> Literal_:
        token = self._peek
        value: Literal_
        match token.kind:
            case "string":
                value = Text(token.text[1:-1])
            case "moment":
                value = Moment(self._checked(from_stamp, token.text))
            case "date":
                value = self._checked(date.fromisoformat, token.text)
            case "number":
                value = float(token.text)
            case "word":
                value = self._word(token.text)
            case _:
                raise self._unexpected()
        self._next()
        return value

    def _checked(self, read: Callable[[str], T], text: str) -> T:
        try:
            return read(text)
        except ValueError:
            raise malformed(f"Invalid date: {text}") from None

    def _word(self, word: str) -> Literal_:
        upper = word.upper()
        name, _, count = upper.partition(":")
        if upper in ("TRUE", "FALSE"):
            return upper == "TRUE"
        if upper == "NULL":
            return None
        if upper in _RELATIVE:
            return RelativeDate(upper)
        if name in _RELATIVE_N and count:
            return RelativeDate(name, int(count))
        raise malformed(f"Bind variables only allowed in Apex code, or unknown literal: '{word}'")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKENS.match(text, at)
        if found is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise malformed(pointed(text, start, f"line 1:{start} no viable alternative at character '{text[start]}'"))
        kind = str(found.lastgroup)
        yield _Token(kind, found[kind], found.start(kind))
        at = found.end()
    yield _Token("end", "", end)
