"""From XML to plain values, by the types of the WSDL.

zeep builds the types; the reading is done here, because zeep turns a missing required element and a text of the wrong
type into None, and refuses a whole answer for one element that was added since (measured, 4.3.3). Here what was added
is left out and noted, the order of elements does not matter, and what is missing or wrong is an error.

A complex type becomes a mapping by the names of its elements and attributes, what may occur more than once a list.
`TYPE` holds the local name of an `xsi:type`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import zeep.xsd
from zeep.xsd.elements.indicators import Choice, Group, Indicator
from zeep.xsd.types import builtins
from zeep.xsd.types.collection import ListType, UnionType
from zeep.xsd.types.simple import AnySimpleType

from . import xml

TYPE: Final = "@type"
"""The key of a mapping's XSD type: read where `xsi:type` says one, written to choose one."""
NIL: Final = zeep.xsd.Nil
"""A value that is written as `xsi:nil="true"`."""

XsdType: TypeAlias = Any
XsdElement: TypeAlias = Any
XsdGroup: TypeAlias = Any

_FORMS: Final[tuple[tuple[type[Any], re.Pattern[str]], ...]] = (
    (builtins.Boolean, re.compile(r"true|false|1|0", re.ASCII)),  # zeep reads every other text as False
    (builtins.Integer, re.compile(r"[+-]?\d+", re.ASCII)),  # Python also takes underscores
    (builtins.Decimal, re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)),
    (builtins.Double, re.compile(r"[+-]?((\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|INF)|NaN", re.ASCII)),
    (builtins.Float, re.compile(r"[+-]?((\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|INF)|NaN", re.ASCII)),
)


class Misfit(ValueError):
    """An answer does not fit the WSDL; the message names the place and quotes nothing."""


