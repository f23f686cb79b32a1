"""Answers and contracts that are not what was published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lxml import etree  # type: ignore[import-untyped] # it ships none

from .envelope import Element, alone, written
from .settings import Change, Drift

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_XS = "http://www.w3.org/2001/XMLSchema"
_ENTITIES = {
    "file": '<!ENTITY stolen SYSTEM "file:///etc/hostname">',
    "bomb": '<!ENTITY b0 "boom">' + "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 12)),
}


def depart(content: Element, drift: Drift) -> None:
    """Change an answer's content as `drift` has it."""
    for element in _elements(content):
        name = etree.QName(element).localname
        if name in drift.removed and element.getparent() is not None:
            element.getparent().remove(element)
        elif name in drift.renamed:
            _rename(element, drift.renamed[name])
        elif name in drift.replaced:
            element.text = drift.replaced[name]
        elif name in drift.nil:
            for child in list(element):
                element.remove(child)
            element.text = None
            element.set(f"{{{_XSI}}}nil", "true")
    if drift.added:
        for element in [one for one in _elements(content) if len(one)]:
            added = etree.SubElement(element, f"{{{etree.QName(element).namespace}}}addedInTheNextRelease")
            added.text = "new"


def drifted(document: bytes, how: str) -> bytes:
    """An envelope whose content has come away from the contract; a fault stays as it is.

    Args:
        document: The envelope.
        how: `added`: an unknown element in every structure. `nil`: every value is nil. `namespace`: all elements are in
            another one. `order`: the elements of every structure the other way round. `removed`: the last one is gone.
    """
    root = etree.fromstring(document)
    body = root.find("{*}Body")
    content = None if body is None or not len(body) else body[0]
    if content is None or etree.QName(content).localname == "Fault":
        return document
    inner = [one for one in _elements(content) if one is not content]
    leaves = [one for one in inner if not len(one)]
    match how:
        case "added":
            depart(content, Drift(added=True))
        case "nil":
            depart(content, Drift(nil=tuple({etree.QName(one).localname for one in leaves})))
        case "namespace":
            for element in _elements(content):
                name = etree.QName(element)
                element.tag = f"{{{name.namespace or 'urn:none'}/v2}}{name.localname}"
        case "order":
            for structure in [content, *inner]:
                structure[:] = list(structure)[::-1]
        case "removed" if leaves:
            leaves[-1].getparent().remove(leaves[-1])
    return written(root)


def with_entities(document: bytes, kind: str) -> bytes:
    """A document with a document type, whose last element holds an entity.

    Args:
        document: The document.
        kind: `file` or `bomb`.
    """
    entities = _ENTITIES[kind]
    last = entities.rpartition("<!ENTITY ")[2].split()[0]
    root = etree.fromstring(document)
    holder = next((one for one in reversed(_elements(root)) if not len(one)), root)
    holder.text = "ENTITY"
    head, _, rest = written(root).partition(b"?>")
    name = f"{root.prefix}:" if root.prefix else ""
    doctype = f"?><!DOCTYPE {name}{etree.QName(root).localname} [{entities}]>"
    return head + doctype.encode() + rest.replace(b">ENTITY<", f">&{last};<".encode())


def changed(wsdl: Element, changes: Iterable[Change]) -> Element:
    """The WSDL after changes."""
    for change in changes:
        (within,) = [
            one
            for one in wsdl.iter(f"{{{_XS}}}complexType", f"{{{_XS}}}element")
            if one.get("name") == change.within and one.find(f".//{{{_XS}}}sequence") is not None
        ]
        sequence = within.find(f".//{{{_XS}}}sequence")
        if change.kind == "added":
            etree.SubElement(sequence, f"{{{_XS}}}element", name=change.element, type="xsd:string")
            continue
        (element,) = sequence.findall(f"{{{_XS}}}element[@name='{change.element}']")
        if change.kind == "removed":
            sequence.remove(element)
        else:
            element.set("name", change.name)
    return wsdl


def unchanged(content: Element, changes: Sequence[Change]) -> Element:
    """What a request that fits the changed contract holds in the words of the old one."""
    content = alone(content)
    for element in _elements(content):
        name = etree.QName(element).localname
        for change in changes:
            if change.kind == "added" and name == change.element:
                element.getparent().remove(element)
            elif change.kind == "renamed" and name == change.name:
                _rename(element, change.element)
    return content


def _elements(root: Element) -> list[Element]:
    return [one for one in root.iter() if isinstance(one.tag, str)]


def _rename(element: Element, name: str) -> None:
    namespace = etree.QName(element).namespace
    element.tag = f"{{{namespace}}}{name}" if namespace else name
