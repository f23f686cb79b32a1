"""Python names for XSD names."""

from __future__ import annotations

import builtins
import keyword
import re

from pydantic import BaseModel

_TYPES = frozenset({"bool", "bytes", "dict", "dt", "float", "int", "l", "str", "tuple"})
"""What annotations are made of, and a letter that looks like a 1."""
_LONGEST = 60
_TAKEN = frozenset(dir(builtins))
"""No class has the name of one of Python's own: `None` could not be written, `Exception` would be hidden."""


def class_name(name: str) -> str:
    """`createOrder-response` as `CreateOrderResponse`."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    joined = "".join(word[0].upper() + word[1:] for word in words) or "Unnamed"
    joined = joined[:_LONGEST]
    return f"X{joined}" if joined[0].isdigit() or joined in _TAKEN else joined


def field_name(name: str) -> str:
    """`internalID` as `internal_id`, so that it is no keyword, no type of the annotations, no attribute of a model."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    plain = re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")[:_LONGEST].rstrip("_") or "value"
    if plain[0].isdigit():
        plain = f"x{plain}"
    if plain.startswith("model_"):  # pydantic's own
        return f"x_{plain}"
    taken = keyword.iskeyword(plain) or plain in _TYPES or hasattr(BaseModel, plain)
    return f"{plain}_" if taken else plain


class Unique:
    """Gives each thing a name that nothing else has.

    Args:
        taken: Names that are not given.
    """

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)
        self.given: list[str] = []

    def name(self, wanted: str) -> str:
        """`wanted`, or the same with a number behind it."""
        found, number = wanted, 2
        while found in self._taken:
            found, number = f"{wanted}{number}", number + 1
        self._taken.add(found)
        self.given.append(found)
        return found
