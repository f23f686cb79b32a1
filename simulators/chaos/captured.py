"""Where a module holds what it took from another one: `from time import monotonic`, a class attribute, a default.

Replacing a function where it is defined does not reach these; they are found and replaced one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import BuiltinMethodType, CellType, FunctionType, ModuleType
from typing import Any

from pydantic import TypeAdapter

from .factories import GuardFactory, factories_of
from .place import Place, attribute, item

Replacements = Mapping[int, tuple[Any, Any]]
"""Identity of an original → the original, and what takes its place."""


def held_in(value: Any, replacements: Replacements) -> tuple[Any, Any] | None:
    """The original that a value is, and what takes its place; None if it is none."""
    if (found := replacements.get(id(value))) is not None:
        return found
    # `datetime.now` is made anew each time that somebody looks at it.
    if isinstance(value, BuiltinMethodType) and isinstance(value.__self__, type):
        _, owner = replacements.get(id(value.__self__), (None, None))
        if owner is not None and value.__name__ in vars(owner):
            return value, getattr(owner, value.__name__)
    return None


def names_in(module: ModuleType, original: Any, replacement: Any) -> Iterator[Place]:
    """The names by which a module holds one original.

    Args:
        module: The module.
        original: The original.
        replacement: What takes its place.
    """
    for name, value in list(vars(module).items()):
        if value is original:
            yield attribute(module, name, original, replacement)


def places_in(module: ModuleType, replacements: Replacements, guard: GuardFactory) -> list[Place]:
    """Every place of a module, its classes and its functions that holds an original.

    Args:
        module: The module.
        replacements: The originals.
        guard: Makes the guards of default factories.
    """
    found: list[Place] = []
    for name, value in list(vars(module).items()):
        if (held := held_in(value, replacements)) is not None:
            found.append(attribute(module, name, *held))
        elif isinstance(value, TypeAdapter):
            found += factories_of(value, guard)
        elif getattr(value, "__module__", None) != module.__name__:
            continue  # what it imported is looked at where it is defined
        elif isinstance(value, type):
            found += _in_class(value, replacements, guard)
        elif isinstance(value, FunctionType):
            found += _in_function(value, replacements)
    return found


def _in_class(owner: type[Any], replacements: Replacements, guard: GuardFactory) -> Iterator[Place]:
    yield from factories_of(owner, guard)
    for name, raw in list(vars(owner).items()):
        inner = getattr(raw, "__func__", None) or getattr(raw, "fget", None) or raw
        if (held := held_in(raw, replacements)) is not None:
            original, replacement = held
            # A function that is written in Python takes the instance; what it replaces may not.
            plain = isinstance(original, FunctionType | type)
            yield attribute(owner, name, raw, replacement if plain else staticmethod(replacement))
        elif isinstance(raw, staticmethod) and (held := held_in(inner, replacements)) is not None:
            yield attribute(owner, name, raw, staticmethod(held[1]))
        elif isinstance(inner, FunctionType):
            yield from _in_function(inner, replacements)
        elif isinstance(raw, type) and raw.__qualname__ == f"{owner.__qualname__}.{name}":
            yield from _in_class(raw, replacements, guard)


def _in_function(function: FunctionType, replacements: Replacements) -> Iterator[Place]:
    before = function.__defaults__ or ()
    after = tuple((held_in(one, replacements) or (one, one))[1] for one in before)
    if any(one is not other for one, other in zip(before, after, strict=True)):
        yield attribute(function, "__defaults__", before, after)
    named = function.__kwdefaults__ or {}
    for name, value in named.items():
        if (held := held_in(value, replacements)) is not None:
            yield item(named, name, *held)
    for cell in function.__closure__ or ():
        value = _content(cell)
        if (held := held_in(value, replacements)) is not None:
            yield attribute(cell, "cell_contents", *held)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None
