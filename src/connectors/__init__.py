"""Connectors: one folder for each kind of system, the same three files in each (models, wire, adapter).

They are loaded when a system asks for their kind. Packages of others add kinds through the entry-point group
`seawall.connectors`, each entry naming an `Adapter` class as `module:Class`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.adapter import Adapter

ENTRY_POINTS = "seawall.connectors"

BUILT_IN: Mapping[str, str] = {
    "hubspot": f"{__name__}.hubspot.adapter:HubSpotAdapter",
    "netsuite": f"{__name__}.soap.netsuite.adapter:NetSuiteAdapter",
    "salesforce": f"{__name__}.salesforce.adapter:SalesforceAdapter",
    "soap": f"{__name__}.soap.adapter:SoapAdapter",
    "sql": f"{__name__}.sql.adapter:SqlAdapter",
    "suitecrm": f"{__name__}.suitecrm.adapter:SuiteCrmAdapter",
}
"""The connectors that ship with Seawall: kind → its `Adapter` class."""


class UnknownConnector(LookupError):
    """No connector of this kind can be loaded; the message names the kinds that are known."""


def known_connectors() -> tuple[str, ...]:
    """The kinds that can be loaded, sorted."""
    return tuple(sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=ENTRY_POINTS))}))


def load_connector(kind: str) -> type[Adapter]:
    """The adapter class for a kind of system. A built-in kind cannot be replaced by an installed package.

    Args:
        kind: As `connector = "…"` in the configuration names it.

    Raises:
        UnknownConnector: Nobody offers this kind, or what is offered cannot be loaded or is no adapter.
    """
    from ..core.adapter import Adapter

    entry = _find(kind)
    if entry is None:
        raise UnknownConnector(f"there is no connector {kind!r}; known are: {', '.join(known_connectors())}")
    try:
        found = entry.load()
    except (ImportError, AttributeError) as error:
        if kind in BUILT_IN and isinstance(error, ModuleNotFoundError):
            raise UnknownConnector(
                f"the connector {kind!r} needs {error.name}, which is not installed: pip install 'seawall[soap]'"
            ) from error
        raise UnknownConnector(f"the connector {kind!r} ({entry.value}) cannot be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise UnknownConnector(f"the connector {kind!r} ({entry.value}) is no class derived from Adapter")
    return found


def _find(kind: str) -> EntryPoint | None:
    if kind in BUILT_IN:
        return EntryPoint(kind, BUILT_IN[kind], ENTRY_POINTS)
    return next(iter(entry_points(group=ENTRY_POINTS, name=kind)), None)


__all__ = ["BUILT_IN", "ENTRY_POINTS", "UnknownConnector", "known_connectors", "load_connector"]
