"""A request with its place in the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ..request import HttpRequest
from .errors import HubSpotError, invalid
from .schema import ObjectType, Schema


@dataclass(frozen=True, slots=True)
class Call:
    """A request with its place in the API.

    Args:
        request: The request.
        operation: The simulator's name of the operation.
        args: The variable segments of the path.
        failing: Error codes for inputs of a batch, by place, that a fault wants refused.
    """

    request: HttpRequest
    operation: str
    args: tuple[str, ...] = ()
    failing: Mapping[int, str] = field(default_factory=dict)

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            HubSpotError: 400: it is none.
        """
        content = self._json()
        if not isinstance(content, dict):
            raise invalid("Invalid input JSON on line 1, column 1: Cannot deserialize an object from this value")
        return content

    def json_list(self) -> list[Any]:
        """The body as a JSON list.

        Raises:
            HubSpotError: 400: it is none.
        """
        content = self._json()
        if not isinstance(content, list):
            raise invalid("Invalid input JSON on line 1, column 1: Cannot deserialize a list from this value")
        return content

    def listed(self, name: str) -> list[str]:
        """A query parameter with several values, repeated or separated by commas."""
        pairs = parse_qsl(self.request.target.partition("?")[2])
        return [part.strip() for key, value in pairs if key == name for part in value.split(",") if part.strip()]

    def _json(self) -> Any:
        try:
            return json.loads(self.request.body)
        except ValueError:
            raise invalid("Invalid input JSON on line 1, column 1: Unrecognized token or unexpected end") from None


def object_type(schema: Schema, name: str) -> ObjectType:
    """The object of a path.

    Raises:
        HubSpotError: 400: there is none.
    """
    found = schema.get(name)
    if found is None:
        raise invalid(f"Unable to infer object type from: {name}", context={"type": [name]})
    return found


def properties_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that a body sets.

    Raises:
        HubSpotError: 400: there are none.
    """
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise invalid("Invalid input JSON on line 1, column 1. Some required fields were not set: [properties]")
    return properties


def number_of(text: str, name: str, most: int) -> int:
    """A number that a client gives, at least 1.

    Raises:
        HubSpotError: 400: it is no number, or too large.
    """
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise HubSpotError(400, f"{name} must be between 1 and {most}, not {text}", "VALIDATION_ERROR")
    return int(text)
