"""A request with its place in one of the two APIs, and the words of the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from typing import Any

from ..effects import Cause
from ..request import HttpRequest
from ..wire import HTML, Reply
from .database import Origin
from .settings import User

JSON_API = b"application/vnd.api+json"
_V4_JSON = b"application/json; charset=UTF-8"
_NOBODY = User(user_name="", id="")


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was admitted.

    Args:
        request: The request.
        operation: The simulator's name of the operation.
        legacy: Whether it came over v4_1.
        args: Its arguments: those of the v4_1 method by name, or the variable segments of v8's path.
        user: The user it acts for.
        failing: Codes for items of a batch, by place, that a fault wants to fail.
        exists: For a v8 create with an id: whether there was such a record when the call came in.
        origin: Where its statements come from.
    """

    request: HttpRequest
    operation: str
    legacy: bool
    args: Mapping[str, Any]
    user: User = _NOBODY
    failing: Mapping[int, str] = field(default_factory=dict)
    exists: bool = False
    origin: Origin = field(default_factory=Origin)

    def from_cause(self, cause: Cause) -> Origin:
        """The origin of the call's statements when it is carried out for a cause."""
        return Origin(self.request.number, cause)


def v4_reply(content: Any) -> Reply:
    """An answer of v4_1, which has status 200 whatever it says."""
    return Reply(200, _json(content), _V4_JSON)


def v8_reply(status: int, content: Any) -> Reply:
    """An answer of v8."""
    return Reply(status, json.dumps(content, ensure_ascii=False, indent=4).encode(), JSON_API)


def plain_json(status: int, content: Any) -> Reply:
    """An answer of what stands before v8's controllers."""
    return Reply(status, _json(content), b"application/json")


def text_reply(status: int, text: str) -> Reply:
    """What PHP had printed when it broke off."""
    return Reply(status, text.encode(), HTML)


def v8_error(detail: str) -> Reply:
    """v8's 400: one object under ``errors``, and no list."""
    return v8_reply(400, {"errors": {"status": 400, "title": None, "detail": detail}})


def form_of(request: HttpRequest) -> dict[str, str]:
    """PHP's ``$_REQUEST``: query and body, whether the body is URL-encoded or, as curl sends it, multipart."""
    given = dict(request.query)
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        return given | dict(_part(part) for part in BytesParser().parsebytes(head + request.body).walk() if _name(part))
    return given | request.form()


def _part(part: Message) -> tuple[str, str]:
    content = part.get_payload(decode=True)
    return _name(part), content.decode("utf-8", "replace") if isinstance(content, bytes) else ""


def _name(part: Message) -> str:
    return str(part.get_param("name", "", "content-disposition") or "")


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
