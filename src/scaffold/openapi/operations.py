"""The operations of a description: what they take and answer, and what is left out of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ...connectors.soap.naming import Unique, field_name
from ...core.errors import InvalidRequest
from .document import Document, Unsupported

Place = Literal["path", "query", "header", "body"]
Shape = Literal["object", "items", "value", "none"]

_DEEPEST: Final = 8
METHODS: Final = ("get", "post", "put", "patch", "delete")
_KEYS: Final = ("idempotency-key", "x-idempotency-key")
_IGNORED: Final = ("accept", "content-type", "authorization")
_JSON: Final = re.compile(r"(application/([\w.+-]+\+)?json|application/\*|\*/\*)\s*(;.*)?$", re.IGNORECASE)
HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""What can be the name of a header."""


@dataclass(frozen=True, slots=True)
class Given:
    """One thing that an operation takes.

    Args:
        name: Our name of it.
        theirs: The name on the wire; empty for a body that is taken whole.
        place: Where it goes.
        required: Whether it must be there.
        schema: What it must look like.
    """

    name: str
    theirs: str
    place: Place
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Args:
        name: In snake_case.
        method: In lower case.
        path: With `{…}` for its parameters.
        text: What the description says of it.
        given: What it takes.
        key_header: The header that takes our key; empty if there is none.
        version: Our name of the `If-Match` header; empty if there is none.
        status: The status of its success.
        shape: What its answer is.
        reply: What the answer looks like.
    """

    name: str
    method: str
    path: str
    text: str
    given: tuple[Given, ...]
    key_header: str
    version: str
    status: int
    shape: Shape
    reply: Mapping[str, Any]


def operations(document: Document, only: Sequence[str] = ()) -> tuple[list[Operation], list[str]]:
    """The operations that a package can have.

    Args:
        document: The description.
        only: Only these, by `operationId` or by our names; all if empty.

    Returns:
        The operations, and a sentence for each part that is left out.

    Raises:
        InvalidRequest: None is left, or one that is wanted is not there.
    """
    kept: list[Operation] = []
    skipped: list[str] = []
    names, known = Unique("close", "open"), []
    for path, item in document.root["paths"].items():
        try:
            item = document.resolved(item)
        except Unsupported as why:
            skipped.append(f"{path}: {why}")
            continue
        for method in METHODS:
            if method not in item:
                continue
            wanted = _name(method, path, item[method])
            own = item[method].get("operationId") if isinstance(item[method], Mapping) else None
            known.append(str(own or wanted))
            if only and not {str(own), wanted} & set(only):
                continue
            try:
                made, without = _operation(document, names.name(wanted), method, path, item)
            except Unsupported as why:
                skipped.append(f"{method.upper()} {path}: {why}")
                continue
            except (AttributeError, TypeError, KeyError, ValueError):
                skipped.append(f"{method.upper()} {path}: it is not written as OpenAPI has it")
                continue
            kept.append(made)
            skipped += [f"{method.upper()} {path}: {one}" for one in without]
    unknown = sorted(set(only) - {one.name for one in kept} - set(known))
    if unknown:
        raise InvalidRequest(
            f"there is no operation {', '.join(unknown)}; there are: {', '.join(known)}", code="openapi"
        )
    if not kept:
        raise InvalidRequest(
            "nothing can be drafted from it: " + "; ".join(skipped or ["no operations"]), code="openapi"
        )
    return kept, skipped


def is_json(media_type: str) -> bool:
    """Whether a media type is JSON, or may be."""
    return _JSON.match(media_type.strip()) is not None


def _name(method: str, path: str, operation: Any) -> str:
    own = operation.get("operationId") if isinstance(operation, Mapping) else None
    words = own or f"{method} {path}"
    name = re.sub(r"[^a-z0-9_]", "", field_name(str(words)).lstrip("_")) or method
    return (name if name[0].isalpha() else f"x{name}")[:50]


def _operation(
    document: Document, name: str, method: str, path: str, item: Mapping[str, Any]
) -> tuple[Operation, list[str]]:
    if not path.isprintable() or not re.fullmatch(r"/[^?#{}\s]*(\{[^{}/\s]+\}[^?#{}\s]*)*", path):
        raise Unsupported("its path is none")
    if any("{" in segment and not re.fullmatch(r"\{[^{}]+\}", segment) for segment in path.split("/")):
        raise Unsupported("a parameter is only a part of a path's segment")
    operation = document.resolved(item[method])
    names, without = Unique(), list[str]()
    given: list[Given] = []
    key_header = version = ""
    for parameter in _parameters(document, item, operation):
        place, theirs = str(parameter.get("in")), str(parameter.get("name"))
        low = theirs.lower() if place == "header" else ""
        if low in _KEYS:
            key_header = theirs
            continue
        if low in _IGNORED:
            continue
        problem = _unsendable(document, parameter, place)
        if problem and parameter.get("required"):
            raise Unsupported(f"it needs {theirs}, and {problem}")
        if problem:
            without.append(f"{theirs} is left out, because {problem}")
            continue
        ours = names.name(field_name(theirs))
        required = bool(parameter.get("required")) or low == "if-match"
        if low == "if-match" and method != "get":
            version = ours
        given.append(Given(ours, theirs, place, required, parameter.get("schema", {})))  # type: ignore[arg-type] # checked
    named = {one.theirs for one in given if one.place == "path"}
    if missing := [one for one in re.findall(r"\{([^{}]+)\}", path) if one not in named]:
        raise Unsupported(f"{', '.join(missing)} in its path is not described")
    given += _body(document, operation, names)
    status, shape, reply = _reply(document, operation)
    text = str(operation.get("summary") or operation.get("description") or "")
    made = Operation(name, method, path, text, tuple(given), key_header, version, status, shape, reply)
    return made, without


def _parameters(
    document: Document, item: Mapping[str, Any], operation: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Those of the path, and those of the operation, which come before them."""
    every = [*item.get("parameters", ()), *operation.get("parameters", ())]
    resolved = [document.resolved(one) for one in every]
    yield from {(one.get("in"), one.get("name")): one for one in resolved}.values()


