"""Where a module holds what it took from another one: `from time import monotonic`, a class attribute, a default.

Replacing a function where it is defined does not reach these; they are found and replaced one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CellType, FunctionType, ModuleType
from typing import Any

Replacements = Mapping[int, tuple[Any, Any]]
"""Identity of an original → the original, and what takes its place."""


@dataclass(frozen=True, slots=True)
class Place:
    """One reference that was replaced or is to be.

    Args:
        get: What is there now.
        put: Put something there.
        original: What was there.
        replacement: What is to be there.
    """

    get: Callable[[], Any]
    put: Callable[[Any], None]
    original: Any
    replacement: Any

    def replace(self) -> bool:
        """Put the replacement there; False if something else is there by now."""
        if self.get() is not self.original:
            return False
        self.put(self.replacement)
        return True

    def restore(self) -> None:
        """Put the original back."""
        if self.get() is self.replacement:
            self.put(self.original)


def places_in(module: ModuleType, replacements: Replacements) -> list[Place]:
    """Every place of a module, its classes and its functions that holds an original.

    Args:
        module: The module.
        replacements: The originals.
    """
    found: list[Place] = []
    for name, value in list(vars(module).items()):
        if id(value) in replacements:
            found.append(_attribute(module, name, *replacements[id(value)]))
        elif getattr(value, "__module__", None) != module.__name__:
            continue  # what it imported is looked at where it is defined
        elif isinstance(value, type):
            found += _in_class(value, replacements)
        elif isinstance(value, FunctionType):
            found += _in_function(value, replacements)
    return found


def _in_class(owner: type[Any], replacements: Replacements) -> Iterator[Place]:
    for name, raw in list(vars(owner).items()):
        inner = getattr(raw, "__func__", None) or getattr(raw, "fget", None) or raw
        if id(raw) in replacements:
            original, replacement = replacements[id(raw)]
            # A function that is written in Python takes the instance; what it replaces may not.
            plain = isinstance(original, FunctionType | type)
            yield _attribute(owner, name, raw, replacement if plain else staticmethod(replacement))
        elif isinstance(raw, staticmethod) and id(inner) in replacements:
            yield _attribute(owner, name, raw, staticmethod(replacements[id(inner)][1]))
        elif isinstance(inner, FunctionType):
            yield from _in_function(inner, replacements)


def _in_function(function: FunctionType, replacements: Replacements) -> Iterator[Place]:
    before = function.__defaults__ or ()
    after = tuple(replacements[id(one)][1] if id(one) in replacements else one for one in before)
    if any(one is not other for one, other in zip(before, after, strict=True)):
        yield _attribute(function, "__defaults__", before, after)
    named = function.__kwdefaults__ or {}
    for name, value in named.items():
        if id(value) in replacements:
            yield _item(named, name, *replacements[id(value)])
    for cell in function.__closure__ or ():
        value = _content(cell)
        if id(value) in replacements:
            yield _attribute(cell, "cell_contents", *replacements[id(value)])


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _attribute(owner: Any, name: str, original: Any, replacement: Any) -> Place:
    if isinstance(owner, type):  # as it is written there: asking for it would unwrap it
        return Place(lambda: vars(owner).get(name), lambda one: setattr(owner, name, one), original, replacement)
    return Place(lambda: getattr(owner, name, None), lambda one: setattr(owner, name, one), original, replacement)


def _item(owner: dict[str, Any], name: str, original: Any, replacement: Any) -> Place:
    return Place(lambda: owner.get(name), lambda one: owner.__setitem__(name, one), original, replacement)
