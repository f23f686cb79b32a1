"""The composite resource: up to 25 requests in one, in order, later ones using the answers of earlier ones.

Source: REST API Developer Guide, "Composite": each part's answer is in ``compositeResponse``; with the outer
``allOrNone`` one failure rolls all back and the others say ``PROCESSING_HALTED``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..request import HttpRequest, flag, json_reply, split_path, split_query
from ..wire import Reply
from .call import Call
from .errors import ApiError, MultipleMatches
from .org import Org
from .records import Transaction
from .replies import ambiguous, refused
from .routes import OPEN, RESPONDERS, route

MOST_PARTS = 25
_REFERENCE = re.compile(r"@\{(\w+)\.([\w.\[\]]+)\}")
_STEP = re.compile(r"(\w+)|\[(\d+)\]")
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."


def composite(org: Org, call: Call, tx: Transaction) -> Reply:
    """POST /composite."""
    body = call.json_object()
    parts = body.get("compositeRequest")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise ApiError("JSON_PARSER_ERROR", "The request body must have a list of objects named compositeRequest")
    if len(parts) > MOST_PARTS:
        raise ApiError("LIMIT_EXCEEDED", f"The number of subrequests must not exceed {MOST_PARTS}")
    start = tx.mark()
    answers: dict[str, Any] = {}
    results: list[dict[str, Any]] = []
    for part in parts:
        reference = str(part.get("referenceId") or "")
        if not re.fullmatch(r"\w+", reference) or reference in answers:
            raise ApiError("INVALID_INPUT", f"referenceId must be given, unique and of letters and digits: {reference}")
        reply = _part(org, call, tx, part, answers)
        content = json.loads(reply.body) if reply.body else None
        answers[reference] = content if reply.status < 300 else None
        headers = {name.decode().title(): value.decode() for name, value in reply.headers}
        results.append(
            {"body": content, "httpHeaders": headers, "httpStatusCode": reply.status, "referenceId": reference}
        )
    if flag(body.get("allOrNone")) and any(result["httpStatusCode"] >= 300 for result in results):
        tx.rollback(start)
        for result in results:
            if result["httpStatusCode"] < 300:
                halted = ApiError("PROCESSING_HALTED", _HALTED).body()
                result.update(body=halted, httpHeaders={}, httpStatusCode=400)
    return json_reply(200, {"compositeResponse": results})


def _part(org: Org, outer: Call, tx: Transaction, part: Mapping[str, Any], answers: Mapping[str, Any]) -> Reply:
    before = tx.mark()
    inner = outer
    try:
        path, _, query = str(_resolved(part.get("url", ""), answers)).partition("?")
        content = part.get("body")
        request = HttpRequest(
            outer.request.number,
            str(part.get("method", "")).upper(),
            split_path(path),
            split_query(query),
            {**outer.request.headers, **{n.lower(): str(v) for n, v in (part.get("httpHeaders") or {}).items()}},
            b"" if content is None else json.dumps(_resolved(content, answers)).encode(),
            outer.request.base_url,
        )
        inner = replace(route(request), composite=True)
        if inner.operation in OPEN or inner.operation not in RESPONDERS:
            raise ApiError("INVALID_INPUT", f"{path} cannot be a part of a composite request")
        return RESPONDERS[inner.operation][1](org, inner, tx)
    except ApiError as error:
        tx.rollback(before)
        return refused(error)
    except MultipleMatches as matches:
        tx.rollback(before)
        return ambiguous(inner, matches)


def _resolved(content: Any, answers: Mapping[str, Any]) -> Any:
    if isinstance(content, dict):
        return {name: _resolved(value, answers) for name, value in content.items()}
    if isinstance(content, list):
        return [_resolved(value, answers) for value in content]
    if isinstance(content, str):
        return _REFERENCE.sub(lambda found: str(_looked_up(found, answers)), content)
    return content


def _looked_up(found: re.Match[str], answers: Mapping[str, Any]) -> Any:
    value: Any = answers.get(found[1])
    try:
        for name, index in _STEP.findall(found[2]):
            value = value[int(index)] if index else value[name]
    except (KeyError, IndexError, TypeError):
        message = f"Invalid reference specified. No value for {found[2]} found in {found[1]}"
        raise ApiError("PROCESSING_HALTED", message) from None
    return value
