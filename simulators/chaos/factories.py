"""Default factories that compiled code holds: pydantic's validators, and what attrs generates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, TypeAlias

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import SchemaValidator

from .place import Place, attribute, item

GuardFactory: TypeAlias = Callable[[Any, str, str], Any]
"""Given a default factory, the module of the class that it belongs to, and `Class.field`: its guard, or None."""

_GENERATED = "__attr_factory_"


def factories_of(value: Any, guard: GuardFactory) -> Iterator[Place]:
    """The places of a class or of a pydantic type adapter that hold a default factory which is to be guarded.

    Args:
        value: The class, or the type adapter.
        guard: Makes the guards.
    """
    if isinstance(value, TypeAdapter):
        yield from _compiled(value, "validator", value.core_schema, guard)
        return
    for name, one in vars(value).get("__pydantic_fields__", {}).items():
        if isinstance(one, FieldInfo):
            made = guard(one.default_factory, value.__module__, f"{value.__qualname__}.{name}")
            if made is not None:
                yield attribute(one, "default_factory", one.default_factory, made)
    yield from _compiled(value, "__pydantic_validator__", vars(value).get("__pydantic_core_schema__"), guard)
    made_by_attrs = vars(value).get("__init__")
    if isinstance(made_by_attrs, FunctionType):
        for name, one in made_by_attrs.__globals__.items():
            if name.startswith(_GENERATED):
                made = guard(one, value.__module__, f"{value.__qualname__}.{name.removeprefix(_GENERATED)}")
                if made is not None:
                    yield item(made_by_attrs.__globals__, name, one, made)


def _compiled(owner: Any, name: str, schema: Any, guard: GuardFactory) -> Iterator[Place]:
    """The validator, where its schema holds a factory: with guards it must be compiled anew."""
    if not isinstance(schema, dict):  # it is not complete, and cannot be asked yet
        return
    guarded = _guarded(schema, "", "", guard)
    if guarded is not schema:
        old = getattr(owner, name)
        # What is ready made of the models within has their factories unguarded.
        made = SchemaValidator(guarded, _config_of(old), _use_prebuilt=False)
        yield attribute(owner, name, old, made)


def _config_of(validator: Any) -> Any:
    """The configuration that a validator was compiled with, which only pickling tells."""
    compiled = getattr(validator, "_schema_validator", validator)  # a plugin of pydantic may be around it
    return compiled.__reduce__()[1][1]


def _guarded(part: Any, module: str, where: str, guard: GuardFactory) -> Any:
    """A part of a schema with guards in the place of factories; the part itself where it holds none."""
    if isinstance(part, list | tuple):
        items = [_guarded(one, module, where, guard) for one in part]
        return part if all(one is other for one, other in zip(part, items, strict=True)) else type(part)(items)
    if not isinstance(part, dict):
        return part
    if part.get("type") in ("model", "dataclass"):
        module, where = part["cls"].__module__, part["cls"].__qualname__
    elif part.get("type") == "dataclass-field":
        where = f"{where}.{part['name']}"
    changed: dict[Any, Any] = {}
    for name, one in part.items():
        if name == "default_factory":
            new = guard(one, module, where)
            new = one if new is None else new
        elif name == "fields" and isinstance(one, dict):
            of = {field: _guarded(inner, module, f"{where}.{field}", guard) for field, inner in one.items()}
            new = one if all(of[field] is inner for field, inner in one.items()) else of
        elif name in ("cls", "metadata", "serialization"):
            new = one
        else:
            new = _guarded(one, module, where, guard)
        if new is not one:
            changed[name] = new
    return {**part, **changed} if changed else part
