"""Values that fit a JSON Schema: for the requests and the answers of a system that nobody has written by hand yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, Field, PydanticUserError, ValidationError, create_model
from pydantic_core import SchemaError

Schema = Mapping[str, Any]

_DEEPEST: Final = 12
_MOST: Final = 10_000
_LONGEST: Final = 10_000
_LONGEST_TRIED: Final = 24
"""A hostile pattern takes twice the time with each character."""
_FORMATS: Final[Mapping[str, str]] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "binary": "",
    "byte": "VDE=",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}


class NoExample(ValueError):
    """No value can be thought of; the message says where."""


@dataclass(frozen=True, slots=True)
class Example:
    """Fields that fit.

    Args:
        fields: By the names of the schema.
        place: The field that tells this example from others; empty if none does.
        token: The text that this field's value contains.
    """

    fields: dict[str, Any]
    place: str = ""
    token: str = ""


def example_of(model: type[BaseModel], number: int = 1) -> Example:
    """Fields for a model, by its aliases: those that it needs, and one that tells it from other examples.

    Args:
        model: The model.
        number: Another number makes another example.

    Raises:
        NoExample: For a field with a pattern, or that needs itself.
    """
    schema = model.model_json_schema(by_alias=True)
    return example(schema, schema, number)


def example(schema: Schema, root: Schema, number: int = 1) -> Example:
    """Fields for an object of a JSON Schema.

    Args:
        schema: The schema, of type `object`.
        root: The document that its references point into.
        number: Another number makes another example.

    Raises:
        NoExample: For a field with a pattern, or that needs itself.
    """
    made = _Made(root, number)
    whole = made.resolved(schema)
    fields = made.object(whole, "", 0)
    if not (place := made.place(fields)) and made.tell_apart(whole, fields, "", 0):
        place = made.place(fields)
    return Example(fields, place, made.told[place] if place else "")


def value_of(schema: Schema, root: Schema, number: int = 1) -> Any:
    """A value of a JSON Schema, whatever its type.

    Raises:
        NoExample: None can be thought of.
    """
    try:
        return _Made(root, number).value(schema, "", 0)
    except RecursionError:
        raise NoExample("it needs itself") from None


class _Made:
    def __init__(self, root: Schema, number: int) -> None:
        self._root = root
        self._number = number
        self._made = 0
        self.told: dict[str, str] = {}
        """Field → the text in it that is no other example's; numbers last, since they may be part of others."""

    @property
    def token(self) -> str:
        return f"T{self._number:05d}"

    def place(self, fields: Mapping[str, Any]) -> str:
        """The field that tells the example from others best."""
        named = [name for name in self.told if name in fields]
        return next((name for name in named if self.told[name] == self.token), next(iter(named), ""))

    def resolved(self, given: Any) -> Schema:
        """A schema without references at its top, the parts of an `allOf` put together."""
        schema: Schema = {} if isinstance(given, bool) else given  # true: anything fits
        for _ in range(_DEEPEST):
            if "$ref" in schema:
                schema = merged(found(self._root, str(schema["$ref"])), _without(schema, "$ref"))
            elif "allOf" in schema:
                schema = merged(*(self.resolved(one) for one in schema["allOf"]), _without(schema, "allOf"))
            else:
                return schema
        raise NoExample("a reference leads back to itself")

    def is_free_text(self, schema: Schema) -> bool:
        """Whether any text may stand there."""
        one = self._chosen(self.resolved(schema))
        bound = {"enum", "const", "format", "pattern"} & one.keys() or one.get("maxLength", 99) < len(self.token)
        return not bound and _type(one) == "string"

    def object(self, schema: Schema, where: str, depth: int) -> dict[str, Any]:
        """The fields that an object needs."""
        properties = schema.get("properties", {})
        needed = [name for name in schema.get("required", ()) if not _is_read_only(properties.get(name))]
        return {name: self.value(properties.get(name, {}), f"{where}.{name}".strip("."), depth + 1) for name in needed}

    def tell_apart(self, schema: Schema, fields: dict[str, Any], where: str, depth: int) -> bool:
        """Fill in one text that nobody needs, here or in an object that is needed; False where there is none."""
        properties = {name: self._chosen(self.resolved(one)) for name, one in schema.get("properties", {}).items()}
        for name, one in properties.items():
            if name not in fields and not one.get("readOnly") and self.is_free_text(one):
                fields[name] = self.value(one, f"{where}.{name}".strip("."), depth + 1)
                return True
        return depth < _DEEPEST and any(
            self.tell_apart(properties[name], value, f"{where}.{name}".strip("."), depth + 1)
            for name, value in fields.items()
            if isinstance(value, dict) and name in properties
        )

    def value(self, schema: Any, where: str, depth: int) -> Any:
        """A value that fits."""
        if depth > _DEEPEST:
            raise NoExample(f"{where or 'it'} needs itself")
        self._made += 1
        if self._made > _MOST:
            raise NoExample("it has too many parts")
        schema = self._chosen(self.resolved(schema))
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return next((one for one in schema["enum"] if one is not None), None)
        match _type(schema):
            case "object":
                return self.object(schema, where, depth)
            case "array":
                count = max(int(schema.get("minItems", 0)), 0)
                if count > _MOST:
                    raise NoExample(f"{where or 'it'} has too many parts")
                return [self.value(schema.get("items", {}), where, depth + 1) for _ in range(count)]
            case "integer" | "number":
                return self._number_for(schema, where)
            case "boolean":
                return False
            case "null":
                return None
            case _:
                return self._text(schema, where)

    def _chosen(self, schema: Schema) -> Schema:
        """One of the alternatives, the first that is not null."""
        for word in ("anyOf", "oneOf"):
            if word in schema:
                real = [one for one in map(self.resolved, schema[word]) if _type(one) != "null"]
                return self._chosen({**_without(schema, word), **real[0]}) if real else {"type": "null"}
        return schema

    def _number_for(self, schema: Schema, where: str) -> int:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        start = max(int(low), 0) + (1 if "exclusiveMinimum" in schema else 0)
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        step = int(schema.get("multipleOf", 1)) or 1
        wanted = (100_000 + self._number) * step
        if high is not None and wanted >= high:
            wanted = -(-start // step) * step
            if wanted > high:
                wanted = int(high)
        elif wanted < start:
            wanted = -(-start // step) * step
        if wanted == (100_000 + self._number) * step and where:
            self.told.setdefault(where.partition(".")[0], str(wanted))
        return wanted

    def _text(self, schema: Schema, where: str) -> str:
        longest, shortest = schema.get("maxLength"), int(schema.get("minLength", 0))
        text = _FORMATS.get(str(schema.get("format")))
        if text is None:
            text, token = self._own_text(str(schema.get("format", "")), longest)
            if token and "pattern" not in schema:
                self.told[where.partition(".")[0]] = token
        if shortest > _LONGEST:
            raise NoExample(f"{where or 'it'} is too long")
        text = text.ljust(shortest, "x")
        pattern = schema.get("pattern")
        if pattern is None:
            return text
        uuid, tail = self._own_text("uuid", None)
        told = {text: self.token, self.token: self.token, uuid: tail}
        for candidate in (*told, f"{self._number:05d}", str(self._number), "A" * max(shortest, 1)):
            if shortest <= len(candidate) <= (longest or len(candidate)) and _fits(pattern, candidate):
                if told.get(candidate, "") in candidate and candidate in told:
                    self.told[where.partition(".")[0]] = told[candidate]
                return candidate
        raise NoExample(f"{where or 'it'} has the pattern {pattern!r}")

    def _own_text(self, kind: str, longest: int | None) -> tuple[str, str]:
        forms = {
            "email": (f"{self.token.lower()}@example.com", self.token.lower()),
            "uri": (f"https://example.com/{self.token}", self.token),
            "uuid": (f"00000000-0000-4000-8000-{self._number:012d}", f"-{self._number:012d}"),
        }
        text, token = forms.get(kind, (self.token, self.token))
        if longest is not None and len(text) > longest:
            return f"{self._number:05d}"[-longest:], ""
        return text, token


def merged(*parts: Schema) -> dict[str, Any]:
    """A schema that says what each of several says; where only one of them can hold, the last."""
    made: dict[str, Any] = {}
    for part in parts:
        both: dict[str, Any] = {}
        for word in ("properties", "required", "allOf"):
            mine, theirs = made.get(word), part.get(word)
            if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
                both[word] = {**mine, **theirs}
            elif isinstance(mine, list) and isinstance(theirs, list):
                both[word] = list({repr(one): one for one in (*mine, *theirs)}.values())
        made |= {**part, **both}
    return made


def found(root: Schema, reference: str) -> Schema:
    """What a reference within a document points to.

    Raises:
        NoExample: It leads elsewhere, or nowhere.
    """
    place: Any = root
    if not reference.startswith("#/"):
        raise NoExample(f"{reference} leads to another document")
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(place, Mapping) or name not in place:
            raise NoExample(f"{reference} leads nowhere")
        place = place[name]
    return place if isinstance(place, Mapping) else {}


def _is_read_only(schema: Any) -> bool:
    return isinstance(schema, Mapping) and bool(schema.get("readOnly"))


def _type(schema: Schema) -> str:
    given = schema.get("type")
    if isinstance(given, list):
        given = next((one for one in given if one != "null"), "null")
    if given is None:
        given = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(given)


def _fits(pattern: str, text: str) -> bool:
    try:
        model = _limited(pattern)
        model(text=text)
    except ValidationError:
        return False
    except (SchemaError, PydanticUserError):  # it looks around or refers back: Python's own may take it
        pass
    else:
        return True
    try:
        return len(text) <= _LONGEST_TRIED and re.search(pattern, text) is not None
    except (re.error, OverflowError, RecursionError):
        return False


@cache
def _limited(pattern: str) -> type[BaseModel]:
    return create_model("Limited", text=(str, Field(pattern=pattern)))


def _without(schema: Schema, name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}
