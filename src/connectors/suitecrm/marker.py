"""The marker field of cases: it holds the keys of the latest changes, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

LENGTH: Final = 255


class Marker:
    """A custom text field for our keys. Nothing enforces it; a probe finds a key by looking.

    Args:
        field: Its name, such as `seawall_marks_c`.
    """

    def __init__(self, field: str) -> None:
        self.field = field

    def keys(self, record: Mapping[str, Any]) -> list[str]:
        """The keys in a record that was read, oldest first."""
        value = record.get(self.field)
        return value.split() if isinstance(value, str) else []

    def with_key(self, record: Mapping[str, Any], key: str) -> str:
        """What to write into the field, given what it holds: the key behind the others, the oldest giving way."""
        keys = [*(held for held in self.keys(record) if held != key), key]
        while len(" ".join(keys)) > LENGTH and len(keys) > 1:
            del keys[0]
        return " ".join(keys)

    def may_have_dropped(self, record: Mapping[str, Any], key: str) -> bool:
        """Whether the field is so full that the key may have been there and given way."""
        return len(" ".join([*self.keys(record), key])) > LENGTH
