"""The connectors that come with Seawall, each with its simulator, as subjects of the kit. Loaded when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from ..subject import Subject

SUBJECTS: Mapping[str, str] = {
    "salesforce": "salesforce:SalesforceSubject",
    "salesforce-marker": "salesforce:SalesforceMarkerSubject",
    "hubspot": "hubspot:HubSpotSubject",
    "hubspot-text": "hubspot:HubSpotTextSubject",
    "suitecrm": "suitecrm:SuiteCrmSubject",
    "suitecrm-v4_1": "suitecrm:SuiteCrmOldSubject",
    "netsuite": "netsuite:NetSuiteSubject",
    "soap": "soap:BillingSubject",
    "sql": "sql:LegacySubject",
}
"""Name → where it is."""


def load_subject(name: str) -> Subject:
    """A subject by its name, or by `module:Class` for one that comes from elsewhere.

    Raises:
        LookupError: There is none.
    """
    place = SUBJECTS.get(name)
    module, _, attribute = (f"{__name__}.{place}" if place else name).partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        known = ", ".join(sorted(SUBJECTS))
        raise LookupError(f"there is no subject {name!r} ({error}); known: {known}, or module:Class") from None
    made: Subject = found()
    return made


def place_of(subject: Subject) -> str:
    """The name by which `load_subject` finds a subject: its own, or `module:Class`."""
    place = f"{type(subject).__module__}:{type(subject).__qualname__}"
    ours = f"{__name__}.{SUBJECTS.get(subject.name, '')}"
    return subject.name if place == ours or "<locals>" in place else place
