"""The fragment of SQL that v4_1 takes as a query, and its order: a subset of MySQL's.

Source: ``include/SugarSQLValidate.php``, which refuses what is more than a condition (error 40); MySQL's manual for
comparisons: text is compared without case and without spaces at the end, and a number turns text into a number.
Everything else that cannot be read is what it is to the database: a failure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from .database import Row
from .errors import DatabaseFailure, Refusal
from .schema import Module

Value: TypeAlias = str | float | None
Term: TypeAlias = Callable[[Row], Value]
Condition: TypeAlias = Callable[[Row], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<word>`?[A-Za-z_]\w*`?(?:\.`?[A-Za-z_]\w*`?)?)
      | (?P<sign><>|!=|<=|>=|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_MORE_THAN_A_CONDITION = re.compile(
    r";|--|/\*|\b(?:select|union|insert|update|delete|drop|sleep|benchmark|user_hash)\b"
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "Z": "\x1a", "%": "\\%", "_": "\\_"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "word" else ""


def where(query: str, module: Module) -> Condition:
    """The condition of a query; an empty one is met by every row.

    Raises:
        Refusal: ``no_access``: it is more than a condition.
        DatabaseFailure: The database cannot read it, or there is no such column.
    """
    if not query.strip():
        return lambda _row: True
    tokens = _tokens(query)
    if any(t.kind != "text" and _MORE_THAN_A_CONDITION.search(t.text.lower()) for t in tokens):
        raise Refusal("no_access")
    parser = _Parser(tokens, module)
    condition = parser.any_of()
    if not parser.at_end():
        raise DatabaseFailure
    return condition


def ordered(rows: list[Row], order_by: str, module: Module) -> list[Row]:
    """Rows in the order of an ORDER BY without its words.

    Raises:
        DatabaseFailure: There is no such column.
    """
    for part in reversed([p.strip() for p in order_by.split(",") if p.strip()]):
        name, _, direction = part.partition(" ")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise DatabaseFailure
        column = _column(name, module)
        rows = sorted(rows, key=lambda row: _sort_key(column(row)), reverse=direction.strip().lower() == "desc")
    return rows


def compare(sign: str, left: Value, right: Value) -> bool:
    """One comparison as MySQL makes it; NULL compares to nothing."""
    if left is None or right is None:
        return False
    if isinstance(left, str) and isinstance(right, str):
        return _SIGNS[sign](_folded(left), _folded(right))
    return _SIGNS[sign](_number(left), _number(right))


def like(text: Value, pattern: Value) -> bool:
    """Whether a text is LIKE a pattern."""
    if text is None or pattern is None:
        return False
    expression = ""
    for part in re.findall(r"\\.|.", str(pattern), re.DOTALL):
        expression += {"%": ".*", "_": "."}.get(part, re.escape(part[-1]))
    return re.fullmatch(expression, str(text), re.DOTALL | re.IGNORECASE) is not None


_SIGNS: Mapping[str, Callable[[str | float, str | float], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,  # type: ignore[operator] # both are text or both are numbers
    ">": lambda a, b: a > b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
}


class _Parser:
    def __init__(self, tokens: list[_Token], module: Module) -> None:
        self._tokens = tokens
        self._module = module
        self._at = 0

    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def any_of(self) -> Condition:
        conditions = [self._all_of()]
        while self._takes("or"):
            conditions.append(self._all_of())
        return lambda row: any(condition(row) for condition in conditions)

    def _all_of(self) -> Condition:
        conditions = [self._one()]
        while self._takes("and"):
            conditions.append(self._one())
        return lambda row: all(condition(row) for condition in conditions)

    def _one(self) -> Condition:
        if self._takes("not"):
            inner = self._one()
            return lambda row: not inner(row)
        if self._takes("("):
            inner = self.any_of()
            self._expect(")")
            return inner
        return self._comparison(self._term())

    def _comparison(self, left: Term) -> Condition:
        negated = self._takes("not")
        if self._takes("in"):
            self._expect("(")
            options = [self._term()]
            while self._takes(","):
                options.append(self._term())
            self._expect(")")
            return lambda row: any(compare("=", left(row), option(row)) for option in options) is not negated
        if self._takes("like"):
            pattern = self._term()
            return lambda row: like(left(row), pattern(row)) is not negated
        if negated:
            raise DatabaseFailure
        if self._takes("is"):
            wanted = not self._takes("not")
            self._expect("null")
            return lambda row: (left(row) is None) is wanted
        sign = self._next()
        if sign.text not in _SIGNS:
            raise DatabaseFailure
        right = self._term()
        return lambda row: compare(sign.text, left(row), right(row))

    def _term(self) -> Term:
        token = self._next()
        if token.kind == "text":
            text = _unquoted(token.text)
            return lambda _row: text
        if token.kind == "number":
            number = float(token.text)
            return lambda _row: number
        if token.kind == "word":
            return _column(token.text, self._module)
        raise DatabaseFailure

    def _next(self) -> _Token:
        if self.at_end():
            raise DatabaseFailure
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, text: str) -> bool:
        there = not self.at_end() and (self._tokens[self._at].word or self._tokens[self._at].text) == text
        self._at += there
        return there

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise DatabaseFailure


def _tokens(query: str) -> list[_Token]:
    tokens, at = [], 0
    while query[at:].strip():
        found = _TOKEN.match(query, at)
        if found is None or found.lastgroup is None:
            # What is no token is nothing that a condition has: refused, or an error of syntax such as an open quote.
            tail = query[at:].lower()
            raise Refusal("no_access") if _MORE_THAN_A_CONDITION.search(tail) else DatabaseFailure
        tokens.append(_Token(found.lastgroup, found[found.lastgroup]))
        at = found.end()
    return tokens


def _column(name: str, module: Module) -> Term:
    table, _, column = name.replace("`", "").lower().rpartition(".")
    if column == "id_c" and table == f"{module.table}_cstm":
        column, table = "id", module.table
    field = module.fields.get(column)
    if field is None or not (field.stored and field.column):
        raise DatabaseFailure
    if table not in ("", f"{module.table}_cstm" if field.custom else module.table):
        raise DatabaseFailure
    return lambda row: row.get(field.name)


def _unquoted(text: str) -> str:
    quote, inner = text[0], text[1:-1]
    inner = inner.replace(quote * 2, quote)
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), inner, flags=re.DOTALL)


def _folded(text: str) -> str:
    return text.rstrip(" ").lower()


def _number(value: str | float) -> float:
    if isinstance(value, float):
        return value
    found = re.match(r"\s*-?\d+(?:\.\d+)?", value)
    return float(found[0]) if found else 0.0


def _sort_key(value: Value) -> tuple[bool, float, str]:
    text = "" if value is None else str(value)
    return value is not None, _number(text) if text.isdigit() else 0.0, text.lower()
