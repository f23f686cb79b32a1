"""What stands in a request at a dotted path, and how it compares with what a rule says."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic_core import PydanticSerializationError, to_jsonable_python

Verdict: TypeAlias = bool | None
"""True or False; None where the comparison cannot be made."""

Scalar: TypeAlias = bool | Decimal | str

_NUMBER = re.compile(r"[+-]?[0-9]{1,64}(\.[0-9]{1,64})?")


def found_at(request: BaseModel | None, path: str) -> list[Any]:
    """All that stands in a request at a path; what is missing, null, or an empty list stands there as None.

    Args:
        request: The request; None for one of which nothing is known.
        path: Names of fields with dots between them. A list is gone through, item by item, wherever it comes.
    """
    return list(_found(request, path.split(".")))


def _found(value: Any, names: list[str]) -> Iterator[Any]:
    if isinstance(value, list | tuple | set | frozenset):
        if not value:
            yield None
        for item in value:
            yield from _found(item, names)
    elif not names:
        yield value
    elif isinstance(value, BaseModel):
        known = names[0] in type(value).model_fields or names[0] in (value.model_extra or {})
        yield from _found(getattr(value, names[0], None) if known else None, names[1:])
    elif isinstance(value, Mapping):
        yield from _found(value.get(names[0]), names[1:])
    else:
        yield None


def number_of(value: Any) -> Decimal | None:
    """A number, also one that is given as text such as `99.90`; None for anything else.

    Args:
        value: What stands in the request.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return Decimal(value.strip())
    return None


def text_of(value: Any) -> str | None:
    """Text, also that by which the ledger keeps a date or a UUID; None for anything else, and for secrets.

    Args:
        value: What stands in the request.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float | Decimal | SecretStr | SecretBytes | BaseModel | Mapping):
        return None
    try:
        told = to_jsonable_python(value)
    except (PydanticSerializationError, ValueError):
        return None
    return told if isinstance(told, str) else None


def equals(value: Any, said: Scalar) -> Verdict:
    """Whether a value is the one that a rule names; None when it is of another type."""
    if isinstance(said, bool):
        return value is said if isinstance(value, bool) else None
    if isinstance(said, Decimal):
        number = number_of(value)
        return None if number is None else number == said
    text = text_of(value)
    return None if text is None else text == said


def one_of(value: Any, said: tuple[Scalar, ...]) -> Verdict:
    """Whether a value is among those that a rule names."""
    return any_of([equals(value, one) for one in said])


def matches(value: Any, patterns: tuple[str, ...]) -> Verdict:
    """Whether a text fits one of some patterns."""
    text = text_of(value)
    return None if text is None else any(fnmatchcase(text, pattern) for pattern in patterns)


def is_principal(value: Any, principal: str) -> Verdict:
    """Whether a value is the principal, or what follows the first colon of its name: `ada` is `agent:ada`."""
    text = text_of(value)
    if not text:
        return None
    return text in (principal, principal.partition(":")[2])


def any_of(verdicts: list[Verdict]) -> Verdict:
    """True if one is; False if all are."""
    if True in verdicts:
        return True
    return None if None in verdicts else False


def all_of(verdicts: list[Verdict]) -> Verdict:
    """True if all are; False if one is."""
    if False in verdicts:
        return False
    return None if None in verdicts else True


def inverse(verdict: Verdict) -> Verdict:
    """The opposite; what cannot be told still cannot be."""
    return None if verdict is None else not verdict
