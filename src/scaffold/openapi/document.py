"""An OpenAPI description in a file, and what its references lead to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..examples import NoExample, found, merged

_DEEPEST = 16
NARROWING = frozenset(
    {
        *("type", "format", "enum", "const", "properties", "required", "items", "additionalProperties"),
        *("allOf", "anyOf", "oneOf", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum"),
        *("exclusiveMaximum", "multipleOf", "minItems", "maxItems"),
    }
)
"""What a schema may say beside a reference that changes what is drafted."""


class Unsupported(ValueError):
    """A part of the description that nothing is drafted from; the message says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """A description.

    Args:
        root: All of it.
    """

    root: Mapping[str, Any]
    _merged: dict[str, Mapping[str, Any]] = field(default_factory=dict, compare=False, repr=False)

    def narrows(self, schema: Mapping[str, Any]) -> bool:
        """Whether a schema says more than what it refers to, which counts since OpenAPI 3.1."""
        return not str(self.root["openapi"]).startswith("3.0") and bool(schema.keys() & NARROWING)

    def resolved(self, part: Any) -> Mapping[str, Any]:
        """A part of it, or what it refers to.

        Raises:
            Unsupported: It leads elsewhere, or nowhere.
        """
        beside: dict[str, Any] = {}
        for _ in range(_DEEPEST):
            if part is True:  # as a schema it allows anything
                part = {}
            if part is False:
                raise Unsupported("its schema allows nothing")
            if not isinstance(part, Mapping):
                raise Unsupported("it is not what OpenAPI says")
            if "$ref" not in part:
                return merged(part, beside) if beside else part
            if not str(self.root["openapi"]).startswith("3.0"):
                beside = merged({word: one for word, one in part.items() if word != "$ref"}, beside)
            try:
                part = found(self.root, str(part["$ref"]))
            except NoExample as error:
                raise Unsupported(str(error)) from None
        raise Unsupported("a reference leads back to itself")

    def merged(self, schema: Any, depth: int = 0) -> Mapping[str, Any]:
        """A schema that says itself what the parts of its `allOf` say.

        Raises:
            Unsupported: It leads elsewhere, or contains itself.
        """
        if depth > _DEEPEST:
            raise Unsupported("its parts contain themselves")
        alone = isinstance(schema, Mapping) and schema.keys() == {"$ref"}
        if alone and (known := self._merged.get(str(schema["$ref"]))) is not None:
            return known
        whole = self.resolved(schema)
        if "allOf" not in whole:
            return whole
        own = {word: one for word, one in whole.items() if word != "allOf"}
        made = merged(*(self.merged(one, depth + 1) for one in whole["allOf"]), own)
        if alone:
            self._merged[str(schema["$ref"])] = made
        return made

    @property
    def title(self) -> str:
        """What it describes."""
        info = self.root.get("info")
        return str(info.get("title") or "an API") if isinstance(info, Mapping) else "an API"

    @property
    def url(self) -> str:
        """Where it says that the API is; empty if it does not, or only where the description lies."""
        servers = self.root.get("servers")
        first = servers[0] if isinstance(servers, list) and servers else {}
        url = str(first.get("url", "")) if isinstance(first, Mapping) else ""
        return url if re.fullmatch(r"https?://[^\s{}\"\\]+", url) else ""
