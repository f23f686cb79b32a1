"""What is known not to hold of HubSpot's actions, and settings that show how their facts differ; for pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_PORTAL: Final = {"auth": {"flow": "private_app", "token": "example"}}
_KEYS: Final = dict.fromkeys(("contacts", "companies", "tickets", "notes"), "seawall_key")

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "no custom properties": _PORTAL,
    "`unique_properties`": {**_PORTAL, "unique_properties": _KEYS},
    "`marker_properties`": {**_PORTAL, "marker_properties": _KEYS},
}

_NO_CONDITION: Final = (
    "No conditional write: a change by somebody else between our read and our write, or before a late commit of ours, "
    "is overwritten."
)
_SEARCHED: Final = (
    "Without a unique property a probe goes by search: a record whose key somebody took out is taken for absent, and "
    "a proxy that delivers one POST twice makes two."
)

LIMITS: Final[Mapping[str, str]] = {
    "*": "The horizon and the lag of search are settings: HubSpot documents no bound for either. What workflows of the "
    "portal do on a write is theirs, and is not undone or looked up. Only API paths of v3 and v4 are used.",
    "find_contacts": "Some seconds behind; at most 10,000.",
    "find_tickets": "Some seconds behind; at most 10,000.",
    "create_contact": "HubSpot keeps e-mail addresses unique: one that another contact has is a conflict, with its id.",
    "create_company": _SEARCHED,
    "create_ticket": _SEARCHED,
    "add_note": "Found through the record that it is about: if somebody removes the association within the horizon, it "
    "is taken for absent.",
    "update_contact": _NO_CONDITION,
    "update_ticket": _NO_CONDITION,
    "upsert_contact": "A late commit of a lost attempt overwrites newer changes of the same fields.",
}
