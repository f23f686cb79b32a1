"""One reference that can be replaced and put back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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


def attribute(owner: Any, name: str, original: Any, replacement: Any) -> Place:
    """The place that is an attribute."""
    if isinstance(owner, type):  # as it is written there: asking for it would unwrap it
        return Place(lambda: vars(owner).get(name), lambda one: setattr(owner, name, one), original, replacement)
    return Place(lambda: getattr(owner, name, None), lambda one: setattr(owner, name, one), original, replacement)


def item(owner: dict[str, Any], name: str, original: Any, replacement: Any) -> Place:
    """The place that is an entry of a dictionary."""
    return Place(lambda: owner.get(name), lambda one: owner.__setitem__(name, one), original, replacement)
