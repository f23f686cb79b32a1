"""Keeps secrets out of everything that is written down."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

SHORTEST = 6
MASK = "[redacted]"

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` without what UTF-8 or a database cannot hold: lone surrogates and the character NUL."""
    return text if text.isascii() and "\x00" not in text else _UNSTORABLE.sub("\ufffd", text)


class Secrets:
    """The secrets this process holds, and the way to remove them from text.

    Values shorter than six characters are not registered: masking them would garble ordinary text.
    """

    def __init__(self) -> None:
        self._forms: list[str] = []

    def add(self, *values: str | None) -> None:
        """Register secrets, in the forms in which they travel (plain, URL-quoted, base64, inside JSON)."""
        for value in values:
            if value is None or len(value) < SHORTEST:
                continue
            forms = {
                value,
                quote(value, safe=""),
                base64.b64encode(value.encode()).decode(),
                json.dumps(value)[1:-1],
                json.dumps(value, ensure_ascii=False)[1:-1],
            }
            self._forms = sorted({*self._forms, *forms}, key=len, reverse=True)

    def scrub(self, text: str) -> str:
        """`text` without any registered secret."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def scrub_all(self, value: Any) -> Any:
        """The same for JSON values, keys included; anything else becomes text."""
        if isinstance(value, str):
            return clean(self.scrub(value))
        if isinstance(value, Mapping):
            return {clean(self.scrub(str(key))): self.scrub_all(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.scrub_all(item) for item in value]
        return value if value is None or isinstance(value, bool | int | float) else clean(self.scrub(str(value)))