@dataclass(slots=True)
class Reading:
    """One reading of a message.

    Args:
        schema: The WSDL's types.
        unknown: Paths of elements that the WSDL does not know; they were left out.
    """

    schema: Any
    unknown: list[str] = field(default_factory=list)

    def of(self, node: xml.Node, xsd_type: XsdType, path: str) -> Any:
        """The value of an element.

        Args:
            node: The element.
            xsd_type: The type that the WSDL gives it.
            path: Where it is, for errors.

        Raises:
            Misfit: It is not of its type.
        """
        if xml.is_nil(node):
            return None
        named = self._named_type(node)
        actual = xsd_type if named is None else named
        if isinstance(actual, zeep.xsd.ComplexType):
            value = self._complex(node, actual, path)
            if named is not None and isinstance(value, dict):
                value[TYPE] = xml.qualified(node.get(f"{{{xml.XSI}}}type"), node)[1]
            return value
        if isinstance(actual, AnySimpleType):
            if next(xml.children(node), None) is not None:
                raise Misfit(f"{path} holds elements where a text was expected")
            return simple(actual, node.text or "", path)
        return self._anything(node)

    def _named_type(self, node: xml.Node) -> XsdType | None:
        name = node.get(f"{{{xml.XSI}}}type")
        if name is None:
            return None
        space, local_name = xml.qualified(name, node)
        return self.schema.get_type(f"{{{space}}}{local_name}", fail_silently=True)

    def _complex(self, node: xml.Node, xsd_type: XsdType, path: str) -> Any:
        found: dict[str, Any] = {}
        nested = xsd_type.elements_nested
        content = nested[0] if nested else None
        if xsd_type._array_type is not None:  # noqa: SLF001 -- the only way to know an array of SOAP's own encoding
            return [self.of(one, None, path) for one in xml.children(node)]
        if content is not None and isinstance(content[1], zeep.xsd.Element):
            found[content[0]] = simple(content[1].type, node.text or "", path)
        else:
            rest = list(xml.children(node))
            if content is not None:
                found.update(self._group(rest, *content, path=path, required=True))
            self.unknown += [f"{path}.{xml.local(one)}" for one in rest]
        found.update(_attributes(node, xsd_type, path))
        return found

    def _group(
        self, rest: list[xml.Node], name: str | None, group: XsdGroup, *, path: str, required: bool
    ) -> dict[str, Any]:
        """Take from `rest` what belongs to a sequence, choice, all or group."""
        required = required and not group.is_optional and not isinstance(group, Choice)
        if group.accepts_multiple:
            return {str(name): self._repeated(rest, group, path)}
        inner = [(None, group.child)] if isinstance(group, Group) else group.elements_nested
        found: dict[str, Any] = {}
        anything: list[str] = []
        for key, one in inner:
            if isinstance(one, zeep.xsd.Element):
                found.update(self._element(rest, str(key), one, path=path, required=required))
            elif isinstance(one, Indicator):
                found.update(self._group(rest, key, one, path=path, required=required))
            else:
                anything.append(str(key))
        for key in anything:
            found[key] = [self._anything(node) for node in rest]
            rest.clear()
        return found

    def _element(
        self, rest: list[xml.Node], key: str, declared: XsdElement, *, path: str, required: bool
    ) -> dict[str, Any]:
        most = len(rest) if declared.max_occurs == "unbounded" else int(declared.max_occurs)
        mine = [node for node in rest if _is(node, declared)][:most]
        for node in mine:
            rest.remove(node)
        at = f"{path}.{declared.name}"
        least = int(declared.min_occurs) if required else 0
        if len(mine) < least and not (declared.nillable and not mine):
            raise Misfit(f"{at} is missing")
        if not mine:
            return {key: []} if declared.accepts_multiple else {}
        values = [self._value(node, declared, at, needed=least > 0) for node in mine]
        return {key: values if declared.accepts_multiple else values[0]}

    def _value(self, node: xml.Node, declared: XsdElement, at: str, *, needed: bool) -> Any:
        bare = not (node.text or "").strip() and next(xml.children(node), None) is None
        # Many servers write an empty element for "no value", also where the type allows no empty text.
        if bare and not needed and isinstance(declared.type, AnySimpleType) and not _is_text(declared.type):
            return None
        value = self.of(node, declared.type, at)
        if value is None and needed and not declared.nillable:
            raise Misfit(f"{at} is nil")
        return value

    def _repeated(self, rest: list[xml.Node], group: XsdGroup, path: str) -> list[dict[str, Any]]:
        """The rounds of a group that repeats: a new one begins where an element comes again."""
        declared = {one.name: one for _, one in group.elements if isinstance(one, zeep.xsd.Element)}
        rounds: list[list[xml.Node]] = []
        for node in [node for node in rest if xml.local(node) in declared]:
            rest.remove(node)
            name = xml.local(node)
            several = declared[name].accepts_multiple
            again = not rounds or isinstance(group, Choice)
            if again or (not several and any(xml.local(one) == name for one in rounds[-1])):
                rounds.append([])
            rounds[-1].append(node)
        single = group.clone("", 1, 1)
        required = not isinstance(group, Choice)
        return [self._group(nodes, None, single, path=path, required=required) for nodes in rounds]

    def _anything(self, node: xml.Node) -> Any:
        inner = list(xml.children(node))
        if not inner:
            return node.text or ""
        found: dict[str, Any] = {}
        for one in inner:
            name, value = xml.local(one), self._anything(one)
            found[name] = [*found[name], value] if isinstance(found.get(name), list) else (
                [found[name], value] if name in found else value
            )  # fmt: skip
        return found


def _is(node: xml.Node, declared: XsdElement) -> bool:
    """Some servers leave the namespace out; a namespace that is another one is another element."""
    space, wanted = xml.namespace(node), declared.qname.namespace
    return xml.local(node) == declared.name and (not space or not wanted or space == wanted)


