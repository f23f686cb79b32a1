"""From business facts to an idempotency key.

The caller never makes a key. A key that a model invents anew after losing its context, or that is a hash of
reworded text, is no identity (agent-contract: "Identity, not model-made keys"); the business facts are.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from .action import Action

DISTINCT_FROM = "@distinct_from"
"""Beside the identity fields of a deliberate repeat: the operation that it repeats. No field has such a name."""


class Unidentifiable(ValueError):
    """A request whose content cannot be written down, and so cannot be recognised again."""


class Identity(NamedTuple):
    """What makes a request the same request, and what makes its content the same content.

    Args:
        key: The idempotency key: `sw-` and 130 bits in base32, stable over restarts and versions.
        facts: Canonical JSON of the identity fields.
        request: Canonical JSON of the whole request.
        digest: Digest of the request without its defaults, so that a field added later changes no old digest.
    """

    key: str
    facts: str
    request: str
    digest: str


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, and text in Unicode normal form C: equal content, equal text."""
    text = _encode(value)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def digest(text: str) -> str:
    """SHA-256 of `text` in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def identify(system: str, action: Action, request: BaseModel, distinct_from: str | None = None) -> Identity:
    """The identity of one request to one system.

    Args:
        system: The system's name; the same request to two systems is two operations.
        action: The action, whose `identity` names the fields.
        request: The validated request.
        distinct_from: The operation that it repeats on purpose, if it does.

    Raises:
        Unidentifiable: The request holds something that JSON cannot say.
    """
    try:
        return _identify(system, action, request, distinct_from)
    except (ValueError, TypeError, RecursionError) as error:
        raise Unidentifiable(
            f"the request cannot be written as JSON ({type(error).__name__}); nothing was sent"
        ) from None


def _identify(system: str, action: Action, request: BaseModel, distinct_from: str | None) -> Identity:
    whole: Mapping[str, Any] = request.model_dump(mode="json")
    named = {name: whole[name] for name in action.identity}
    facts = canonical_json(named if distinct_from is None else {**named, DISTINCT_FROM: distinct_from})
    content = canonical_json(request.model_dump(mode="json", exclude_defaults=True))
    return Identity(
        key=_key(system, action.name, facts),
        facts=facts,
        request=canonical_json(whole),
        digest=digest(content),
    )


_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_BASE32_PAIRS = [one + two for one in _BASE32 for two in _BASE32]  # base64.b32encode takes ten times as long


def _key(system: str, action: str, facts: str) -> str:
    raw = hashlib.sha256("\x00".join((system, action, facts)).encode()).digest()
    bits = int.from_bytes(raw[:17]) >> 6
    return "sw-" + "".join([_BASE32_PAIRS[bits >> shift & 1023] for shift in range(120, -1, -10)])
