"""Record ids: 15 characters in which case counts, or the same with a checksum of their case.

Source: Salesforce Help, "Convert 15-character record IDs to 18-character case-insensitive IDs". Both name the same
record, so that everything here is done with the long form.
"""

from __future__ import annotations

import re
from typing import Any, Final

PATTERN: Final = r"^[a-zA-Z0-9]{15}([a-zA-Z0-9]{3})?$"

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT = re.compile(r"[a-zA-Z0-9]{15}")


def checksum(short: str) -> str:
    """The three characters that follow a 15-character id: one for each five, whose capitals are its bits."""
    return "".join(
        _DIGITS[sum(1 << place for place, letter in enumerate(short[start : start + 5]) if "A" <= letter <= "Z")]
        for start in (0, 5, 10)
    )


def as_long(record_id: str) -> str:
    """An id, of 15 or 18 characters, in its long form.

    Raises:
        ValueError: Its checksum is wrong: it may be another record's.
    """
    short, right = record_id[:15], checksum(record_id[:15])
    if record_id[15:] not in ("", right):
        raise ValueError(
            f"the last three characters of the record id {record_id} must be {right}: a character of it is wrong, or "
            "upper and lower case were changed on the way"
        )
    return short + right


def long_form(value: Any) -> Any:
    """What the org answered as an id, in its long form; anything that is no short id as it came."""
    return value + checksum(value) if isinstance(value, str) and _SHORT.fullmatch(value) else value