def _attributes(node: xml.Node, xsd_type: XsdType, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, attribute in xsd_type.attributes:
        if attribute.name is None:  # anyAttribute
            continue
        text = node.get(attribute.qname.text)
        if text is not None:
            found[key] = simple(attribute.type, text, f"{path}@{attribute.name}")
        elif attribute.required:
            raise Misfit(f"{path}@{attribute.name} is missing")
    return found


def _is_text(xsd_type: XsdType) -> bool:
    return isinstance(xsd_type, builtins.String | builtins.AnyURI | ListType) or not isinstance(
        xsd_type, builtins.BuiltinType | UnionType
    )


def simple(xsd_type: XsdType, text: str, path: str) -> Any:
    """A text as its simple type has it.

    Raises:
        Misfit: It is no text of that type.
    """
    shown = text if isinstance(xsd_type, builtins.String) else text.strip()
    form = next((form for kind, form in _FORMS if isinstance(xsd_type, kind)), None)
    try:
        if form is not None and not form.fullmatch(shown):
            raise ValueError
        return xsd_type.pythonvalue(shown)
    except (ValueError, TypeError, ArithmeticError, NotImplementedError):
        raise Misfit(f"{path} is no {getattr(xsd_type, 'name', None) or type(xsd_type).__name__}") from None


def typed(value: Any, xsd_type: XsdType, schema: Any) -> Any:
    """Plain values as zeep writes them: mappings become objects of their types, `TYPE` chooses a derived one.

    Raises:
        Misfit: A mapping names a type that the WSDL does not have.
    """
    if isinstance(value, list | tuple):
        return [typed(one, xsd_type, schema) for one in value]
    if not isinstance(value, Mapping):
        return _truthy(value, xsd_type)
    chosen = xsd_type
    if TYPE in value:
        chosen = type_by_name(str(value[TYPE]), schema)
    if not isinstance(chosen, zeep.xsd.ComplexType):
        return dict(value)
    return chosen(**typed_fields(value, chosen, schema))


class _EmptyText(str):
    """An empty text that is no "no"."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


def _truthy(value: Any, xsd_type: XsdType) -> Any:
    """Zeep leaves out what is chosen of an `xsd:choice` if it is false, 0 or empty: give it the text instead."""
    if value == "":
        return _EmptyText("")
    if value is None or value or not isinstance(xsd_type, AnySimpleType):
        return value
    return xsd_type.xmlvalue(value)  # type: ignore[no-untyped-call]


def unwritten(asked: Any, written: Any, path: str) -> list[str]:
    """Paths of values that were asked for and are not in what was written.

    Args:
        asked: Plain values, as they were given.
        written: Plain values, as they were read from the message.
        path: Where they are.
    """
    if isinstance(asked, Mapping):
        inside = written if isinstance(written, Mapping) else {}
        return [
            place
            for key, value in asked.items()
            if key != TYPE and value is not None and value is not NIL
            for place in unwritten(value, inside.get(key), f"{path}.{key}")
        ]
    if isinstance(asked, list | tuple):
        inside_list = written if isinstance(written, list) else [] if written is None else [written]
        if len(asked) != len(inside_list):
            return [path]
        pairs = zip(asked, inside_list, strict=True)
        return [place for one, two in pairs for place in unwritten(one, two, path)]
    return [path] if written is None else []


def typed_fields(value: Mapping[str, Any], xsd_type: XsdType, schema: Any) -> dict[str, Any]:
    """The fields of a mapping, each as `typed` makes it.

    Raises:
        Misfit: A mapping names a type that the WSDL does not have.
    """
    known: dict[str, Any] = dict(xsd_type.elements) | dict(xsd_type.attributes)
    return {key: typed(one, getattr(known.get(key), "type", None), schema) for key, one in value.items() if key != TYPE}


def type_by_name(name: str, schema: Any) -> XsdType:
    """A global type, by `{namespace}name`, or by its name alone where only one namespace has it.

    Raises:
        Misfit: There is none, or several.
    """
    found = [one for one in schema.types if one.qname is not None and name in (one.qname.text, one.qname.localname)]
    if len({one.qname.text for one in found}) != 1:
        raise Misfit(f"the WSDL has {'no type' if not found else 'several types'} {name}")
    return found[0]


def dig(value: Any, path: str) -> Any:
    """The value at a dotted path (`writeResponse.status`); None where there is none, `""` is the value itself."""
    for name in filter(None, path.split(".")):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
