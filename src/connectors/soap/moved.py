"""A WSDL and its imports under names of one folder, so that a package can carry them."""

from __future__ import annotations

from pathlib import PurePosixPath

from . import xml
from .documents import XML_NAMESPACE, Documents, absolute


def moved(documents: Documents, folder: str, stem: str) -> Documents:
    """Name the documents anew, and let them find each other.

    Args:
        documents: The WSDL with its imports. What imports nothing stays as it is, byte for byte, if it is UTF-8.
        folder: Where they are to lie, an absolute path.
        stem: The WSDL becomes `stem.wsdl`, its imports `stem-1.xsd` and so on.
    """
    names: dict[str, str] = {documents.location: f"{stem}.wsdl"}
    for location, content in documents.contents.items():
        suffix = "wsdl" if xml.local(xml.parse(content)) == "definitions" else "xsd"
        names.setdefault(location, f"{stem}-{len(names)}.{suffix}")
    contents = {
        str(PurePosixPath(folder) / names[location]): _renamed(content, location, names)
        for location, content in documents.contents.items()
    }
    return Documents(str(PurePosixPath(folder) / names[documents.location]), contents)


def _renamed(content: bytes, location: str, names: dict[str, str]) -> bytes:
    root, changed = xml.parse(content), False
    attributes = {f"{{{xml.WSDL}}}import": "location"}
    attributes |= {f"{{{xml.XSD}}}{name}": "schemaLocation" for name in ("import", "include", "redefine")}
    for tag, attribute in attributes.items():
        for node in root.iter(tag):
            led = node.get(attribute)
            if led and node.get("namespace") != XML_NAMESPACE:
                node.set(attribute, names[absolute(led, location)])
                changed = True
    return xml.to_bytes(root) if changed or not _is_utf8(content) else content


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
