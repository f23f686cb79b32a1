"""Models drafted from the schemas of a description, as Python source.

Requests are strict, so that a mistake is told before anything is sent. Replies are lenient where a system may change:
texts with a format or with known values are texts, and what the description does not require may be missing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...connectors.soap.naming import Unique, class_name, field_name
from ...connectors.soap.source import plain, quoted
from .document import NARROWING, Document, Unsupported
from .limits import limits
from .operations import Given, Operation

_WIDTH: Final = 112
_FORMATS: Final = {"date": "dt.date", "date-time": "dt.datetime", "uuid": "UUID"}
_DEEPEST: Final = 40
_MOST: Final = 10_000
_IMPORTED: Final = (
    *("Annotated", "Any", "BaseModel", "ConfigDict", "Field", "Literal", "Reply", "Request", "TypeAlias", "UUID"),
    *("Part", "PartRead"),
)


@dataclass(slots=True)
class Drafts:
    """Classes for what requests and replies are made of.

    Args:
        document: The description.
        sources: The source of each class and alias.
        left_out: What the description says and the models do not.
    """

    document: Document
    sources: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    _names: Unique = field(default_factory=lambda: Unique(*_IMPORTED))
    _made: dict[tuple[str, bool], str] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)
    _depth: int = 0

    def operation(self, operation: Operation) -> tuple[str, str]:
        """Draft what an operation takes and answers.

        Returns:
            The classes of its request and its reply.

        Raises:
            Unsupported: One of them cannot be drafted; then nothing is left of the other.
        """
        written, left_out, made = len(self.sources), len(self.left_out), dict(self._made)
        try:
            reply = self.reply(operation)
            request = self.request(operation, reply)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            del self.sources[written:], self.left_out[left_out:]
            self._made = made
            if isinstance(error, Unsupported):
                raise
            raise Unsupported("it is not written as OpenAPI has it") from None
        return request, reply

    def request(self, operation: Operation, reply: str) -> str:
        """Draft the request of an operation; the answer is its class."""
        name = self._names.name(class_name(operation.name))
        lines = [self._given(one, name) for one in operation.given]
        if not lines and operation.method != "get":
            lines = ["reference: str  # it takes nothing: say what makes a request the same request"]
        text = operation.text or f"{operation.method.upper()} {operation.path}"
        self._write(name, f"Request[{reply}]", text, lines)
        return name

    def reply(self, operation: Operation) -> str:
        """Draft the reply of an operation; the answer is its class."""
        name = self._names.name(f"{class_name(operation.name)}Reply")
        text = f"What {operation.name} answers."
        if operation.shape == "object" and "$ref" in operation.reply:
            base = self._referred(str(operation.reply["$ref"]), read=True)
            if base.isidentifier() and base != "Any":
                self._write(name, base, text, [])
                return name
        if operation.shape == "object":
            return self._class(operation.reply, name, text, "PartRead")
        inner = {"items": "items: tuple[{}, ...]", "value": "value: {}"}.get(operation.shape)
        lines = [inner.format(self._annotation(operation.reply, name, read=True))] if inner else []
        self._write(name, "PartRead", text, lines)
        return name

    def fields(self, schema: Mapping[str, Any], *, read: bool) -> dict[Any, str]:
        """The names of an object's properties, and what its class calls them.

        Args:
            schema: The object, with what it is merged of.
            read: Whether it is read, or asked for.
        """
        names, hidden = Unique(), "writeOnly" if read else "readOnly"
        return {
            theirs: names.name(field_name(str(theirs)))
            for theirs, one in schema.get("properties", {}).items()
            if one is not False and not self._is(one, hidden)
        }

    def _given(self, one: Given, owner: str) -> str:
        annotation = self._annotation(one.schema, f"{owner}{class_name(one.name)}", read=False)
        return _line(one.name, annotation, one.required, None)

    def _class(self, schema: Mapping[str, Any], name: str, text: str, base: str) -> str:
        """A class for an object with properties. Its name is free."""
        whole, read = self.document.merged(schema), base != "Part"
        needed = whole.get("required", ())
        lines = list[str]()
        for theirs, ours in self.fields(whole, read=read).items():
            one = whole["properties"][theirs]
            annotation = self._annotation(one, f"{name}{class_name(str(theirs))}", read=read)
            lines.append(_line(ours, annotation, theirs in needed, None if ours == theirs else str(theirs)))
        self._write(name, base, text, lines)
        return name

    def _annotation(self, schema: Any, owner: str, *, read: bool) -> str:
        if isinstance(schema, bool) or not schema:  # any value
            return "Any"
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                raise Unsupported("its types are nested too deeply")
            return self._typed(schema, owner, read=read)
        finally:
            self._depth -= 1

    def _typed(self, schema: Mapping[str, Any], owner: str, *, read: bool) -> str:
        if "$ref" in schema and not self.document.narrows(schema):
            return self._referred(str(schema["$ref"]), read=read)
        schema = self.document.resolved(schema)
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return self._alternatives(schema[word], owner, read=read)
        if "allOf" in schema:
            parts = schema["allOf"]
            if len(parts) == 1 and not schema.keys() & NARROWING - {"allOf", "type"}:
                inner = self._annotation(parts[0], owner, read=read)
                return _or_none(inner) if schema.get("nullable") else inner
            return self._annotation(self.document.merged(schema), owner, read=read)
        kinds = schema.get("type")
        if isinstance(kinds, list):
            real = [one for one in kinds if one != "null"]
            inner = self._typed({**schema, "type": real[0]}, owner, read=read) if len(real) == 1 else "Any"
            return _or_none(inner) if "null" in kinds else inner
        inner = self._plain(schema, owner, read=read)
        return _or_none(inner) if schema.get("nullable") else inner

    def _plain(self, schema: Mapping[str, Any], owner: str, *, read: bool) -> str:
        kind = schema.get("type")
        if kind == "object" or (kind is None and "properties" in schema):
            return self._object(schema, owner, read=read)
        if kind == "array":
            inner = f"tuple[{self._annotation(schema.get('items', {}), f'{owner}Item', read=read)}, ...]"
            limits = {"minItems": "min_length", "maxItems": "max_length"}
            count = {one: schema[one] for one in limits if isinstance(schema.get(one), int)}
            return _limited(inner, [] if read else [f"{limits[one]}={int(value)}" for one, value in count.items()])
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if values and not read and all(isinstance(one, str | int | None) for one in values):
            return self._enumeration(values, owner)
        if kind == "string" and not read and schema.get("format") in _FORMATS:
            return _FORMATS[str(schema["format"])]
        python = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}.get(str(kind), "Any")
        return _limited(python, [] if read or python in ("Any", "bool") else self._limits(schema, python, owner))

    def _object(self, schema: Mapping[str, Any], owner: str, *, read: bool) -> str:
        if schema.get("properties"):
            name = self._names.name(f"{owner}Read" if read and not owner.endswith("Read") else owner)
            return self._class(schema, name, str(schema.get("description") or ""), "PartRead" if read else "Part")
        more = schema.get("additionalProperties")
        inner = self._annotation(more, f"{owner}Value", read=read) if isinstance(more, Mapping) else "Any"
        return f"dict[str, {inner}]"

    def _referred(self, reference: str, *, read: bool) -> str:
        if (reference, read) in self._made:
            return self._made[reference, read]
        schema = self.document.resolved({"$ref": reference})
        own = class_name(reference.rpartition("/")[2])
        whole = self.document.merged(schema)
        if not whole.get("properties") or "oneOf" in schema or "anyOf" in schema:
            if reference in self._open:
                self.left_out.append(f"{own}: it contains itself, what is inside of it may be anything")
                return "Any"
            self._open.add(reference)
            try:
                self._made[reference, read] = self._annotation(schema, own, read=read)
            finally:
                self._open.discard(reference)
            return self._made[reference, read]
        name = self._made[reference, read] = self._names.name(f"{own}Read" if read else own)
        self._class(schema, name, str(whole.get("description") or ""), "PartRead" if read else "Part")
        return name

    def _alternatives(self, schemas: list[Any], owner: str, *, read: bool) -> str:
        real = [one for one in schemas if not (isinstance(one, Mapping) and one.get("type") == "null")]
        if len(real) == 1:
            inner = self._annotation(real[0], owner, read=read)
        else:
            inner = "Any"
            self.left_out.append(f"{owner}: of several alternatives none is drafted, it takes anything")
        return _or_none(inner) if len(real) < len(schemas) else inner

    def _enumeration(self, values: list[Any], owner: str) -> str:
        name = self._names.name(owner)
        shown = [quoted(one) if isinstance(one, str) else repr(one) for one in values]
        line = f"{name}: TypeAlias = Literal[{', '.join(shown)}]"
        if len(line) > _WIDTH:
            line = f"{name}: TypeAlias = Literal[\n" + "".join(f"    {one},\n" for one in shown) + "]"
        self.sources.append(line)
        return name

    def _limits(self, schema: Mapping[str, Any], python: str, owner: str) -> list[str]:
        found, without = limits(schema, python)
        self.left_out += [f"{owner}: its {word} is not drafted" for word in without]
        return found

    def _is(self, schema: Any, word: str) -> bool:
        return isinstance(schema, Mapping) and bool(self.document.resolved(schema).get(word))

    def _write(self, name: str, base: str, text: str, lines: list[str]) -> None:
        if len(self.sources) >= _MOST:
            raise Unsupported(f"with it there are more than {_MOST} models: name the operations that you want")
        shown = plain(text) or f"{name} of the description."
        shown = shown if shown.endswith((".", "!", "?")) else f"{shown}."
        shown = shown[0].upper() + shown[1:]
        if len(shown) > _WIDTH - 10:
            shown = f"{name} of the description.\n\n" + "\n".join(textwrap.wrap(shown, _WIDTH - 10)) + "\n"
        doc = textwrap.indent(f'"""{shown}"""', "    ")
        body = "\n".join(f"    {line}" for line in lines)
        self.sources.append(f"class {name}({base}):\n{doc}" + (f"\n\n{body}" if body else ""))


def _line(name: str, annotation: str, required: bool, alias: str | None) -> str:  # noqa: FBT001 -- as in the schema
    if not required:
        annotation = _or_none(annotation)
    if alias is not None:
        given = [*([] if required else ["default=None"]), f"alias={quoted(alias)}"]
        return f"{name}: {annotation} = Field({', '.join(given)})"
    return f"{name}: {annotation}" + ("" if required else " = None")


def _or_none(annotation: str) -> str:
    return annotation if annotation == "Any" or annotation.endswith("| None") else f"{annotation} | None"


def _limited(annotation: str, limits: list[str]) -> str:
    return f"Annotated[{annotation}, Field({', '.join(limits)})]" if limits else annotation
