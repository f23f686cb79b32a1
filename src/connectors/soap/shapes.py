"""What zeep does not keep of a schema and generated models need: enumerations, derived and abstract types, texts."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import xml
from .documents import Documents

QName = str
"""`{namespace}name`."""


@dataclass(slots=True)
class Shapes:
    """Facts of the documents of a WSDL.

    Args:
        enumerations: Simple type → the values it allows.
        derived: Complex type → the types that extend or restrict it directly.
        abstract: Complex types that never occur themselves.
        texts: Operation → what the WSDL's author wrote about it.
    """

    enumerations: dict[QName, tuple[str, ...]] = field(default_factory=dict)
    derived: dict[QName, list[QName]] = field(default_factory=dict)
    abstract: set[QName] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=dict)

    def concrete(self, name: QName) -> list[QName]:
        """A type and all that derive from it, without the abstract ones; in the order of the documents."""
        found: list[QName] = []
        pending = [name]
        while pending:
            one = pending.pop(0)
            if one not in found:
                found.append(one)
                pending += self.derived.get(one, [])
        return [one for one in found if one not in self.abstract]


def shapes_of(documents: Documents) -> Shapes:
    """Read them from the documents of a WSDL."""
    found = Shapes()
    for content in documents.contents.values():
        root = xml.parse(content)
        for schema in root.iter(f"{{{xml.XSD}}}schema"):
            space = schema.get("targetNamespace") or ""
            for node in xml.children(schema):
                if name := node.get("name"):
                    _note(found, node, f"{{{space}}}{name}" if space else name)
        for port_type in root.iter(f"{{{xml.WSDL}}}portType"):
            for operation in port_type.findall(f"{{{xml.WSDL}}}operation"):
                text = xml.text_of(operation.find(f"{{{xml.WSDL}}}documentation"))
                if text:
                    found.texts[operation.get("name")] = " ".join(text.split())
    return found


def _note(found: Shapes, node: xml.Node, name: QName) -> None:
    if xml.local(node) == "simpleType":
        values = [one.get("value") for one in node.findall(f"{{{xml.XSD}}}restriction/{{{xml.XSD}}}enumeration")]
        if values and None not in values:
            found.enumerations[name] = tuple(dict.fromkeys(values))
    if xml.local(node) != "complexType":
        return
    if node.get("abstract") in ("true", "1"):
        found.abstract.add(name)
    for content in node.findall(f"{{{xml.XSD}}}complexContent"):
        for how in xml.children(content):
            if base := how.get("base"):
                space, local_name = xml.qualified(base, how)
                found.derived.setdefault(f"{{{space}}}{local_name}" if space else local_name, []).append(name)
