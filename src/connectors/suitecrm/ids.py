"""Record ids: ours are derived from the idempotency key, so that a repetition names the same record.

Source: SuiteCRM, `Api/V8/Param`: ids given by a client are UUIDs; records of other origin may have others.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

PATTERN: Final = r"^[A-Za-z0-9_-]{1,36}$"

_NAMESPACE: Final = b"seawall/suitecrm/record/"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def record_id(key: str) -> str:
    """The id of the record that the operation with `key` creates: a UUID of 122 bits of the key's digest.

    It must never change: a record that an older version created would no longer be found.
    """
    digest = bytearray(hashlib.sha256(_NAMESPACE + key.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5: derived from a name
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def one_spelling(given: str) -> str:
    """A UUID in lower case, so that one record has one identity; other ids as they are."""
    return given.lower() if _UUID.fullmatch(given) else given


def same(one: object, other: str) -> bool:
    """Whether two ids name the same record."""
    return isinstance(one, str) and one_spelling(one) == one_spelling(other)
