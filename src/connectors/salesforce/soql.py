"""SOQL text, with every value escaped.

Source: Salesforce SOQL and SOSL Reference, "Quoted String Escape Sequences" and "Date Formats and Date Literals".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)
_WILDCARDS = str.maketrans({"%": "\\%", "_": "\\_"})


def text(value: str) -> str:
    """A string literal, quotes included."""
    return f"'{value.translate(_ESCAPES)}'"


def containing(value: str) -> str:
    """The literal after LIKE for "contains `value`"; `%` and `_` in it stand for themselves."""
    return f"'%{value.translate(_ESCAPES).translate(_WILDCARDS)}%'"


def moment(value: datetime) -> str:
    """A dateTime literal, in UTC and whole seconds; not quoted."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def any_of(field: str, values: Iterable[str]) -> str:
    """`field IN (…)`."""
    return f"{field} IN ({', '.join(map(text, values))})"


def select(
    fields: Iterable[str],
    sobject: str,
    conditions: Sequence[str],
    *,
    order: str | None = None,
    limit: int | None = None,
) -> str:
    """A query; all the conditions must hold."""
    query = f"SELECT {', '.join(fields)} FROM {sobject}"  # noqa: S608 -- names are ours, values come escaped
    if conditions:
        query += f" WHERE {' AND '.join(conditions)}"
    if order:
        query += f" ORDER BY {order}"
    if limit is not None:
        query += f" LIMIT {limit}"
    return query
