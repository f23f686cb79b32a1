"""An HTTP request as the code of a simulated system sees it, and the JSON of its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

from .wire import Reply, Scope


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request.

    Args:
        number: Number of the request, from 1.
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
    def from_scope(cls, scope: Scope, body: bytes, number: int) -> Self:
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

    def form(self) -> dict[str, str]:
        """The body as a form."""
        return split_query(self.body.decode("utf-8", "replace"))


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
