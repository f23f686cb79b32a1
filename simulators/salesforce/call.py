"""A request as the org's code sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..request import HttpRequest
from .errors import ApiError


@dataclass(frozen=True, slots=True)
class Call:
    """A request with its place in the API.

    Args:
        request: The request.
        operation: The simulator's name of the operation.
        version: API version of the path, 0 outside the versioned API.
        args: The variable segments of the path.
        failing: Error codes for items of a batch, by place, that a fault wants refused.
        composite: Whether it is a part of a composite request.
    """

    request: HttpRequest
    operation: str
    version: float
    args: tuple[str, ...]
    failing: Mapping[int, str] = field(default_factory=dict)
    composite: bool = False

    @property
    def root(self) -> str:
        """Path of the versioned API that the client used."""
        return f"/services/data/v{self.version:.1f}"

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            ApiError: ``JSON_PARSER_ERROR``.
        """
        try:
            content = json.loads(self.request.body)
        except ValueError as error:
            raise ApiError("JSON_PARSER_ERROR", f"Unexpected input in the request body: {error}") from error
        if not isinstance(content, dict):
            raise ApiError("JSON_PARSER_ERROR", "The request body must be a JSON object")
        return content
