"""Models drafted from the types of a WSDL, as Python source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import zeep.xsd
from zeep.xsd.elements.indicators import Choice, Group, Indicator
from zeep.xsd.types import builtins
from zeep.xsd.types.collection import ListType
from zeep.xsd.types.simple import AnySimpleType

from .naming import Unique, class_name, field_name
from .shapes import Shapes
from .source import plain, quoted
from .values import TYPE

_WIDTH: Final = 110
_SIMPLE: Final[tuple[tuple[type[Any], str], ...]] = (
    (builtins.Boolean, "bool"),
    (builtins.Integer, "int"),
    (builtins.Decimal, "Decimal"),
    (builtins.Float, "float"),
    (builtins.Double, "float"),
    (builtins.DateTime, "dt.datetime"),
    (builtins.Date, "dt.date"),
    (builtins.Time, "dt.time"),
    (builtins.Base64Binary, "bytes"),
    (builtins.HexBinary, "str"),
    (builtins.String, "str"),
    (builtins.AnyURI, "str"),
)

_IMPORTED: Final = ("Any", "Decimal", "Field", "Literal", "Part", "PartRead", "SoapRequest", "TypeAlias")


class Leaf(NamedTuple):
    """One element or attribute of a type.

    Args:
        key: Its name in the plain values.
        xsd_type: Its type; None where anything may be.
        several: Whether it may occur more than once.
        needed: Whether it must occur.
    """

    key: str
    xsd_type: Any
    several: bool
    needed: bool


@dataclass(slots=True)
class Drafts:
    """Classes for the types that requests and replies are made of.

    Args:
        schema: The types, as zeep has them.
        shapes: What zeep does not keep of the schema.
        sources: The source of each class and alias, in an order in which each is defined before it is used where
            that is possible.
    """

    schema: Any
    shapes: Shapes
    sources: list[str] = field(default_factory=list)
    _names: Unique = field(default_factory=lambda: Unique(*_IMPORTED))
    _made: dict[tuple[Any, bool], str] = field(default_factory=dict)
    _aliases: dict[str, str] = field(default_factory=dict)

    def request(self, operation: str, body: Any, reply: str, text: str) -> tuple[str, list[str]]:
        """Draft the request of an operation.

        Returns:
            The class, and its fields.
        """
        name = self._names.name(class_name(operation))
        leaves = list(leaves_of(body.type)) if body is not None else []
        lines, names = self._fields(leaves, name, read=False)
        if not leaves:
            lines, names = ["reference: str  # it has no arguments: say what makes a request the same request"], []
        self._write(name, f"SoapRequest[{reply}]", text or f"The arguments of {operation}.", lines)
        return name, names or ["reference"]

    def reply(self, operation: str, body: Any) -> str:
        """Draft the reply of an operation; one without fields where it has none."""
        name = self._names.name(f"{class_name(operation)}Reply")
        leaves = list(leaves_of(body.type)) if body is not None else []
        lines, _ = self._fields(leaves, name, read=True)
        self._write(name, "PartRead", f"What {operation} answers.", lines)
        return name

    def _fields(self, leaves: list[Leaf], owner: str, *, read: bool) -> tuple[list[str], list[str]]:
        names = Unique()
        lines: list[str] = []
        for leaf in leaves:
            name = names.name(field_name(leaf.key))
            annotation = self._annotation(leaf, owner, read=read)
            options = [f"alias={quoted(leaf.key)}"] if name != leaf.key else []
            if leaf.several:
                annotation = f"tuple[{annotation}, ...]"
                default = None if leaf.needed else "()"
                options += ["min_length=1"] if leaf.needed else []
            elif leaf.needed or annotation == "Any":
                default = None if leaf.needed else "None"
            else:
                annotation, default = f"{annotation} | None", "None"
            if options:
                given = [f"default={default}"] if default is not None else []
                lines.append(f"{name}: {annotation} = Field({', '.join([*given, *options])})")
            else:
                lines.append(f"{name}: {annotation}{'' if default is None else f' = {default}'}")
        return lines, names.given

    def _annotation(self, leaf: Leaf, owner: str, *, read: bool) -> str:
        if isinstance(leaf.xsd_type, zeep.xsd.ComplexType):
            return self._complex(leaf.xsd_type, f"{owner}{class_name(leaf.key)}", read=read)
        return self._simple(leaf.xsd_type)

    def _simple(self, xsd_type: Any) -> str:
        if isinstance(xsd_type, ListType):
            return f"tuple[{self._simple(xsd_type.item_type)}, ...]"
        name = xsd_type.qname.text if isinstance(xsd_type, AnySimpleType) and xsd_type.qname is not None else ""
        if name in self.shapes.enumerations:
            return self._enumeration(name)
        return next((python for kind, python in _SIMPLE if isinstance(xsd_type, kind)), "Any")

    def _enumeration(self, name: str) -> str:
        if name not in self._aliases:
            alias = self._aliases[name] = self._names.name(class_name(name.rpartition("}")[2]))
            values = ", ".join(quoted(value) for value in self.shapes.enumerations[name])
            line = f"{alias}: TypeAlias = Literal[{values}]"
            if len(line) > _WIDTH:
                values = "".join(f"    {quoted(value)},\n" for value in self.shapes.enumerations[name])
                line = f"{alias}: TypeAlias = Literal[\n{values}]"
            self.sources.append(line)
        return self._aliases[name]

    def _complex(self, xsd_type: Any, anonymous: str, *, read: bool) -> str:
        """The class of a complex type; where others derive from it, any of them."""
        name = xsd_type.qname.text if xsd_type.is_global and xsd_type.qname is not None else None
        if name is None or name not in self.shapes.derived:
            return self._class(xsd_type, anonymous, read=read)
        found = [
            self._class(self.schema.get_type(one), anonymous, read=read, chosen=one != name)
            for one in self.shapes.concrete(name)
        ]
        return " | ".join(dict.fromkeys(found)) or "Any"

    def _class(self, xsd_type: Any, anonymous: str, *, read: bool, chosen: bool = False) -> str:
        key = (xsd_type.qname.text if xsd_type.is_global else id(xsd_type), read)
        if key in self._made:
            return self._made[key]
        own = class_name(xsd_type.qname.localname) if xsd_type.is_global else anonymous
        name = self._made[key] = self._names.name(f"{own}Read" if read and (key[0], False) in self._made else own)
        lines, _ = self._fields(list(leaves_of(xsd_type)), name, read=read)
        if chosen:
            value = xsd_type.qname.localname if read or self._is_unique(xsd_type) else xsd_type.qname.text
            lines.insert(0, f'xsi_type: Literal[{quoted(value)}] = Field(default={quoted(value)}, alias="{TYPE}")')
        self._write(name, "PartRead" if read else "Part", f"{own} of the WSDL.", lines)
        return name

    def _is_unique(self, xsd_type: Any) -> bool:
        same = {one.qname.text for one in self.schema.types if one.qname is not None}
        return len([name for name in same if name.rpartition("}")[2] == xsd_type.qname.localname]) == 1

    def _write(self, name: str, base: str, text: str, lines: list[str]) -> None:
        shown = plain(text)
        shown = shown if shown.endswith((".", "!", "?")) else f"{shown}."
        if len(shown) > _WIDTH - 10:
            wrapped = textwrap.wrap(shown, _WIDTH - 10)
            shown = f"{name} of the WSDL.\n\n" + "\n".join(wrapped) + "\n"
        doc = textwrap.indent(f'"""{shown}"""', "    ")
        body = "\n".join(f"    {line}" for line in lines)
        self.sources.append(f"class {name}({base}):\n{doc}" + (f"\n\n{body}" if body else ""))


def leaves_of(xsd_type: Any) -> Iterator[Leaf]:
    """The elements and attributes of a type, in the order of the WSDL."""
    if not isinstance(xsd_type, zeep.xsd.ComplexType):
        yield Leaf("value", xsd_type, several=False, needed=True)
        return
    for name, one in xsd_type.elements_nested:
        if isinstance(one, zeep.xsd.Element):  # simple content: the text of an element that has attributes
            yield Leaf(str(name), one.type, several=False, needed=True)
        else:
            yield from _in_group(name, one, needed=True)
    for name, attribute in xsd_type.attributes:
        if attribute.name is not None:
            yield Leaf(str(name), attribute.type, several=False, needed=bool(attribute.required))


def _in_group(name: str | None, group: Any, *, needed: bool) -> Iterator[Leaf]:
    needed = needed and not group.is_optional and not isinstance(group, Choice)
    if group.accepts_multiple:
        yield Leaf(str(name), None, several=True, needed=False)
        return
    for key, one in [(None, group.child)] if isinstance(group, Group) else group.elements_nested:
        if isinstance(one, zeep.xsd.Element):
            must = needed and not one.is_optional and not one.nillable
            yield Leaf(str(key), one.type, several=bool(one.accepts_multiple), needed=must)
        elif isinstance(one, Indicator):
            yield from _in_group(key, one, needed=needed)
        else:
            yield Leaf(str(key), None, several=True, needed=False)
