"""An OpenAPI description, read from a file that anybody may have written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar

from ...core.errors import InvalidRequest
from .document import Document

_MOST_BYTES = 32 * 1024 * 1024
_DEEPEST_PART = 200
_MOST_PARTS = 5_000_000
_NO_UNICODE = re.compile("[\ud800-\udfff]")
_VALUES = (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"(?:~|null|Null|NULL|)$", ("~", "n", "N", "")),
    ("int", r"-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", "-0123456789"),
    ("merge", r"<<$", "<"),
)
"""What is no text in YAML: tag, pattern, first characters."""


def read(path: Path) -> Document:
    """Read a description, in JSON or YAML.

    Args:
        path: The file.

    Raises:
        InvalidRequest: It cannot be read, or is no OpenAPI 3.0 or 3.1.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidRequest(f"{path} has more than {_MOST_BYTES} bytes", code="openapi")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read ({error.strerror})", code="openapi") from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path} is no UTF-8 text", code="openapi") from None
    root = _parsed(path, text)
    _weigh(path, root)
    if not isinstance(root, dict):
        raise InvalidRequest(f"{path} describes no API", code="openapi")
    version = str(root.get("openapi") or "")
    if not re.match(r"3\.[01](\.|$)", version):
        said = version or (f"Swagger {root['swagger']}" if "swagger" in root else "none")
        raise InvalidRequest(
            f"{path} must be OpenAPI 3.0 or 3.1 (`openapi: 3.1.0`); it says {said}: convert it first", code="openapi"
        )
    if not isinstance(root.get("paths"), dict) or not root["paths"]:
        raise InvalidRequest(f"{path} describes no paths", code="openapi")
    return Document(root)


def _parsed(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if path.suffix == ".json" or text.lstrip()[:1] == "{":
            raise InvalidRequest(f"{path} is no JSON", code="openapi") from None
    try:
        import yaml
    except ModuleNotFoundError:
        raise InvalidRequest(
            "YAML is read by PyYAML: pip install 'seawall[simulators]', or give the description as JSON", code="openapi"
        ) from None
    loader = _json_only(getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        depth = 0
        for event in yaml.parse(text, Loader=loader):  # the loader itself would overflow the stack
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST_PART:
                raise InvalidRequest(f"{path} is nested too deeply", code="openapi")
        return yaml.load(text, Loader=loader)  # noqa: S506 -- safe
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidRequest(f"{path} is no YAML: {' '.join(str(error).split())[:200]}", code="openapi") from None


def _json_only(loader: Any) -> Any:
    class JsonOnly(loader):  # type: ignore[misc] # chosen at run time
        """YAML whose values are those of JSON: `no` and a date are texts."""

        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    for tag, pattern, first in _VALUES:
        JsonOnly.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))
    return JsonOnly


def _weigh(path: Path, root: Any) -> None:
    """Refuse what is not JSON, and what becomes too large or endless where YAML's aliases are followed."""
    weights: dict[int, int] = {}

    def weight(part: Any, depth: int) -> int:
        if isinstance(part, str):
            if not part.isascii() and _NO_UNICODE.search(part):
                raise InvalidRequest(f"{path} has texts that are no Unicode", code="openapi")
            return 1
        if part is None or isinstance(part, bool | int | float):
            return 1
        if not isinstance(part, dict | list):
            raise InvalidRequest(f"{path} has a {type(part).__name__}, which JSON does not know", code="openapi")
        if depth > _DEEPEST_PART or weights.get(id(part)) == 0:
            raise InvalidRequest(f"{path} is nested too deeply, or contains itself", code="openapi")
        if id(part) not in weights:
            weights[id(part)] = 0
            inner = [*part, *part.values()] if isinstance(part, dict) else part
            weights[id(part)] = 1 + sum(weight(one, depth + 1) for one in inner)
        return weights[id(part)]

    if weight(root, 0) > _MOST_PARTS:
        raise InvalidRequest(f"{path} has more than {_MOST_PARTS} parts", code="openapi")
