"""An OpenAPI description in a file, and what its references lead to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InvalidRequest
from ..examples import NoExample, found

_MOST_BYTES = 32 * 1024 * 1024
_DEEPEST = 16


class Unsupported(ValueError):
    """A part of the description that nothing is drafted from; the message says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """A description.

    Args:
        root: All of it.
    """

    root: Mapping[str, Any]

    def resolved(self, part: Any) -> Mapping[str, Any]:
        """A part of it, or what it refers to.

        Raises:
            Unsupported: It leads elsewhere, or nowhere.
        """
        for _ in range(_DEEPEST):
            if not isinstance(part, Mapping):
                raise Unsupported("it is not what OpenAPI says")
            if "$ref" not in part:
                return part
            try:
                part = found(self.root, str(part["$ref"]))
            except NoExample as error:
                raise Unsupported(str(error)) from None
        raise Unsupported("a reference leads back to itself")

    def merged(self, schema: Any, depth: int = 0) -> Mapping[str, Any]:
        """A schema with the properties of all parts of its `allOf`.

        Raises:
            Unsupported: It leads elsewhere, or contains itself.
        """
        if depth > _DEEPEST:
            raise Unsupported("its parts contain themselves")
        whole = self.resolved(schema)
        if "allOf" not in whole:
            return whole
        properties: dict[str, Any] = {}
        required: list[str] = []
        for part in whole["allOf"]:
            merged = self.merged(part, depth + 1)
            properties |= merged.get("properties", {})
            required += merged.get("required", ())
        properties |= whole.get("properties", {})
        required += whole.get("required", ())
        return {**whole, "properties": properties, "required": list(dict.fromkeys(required))}

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
    try:
        # Dates stay texts, as JSON has them.
        return yaml.load(text, Loader=_json_only(yaml.SafeLoader))  # noqa: S506 -- derived from SafeLoader
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidRequest(f"{path} is no YAML: {' '.join(str(error).split())[:200]}", code="openapi") from None


def _json_only(loader: Any) -> Any:
    class JsonOnly(loader):  # type: ignore[misc] # chosen at run time
        """YAML whose values are those of JSON."""

    JsonOnly.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
        for first, known in loader.yaml_implicit_resolvers.items()
    }
    return JsonOnly