def _unsendable(document: Document, parameter: Mapping[str, Any], place: str) -> str:
    """Why a parameter cannot be sent; empty if it can."""
    if place not in ("path", "query", "header"):
        return f"parameters in {place} are not sent"
    if "schema" not in parameter:
        return "its content is not a plain value"
    if parameter.get("style", "form") not in ("form", "simple"):
        return f"the style {parameter['style']} is not written"
    if place == "header" and not HEADER.fullmatch(str(parameter.get("name"))):
        return "its name is none of a header"
    return "" if _is_plain(document, parameter["schema"]) else "it is not a plain value"


def _is_plain(document: Document, schema: Any, depth: int = 0) -> bool:
    """Whether only texts, numbers and such fit, whichever alternative is taken."""
    whole = document.merged(schema)
    kinds = whole.get("type")
    if {"array", "object"} & set(kinds if isinstance(kinds, list) else [kinds]) or "properties" in whole:
        return False
    inner = [*whole.get("anyOf", ()), *whole.get("oneOf", ())]
    return depth < _DEEPEST and all(_is_plain(document, one, depth + 1) for one in inner)


def _body(document: Document, operation: Mapping[str, Any], names: Unique) -> list[Given]:
    if "requestBody" not in operation:
        return []
    body = document.resolved(operation["requestBody"])
    content = body.get("content") or {}
    media = next((one or {} for name, one in content.items() if is_json(str(name))), None)
    if media is None:
        if not body.get("required"):
            return []
        raise Unsupported(f"it takes {', '.join(map(str, content)) or 'nothing that is described'}, and no JSON")
    schema = document.merged(media.get("schema", {}))
    required = bool(body.get("required", False))
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties or {"oneOf", "anyOf"} & schema.keys():
        return [Given(names.name("body"), "", "body", required, media.get("schema", {}))]
    needed = schema.get("required", ())
    return [
        Given(names.name(field_name(str(theirs))), str(theirs), "body", theirs in needed, one)
        for theirs, one in properties.items()
        if one is not False and not document.resolved(one).get("readOnly")
    ]


def _reply(document: Document, operation: Mapping[str, Any]) -> tuple[int, Shape, Mapping[str, Any]]:
    responses = operation.get("responses") or {}
    good = sorted(str(one) for one in responses if re.fullmatch(r"2(\d\d|XX)", str(one)))
    if not good:
        return 200, "none", {}
    by_text = {str(status): one for status, one in responses.items()}
    status = 200 if good[0] == "2XX" else int(good[0])
    content = document.resolved(by_text[good[0]]).get("content") or {}
    if not content:
        return status, "none", {}
    media = next((one or {} for name, one in content.items() if is_json(str(name))), None)
    if media is None:
        raise Unsupported(f"it answers {', '.join(map(str, content))}, and no JSON")
    schema = media.get("schema") or {}
    kind = document.merged(schema)
    if kind.get("type") == "array":
        items = kind.get("items") or {}
        return status, "items", {} if items is True else items
    if kind.get("properties") and not {"oneOf", "anyOf"} & kind.keys():
        return status, "object", schema
    return status, "value", {} if schema is True else schema
