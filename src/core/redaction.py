"""Keeps secrets out of everything that is written down."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_SHORTEST = 6
MASK = "[redacted]"


class Secrets:
    """The secrets this process holds, and the way to remove them from text.

    Values shorter than six characters are not registered: masking them would garble ordinary text.
    """

    def __init__(self) -> None:
        self._forms: list[str] = []

    def add(self, *values: str | None) -> None:
        """Register secrets, in the forms in which they travel (plain, URL-quoted, base64, inside JSON)."""
        for value in values:
            if value is None or len(value) < _SHORTEST:
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
        """The same for JSON values, keys included."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, Mapping):
            return {self.scrub(str(key)): self.scrub_all(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.scrub_all(item) for item in value]
        return value
