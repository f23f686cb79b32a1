"""Connectors: one folder for each kind of system, the same three files in each. Loaded when first used."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

from ..core.adapter import Adapter

BUILT_IN = {"salesforce": "seawall.connectors.salesforce.adapter:SalesforceAdapter"}
GROUP = "seawall.connectors"
"""The entry-point group by which other packages bring connectors."""


def known_connectors() -> list[str]:
    """The kinds of connector that can be named in a configuration."""
    return sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


def load_connector(kind: str) -> type[Adapter]:
    """The adapter class of a kind of system.

    Args:
        kind: A built-in kind, the name of an entry point, or `module:Class` for one of your own.

    Raises:
        LookupError: There is none; the message names those there are.
    """
    found: object = None
    if where := BUILT_IN.get(kind) or (kind if ":" in kind else None):
        module, _, name = where.partition(":")
        try:
            found = getattr(import_module(module), name, None)
        except ImportError as error:
            raise LookupError(f"the connector {kind!r} cannot be imported: {error}") from error
    for point in entry_points(group=GROUP):
        if found is None and point.name == kind:
            found = point.load()
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise LookupError(f"there is no connector {kind!r}; known: {', '.join(known_connectors())}")
    return found
