"""A request as the org's code sees it, and the words of its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from ..wire import Reply, Scope
from .errors import ApiError


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, or one part of a composite request.

    Args:
        number: Number of the HTTP request, from 1.
        method: HTTP method.
        path: Segments of the path, decoded one by one, without empty ones.
        query: Query parameters.
        headers: Headers by lower-case name.
        body: The bytes of the body.
        base_url: Scheme, host and port that the client used.
        target: Path and query as they were sent.
    """

    number: int
    method: str
    path: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = ""
    target: str = ""

    @classmethod
    def from_scope(cls, scope: Scope, body: bytes, number: int) -> Request:
        """The request of an ASGI scope."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        return cls(
            number,
            scope["method"],
            split_path(path),
            split_query(query),
            headers,
            body,
            f"{scope['scheme']}://{headers.get('host', '127.0.0.1')}",
            f"{path}?{query}",
        )

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ApiError: ``JSON_PARSER_ERROR``.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ApiError("JSON_PARSER_ERROR", f"Unexpected input in the request body: {error}") from error

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            ApiError: ``JSON_PARSER_ERROR``.
        """
        content = self.json()
        if not isinstance(content, dict):
            raise ApiError("JSON_PARSER_ERROR", "The request body must be a JSON object")
        return content

    def form(self) -> dict[str, str]:
        """The body as a form."""
        return split_query(self.body.decode("utf-8", "replace"))


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

    request: Request
    operation: str
    version: float
    args: tuple[str, ...]
    failing: Mapping[int, str] = field(default_factory=dict)
    composite: bool = False

    @property
    def root(self) -> str:
        """Path of the versioned API that the client used."""
        return f"/services/data/v{self.version:.1f}"


def split_path(raw_path: str) -> tuple[str, ...]:
    """The decoded segments of a path; an encoded slash stays inside its segment."""
    return tuple(unquote(segment) for segment in raw_path.split("/") if segment)


def split_query(text: str) -> dict[str, str]:
    """Query or form parameters."""
    return dict(parse_qsl(text, keep_blank_values=True)) if text else {}


def json_reply(status: int, content: Any, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Reply:
    """An answer with a JSON body."""
    return Reply(status, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), headers=headers)


def flag(value: object) -> bool:
    """A truth value as query parameters and headers write it."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
