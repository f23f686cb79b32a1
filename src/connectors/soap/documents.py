"""A WSDL and all that it imports, gathered from the one configured location before anything is made of it.

What zeep then reads comes from memory: no document can lead it elsewhere. A file's imports must lie in the file's own
folder or below, a URL's on the same origin (scheme, host, port).
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

from . import xml

MOST_DOCUMENTS: Final = 300
MOST_BYTES: Final = 64 * 1024 * 1024
XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"
_XML_SCHEMA: Final = (
    b'<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/XML/1998/namespace">'
    b'<attribute name="lang" type="string"/><attribute name="space" type="string"/>'
    b'<attribute name="base" type="anyURI"/><attribute name="id" type="ID"/></schema>'
)

Fetch = Callable[[str], Awaitable[bytes]]
"""Reads the document at a URL or a path."""


class RefusedDocument(ValueError):
    """A WSDL or schema that is not read: unavailable, too large, not XML, or elsewhere than configured."""


@dataclass(frozen=True, slots=True)
class Documents:
    """A WSDL with its imports.

    Args:
        location: Where the WSDL itself lies: a URL, or an absolute path.
        contents: Every document by its location.
    """

    location: str
    contents: Mapping[str, bytes]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all documents in hexadecimal; where they lie does not matter, their order does not either."""
        digests = sorted(hashlib.sha256(content).hexdigest() for content in self.contents.values())
        return hashlib.sha256("".join(digests).encode()).hexdigest()

    def load(self, location: str) -> bytes:
        """A document that was gathered.

        Raises:
            RefusedDocument: It was not.
        """
        if location in self.contents:
            return self.contents[location]
        if location.rpartition("/")[2] == "xml.xsd":  # the schema of `xml:lang`, wherever it is said to lie
            return _XML_SCHEMA
        raise RefusedDocument(f"the WSDL leads to {location}, which is not loaded")


def read_file(location: str) -> bytes:
    """Read the document at a path. Blocks.

    Raises:
        RefusedDocument: It cannot be read, or is too large.
    """
    path = Path(location)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RefusedDocument(f"{location} has more than {MOST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise RefusedDocument(f"{location} cannot be read ({error.strerror})") from None


def is_url(location: str) -> bool:
    """Whether it is an http or https URL; anything else is a path."""
    return urlsplit(location).scheme in ("http", "https")


async def gather(location: str, fetch: Fetch) -> Documents:
    """Read a WSDL and what it imports, includes or redefines, each once.

    Args:
        location: A URL, or a path.
        fetch: Asked for URLs on the origin of `location` only, or for paths in its folder and below only.

    Raises:
        RefusedDocument: Something is unavailable, too large, not XML, or lies elsewhere.
    """
    start = _start(location)
    contents: dict[str, bytes] = {}
    pending, size = [start], 0
    while pending:
        location = pending.pop()
        if location in contents:
            continue
        if len(contents) >= MOST_DOCUMENTS:
            raise RefusedDocument(f"the WSDL imports more than {MOST_DOCUMENTS} documents")
        content = await fetch(location)
        size += len(content)
        if size > MOST_BYTES:
            raise RefusedDocument(f"the WSDL and its imports have more than {MOST_BYTES} bytes")
        try:
            root = xml.parse(content)
        except xml.UnreadableXml as error:
            raise RefusedDocument(f"{location}: {error}") from None
        contents[location] = content
        pending += [_inside(start, absolute(wanted, location)) for wanted in _imports(root)]
    return Documents(start, contents)


def _start(location: str) -> str:
    return location if is_url(location) else str(Path(location).resolve())


def _imports(root: xml.Node) -> Iterator[str]:
    for node in root.iter(f"{{{xml.WSDL}}}import"):
        if location := node.get("location"):
            yield location
    for name in ("import", "include", "redefine"):
        for node in root.iter(f"{{{xml.XSD}}}{name}"):
            location = node.get("schemaLocation")
            if location and node.get("namespace") != XML_NAMESPACE:
                yield location


def absolute(location: str, base: str) -> str:
    """Where a document leads that lies at `base`."""
    if is_url(base) or is_url(location):
        return urljoin(base, location)
    if urlsplit(location).scheme:  # file:, ftp:, jar: …
        return location
    return str((Path(base).parent / location).resolve())


def _inside(start: str, location: str) -> str:
    refused = RefusedDocument(f"the WSDL imports {location}, which lies elsewhere than {start}: it is not loaded")
    if is_url(start):
        if _origin(start) != _origin(location):
            raise refused
    elif urlsplit(location).scheme or not Path(location).is_relative_to(Path(start).parent):
        raise refused
    return location


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
